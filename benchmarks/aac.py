"""How well ffmpeg's AAC keeps two channels, by its settings: noise, what a model of hearing says of it, bits, time.

    python benchmarks/aac.py [--speech FILE] [--music FILE ...]

Speech (espeak-ng's where no file is given) is panned, put beside another voice, delayed and turned in phase between the
channels; music is taken as it is. Each cell is the worse of both channels. "heard" is the opinion score (1 to 5) that
Zimtohrli (Google, 2024; `pip install zimtohrli`) gives to the worst of left, right and what differs between them.
"""

import argparse
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import av
import numpy as np
from numpy.typing import NDArray

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from jobs.engine.audio import aac_encoder
from jobs.engine.container.audio_files import AAC_CODER

try:
    import zimtohrli
except ImportError:
    zimtohrli = None

RATE = 48_000
SECONDS = 10
Samples = NDArray[np.float32]
FAST = {"aac_coder": "fast"}
SETTINGS: dict[str, dict[str, str]] = {
    "ours": AAC_CODER,
    "fast": FAST,
    "fast, no IS": {**FAST, "aac_is": "0"},
    "fast, no TNS, PNS": {**FAST, "aac_tns": "0", "aac_pns": "0"},
    "ours, no M/S": {**AAC_CODER, "aac_ms": "0"},
    "twoloop": {"aac_coder": "twoloop"},
    "ours, twoloop": {**AAC_CODER, "aac_coder": "twoloop"},
    "ours, quality 120": {**AAC_CODER, "flags": "+qscale", "global_quality": "120"},
}


def read(path: Path, begin: float = 0) -> Samples:
    """Ten seconds from `begin`, two channels."""
    blocks, count = [], 0
    with av.open(str(path)) as container:
        if begin:
            container.seek(int(begin * av.time_base))
        resampler = av.AudioResampler("flt", "stereo", RATE)
        for frame in container.decode(audio=0):
            for made in resampler.resample(frame):
                blocks.append(made.to_ndarray().reshape(-1, 2))
                count += len(blocks[-1])
            if count >= SECONDS * RATE:
                break
    return np.concatenate(blocks)[: SECONDS * RATE].astype(np.float32)


def spoken(voice: str, folder: Path) -> Samples:
    path = folder / f"{voice}.wav"
    text = "The quick brown fox jumps over the lazy dog, and she sells sea shells by the sea shore. " * 3
    subprocess.run(["espeak-ng", "-v", voice, "-w", str(path), text], check=True)
    return read(path)


def turned(samples: Samples) -> Samples:
    """The same, each frequency a quarter of a turn later (Hilbert's transform)."""
    spectrum = np.fft.rfft(samples)
    return np.fft.irfft(spectrum * -1j, len(samples)).astype(np.float32)


def materials(speech: list[Path], music: list[Path]) -> Iterator[tuple[str, Samples]]:
    with tempfile.TemporaryDirectory() as folder:
        if speech:
            one, two = read(speech[0])[:, 0], read(speech[-1], SECONDS)[:, 0]
        else:
            one, two = (spoken(voice, Path(folder))[:, 0] for voice in ("en-us", "en-gb+f3"))
    length = min(len(one), len(two))
    one, two = one[:length], two[:length]
    yield "speech, panned 12 dB", np.stack([one, 0.25 * one], 1)
    yield "two voices, left and right", np.stack([one, two], 1)
    yield "speech, 0.4 ms later", np.stack([one, np.roll(one, RATE * 4 // 10_000)], 1)
    yield "speech, a quarter turn", np.stack([one, turned(one)], 1)
    random = np.random.default_rng(1)
    room = np.stack(
        [np.convolve(one, random.normal(0, 1, 9600) * np.exp(-np.arange(9600) / 2000))[:length] for _ in "lr"], 1
    )
    yield "speech in a room", (np.stack([one, one], 1) + 0.3 * room / np.abs(room).max()).astype(np.float32)
    yield "noise of two kinds", random.normal(0, 0.1, (length, 2)).astype(np.float32)
    for path in music:
        yield path.stem, read(path, 20)


def encoded(samples: Samples, options: dict[str, str], path: Path) -> tuple[float, float]:
    """Kilobits a second and milliseconds of processor a second."""
    began = time.process_time()
    with av.open(str(path), "w", format="mp4") as container:
        stream = container.add_stream("aac", rate=RATE, layout="stereo", options=options)
        stream.bit_rate = aac_encoder.bit_rate(RATE, 2)
        encoder = aac_encoder.AudioEncoder(container, stream)
        for begin in range(0, len(samples), 1 << 16):
            encoder.write(samples[begin : begin + (1 << 16)])
        encoder.finish()
    seconds = len(samples) / RATE
    with av.open(str(path)) as container:
        size = sum(packet.size for packet in container.demux(audio=0))
    return size * 8 / 1000 / seconds, (time.process_time() - began) * 1000 / seconds


def noise(samples: Samples, made: Samples) -> float:
    """Signal over noise of the worse channel, in dB."""
    rest = samples - made
    return min(
        10 * float(np.log10((wanted**2).sum() / max((lost**2).sum(), 1e-12)))
        for wanted, lost in zip(samples.T, rest.T, strict=True)
    )


def heard(samples: Samples, made: Samples) -> float:
    if zimtohrli is None:
        return float("nan")
    views = [(samples[:, 0], made[:, 0]), (samples[:, 1], made[:, 1])]
    views.append((samples[:, 0] - samples[:, 1], made[:, 0] - made[:, 1]))
    return min(zimtohrli.mos_from_signals(wanted, got) for wanted, got in views)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--speech", type=Path, nargs="*", default=[])
    parser.add_argument("--music", type=Path, nargs="*", default=[])
    options = parser.parse_args()
    print("| what | settings | dB | heard | kbit/s | ms/s |\n|---|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as folder:
        for name, samples in materials(options.speech, options.music):
            for setting, chosen in SETTINGS.items():
                path = Path(folder) / "made.mp4"
                kbps, cost = encoded(samples, chosen, path)
                made = read(path)
                length = min(len(made), len(samples))
                row = noise(samples[:length], made[:length]), heard(samples[:length], made[:length])
                print(f"| {name} | {setting} | {row[0]:.1f} | {row[1]:.2f} | {kbps:.0f} | {cost:.1f} |", flush=True)


if __name__ == "__main__":
    main()
