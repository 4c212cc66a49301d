"""HDR and wide-gamut frames brought into sRGB, for the few that become thumbnails; and what is drawn on them from it.

libswscale can do it too, but takes more than a second for its tables each time and clips the highlights. The signal
models are those of ITU-R BT.2100, the matrices follow from the primaries.
"""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from jobs.engine.model.colour import BT2020, HDR_TRANSFERS, PQ

Picture = NDArray[np.floating[Any]]
"""Height x width x 3: red, green, blue."""

TO_BT709 = {
    9: np.array([[1.6605, -0.5876, -0.0728], [-0.1246, 1.1329, -0.0083], [-0.0182, -0.1006, 1.1187]], np.float32),
    12: np.array([[1.2249, -0.2247, 0.0], [-0.0420, 1.0419, 0.0], [-0.0197, -0.0786, 1.0979]], np.float32),
}
"""Linear light in the primaries of BT.2020 (9) and Display P3 (12), by their numbers in H.273, to those of sRGB."""
LUMA_BT2020 = np.array([BT2020.red, 1 - BT2020.red - BT2020.blue, BT2020.blue], np.float32)
WHITE_NITS = 203
"""What BT.2408 says paper white has in an HDR frame."""
HLG_PEAK_NITS = 1000
KNEE = 0.6
"""Up to this part of paper white light is kept as it is; what is brighter is pressed into the rest, never clipped."""
SDR_GAMMA = 2.4
CUBE_SIZE = 65
"""Points a side. Steps of PQ, HLG and sRGB all look alike to the eye, so an even table is close between its points."""


def concerns(transfer: int, primaries: int) -> bool:
    """Whether a frame with these tags has to be converted before it is shown as sRGB."""
    return transfer in HDR_TRANSFERS or primaries in TO_BT709


def to_srgb(signal: NDArray[Any], transfer: int, primaries: int) -> NDArray[np.uint8]:
    """8 bit sRGB from 16 bit full-range R'G'B' with the given tags."""
    return _bytes(srgb_of(signal.astype(np.float32) / 65535, transfer, primaries))


def srgb_of(coded: Picture, transfer: int, primaries: int) -> Picture:
    """sRGB of 0 to 1 from full-range R'G'B' of 0 to 1 with the given tags."""
    matrix = TO_BT709.get(primaries)
    if transfer not in HDR_TRANSFERS:
        # The curve of SDR is kept, as for all SDR frames: only the colours move.
        return np.power(_moved(np.power(coded, SDR_GAMMA), matrix), 1 / SDR_GAMMA).clip(0, 1)
    light = (pq_light(coded) if transfer == PQ else hlg_light(coded)) / WHITE_NITS
    return srgb_signal(shoulder(_moved(light, matrix))).clip(0, 1)


def write_cube(path: Path, transfer: int, primaries: int, *, size: int = CUBE_SIZE, inverse: bool = False) -> None:
    """Write `srgb_of` as a 3D table for ffmpeg's lut3d filter, in Adobe's Cube LUT format: red changes fastest.

    With `inverse` the other way: `from_srgb`.
    """
    steps = np.linspace(0, 1, size, dtype=np.float32)
    blue, green, red = np.meshgrid(steps, steps, steps, indexing="ij")
    points = np.stack([red, green, blue], axis=-1)
    table = (from_srgb if inverse else srgb_of)(points, transfer, primaries).reshape(-1, 3)
    np.savetxt(path, table, fmt="%.6f", header=f"LUT_3D_SIZE {size}", comments="")


def from_srgb(signal: Picture, transfer: int, primaries: int) -> Picture:
    """R'G'B' of 0 to 1 with the given tags from sRGB of 0 to 1: drawn white becomes the paper white of HDR."""
    if not concerns(transfer, primaries):
        return signal
    matrix = TO_BT709.get(primaries)
    inverse = None if matrix is None else np.linalg.inv(matrix)
    if transfer not in HDR_TRANSFERS:
        return np.power(_moved(np.power(signal, SDR_GAMMA), inverse).clip(0, 1), 1 / SDR_GAMMA)
    light = _moved(srgb_light(signal), inverse) * WHITE_NITS
    return (pq_signal(light) if transfer == PQ else hlg_signal(light)).clip(0, 1)


def srgb_light(signal: Picture) -> Picture:
    return np.where(signal <= 0.04045, signal / 12.92, np.power((signal + 0.055) / 1.055, 2.4))


def pq_signal(light: Picture) -> Picture:
    """PQ signal of 0 to 1 of nits."""
    root = np.power(np.maximum(light, 0) / 10_000, 2610 / 16384)
    return np.power((3424 / 4096 + 2413 / 128 * root) / (1 + 2392 / 128 * root), 2523 * 128 / 4096)


def hlg_signal(light: Picture) -> Picture:
    """HLG signal of 0 to 1 of nits on a display of 1000 nits."""
    a, b, c = 0.17883277, 0.28466892, 0.55991073
    luma = np.maximum(light @ LUMA_BT2020 / HLG_PEAK_NITS, 1e-9)[..., None]
    scene = light / HLG_PEAK_NITS * np.power(luma, 1 / 1.2 - 1)
    return np.where(scene <= 1 / 12, np.sqrt(3 * scene), a * np.log(np.maximum(12 * scene - b, 1e-9)) + c)


def pq_light(signal: Picture) -> Picture:
    """Nits of a PQ signal of 0 to 1."""
    root = np.power(signal, 4096 / (2523 * 128))
    return 10_000 * np.power(np.maximum(root - 3424 / 4096, 0) / (2413 / 128 - 2392 / 128 * root), 16384 / 2610)


def hlg_light(signal: Picture) -> Picture:
    """Nits of an HLG signal of 0 to 1 on a display of 1000 nits."""
    a, b, c = 0.17883277, 0.28466892, 0.55991073
    scene = np.where(signal <= 0.5, signal**2 / 3, (np.exp((signal - c) / a) + b) / 12)
    luma = np.maximum(scene @ LUMA_BT2020, 1e-6)[..., None]
    return HLG_PEAK_NITS * luma**0.2 * scene


def shoulder(light: Picture) -> Picture:
    """Light relative to paper white pressed into 0 to 1, by its strongest channel so that hues stay."""
    peak = np.maximum(light.max(axis=-1, keepdims=True), 1e-6)
    pressed = KNEE + (1 - KNEE) * (1 - np.exp(-(peak - KNEE) / (1 - KNEE)))
    return light * np.where(peak > KNEE, pressed / peak, 1)


def srgb_signal(light: Picture) -> Picture:
    return np.where(light <= 0.0031308, 12.92 * light, 1.055 * np.power(light, 1 / 2.4) - 0.055)


def _moved(light: Picture, matrix: Any) -> Picture:
    """Into the primaries of sRGB; colours that it does not have become the nearest in each channel."""
    return np.maximum(light if matrix is None else light @ matrix.T, 0)


def _bytes(signal: Picture) -> NDArray[np.uint8]:
    return (np.clip(signal, 0, 1) * 255 + 0.5).astype(np.uint8)
