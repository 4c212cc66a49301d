"""What is stored of colours, by its numbers in ITU-T H.273."""

from typing import NamedTuple

PQ, HLG = 16, 18
"""Transfer characteristics of SMPTE ST 2084 and ARIB STD-B67."""
HDR_TRANSFERS = (PQ, HLG)
HD_HEIGHT = 720
"""Pixels; from there on players take the matrix of BT.709 where none is told."""


class Matrix(NamedTuple):
    """How R'G'B' became Y'CbCr: ffmpeg's name, libswscale's number (SWS_CS_...), and the luma weights Kr and Kb."""

    name: str
    swscale: int
    red: float
    blue: float


BT709, BT601 = Matrix("bt709", 1, 0.2126, 0.0722), Matrix("smpte170m", 5, 0.299, 0.114)
BT2020 = Matrix("bt2020nc", 9, 0.2627, 0.0593)
MATRICES = {
    1: BT709,
    4: Matrix("fcc", 4, 0.30, 0.11),
    5: Matrix("bt470bg", 5, 0.299, 0.114),
    6: BT601,
    7: Matrix("smpte240m", 7, 0.212, 0.087),
    9: BT2020,
    10: BT2020,
}
"""By matrix coefficients."""


def matrix_of(matrix_coefficients: int, height: int) -> Matrix:
    """As tagged, else as players guess it, by the height in pixels."""
    return MATRICES.get(matrix_coefficients, BT709 if height >= HD_HEIGHT else BT601)
