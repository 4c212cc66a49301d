"""Whether copied pictures of H.264 in open groups are counted as in the recording, from where their copy begins.

A copy gets numbers of its own up to the next IDR picture (`smartcut.x264_open`), which no checksum holds: frame_num,
pic_order_cnt_lsb, and which references a picture releases. They are compared one by one with those that the survey
read; nothing is decoded (0.02 ms a picture of one slice, a sixth of what the survey takes).
"""

import os
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from jobs.engine.model.report import Fault
from jobs.engine.runtime.threads import CancellationToken
from jobs.engine.smartcut.splicer import Splice
from jobs.engine.smartcut.x264_open import OpenH264, PictureHeaders
from jobs.engine.verify.decode_check import Stamps


def numbering_faults(output: Path, shown: Stamps, splice: Splice, token: CancellationToken) -> list[Fault]:
    """What is wrong with the numbers of copied pictures, of those in one copy the first, and of all copies the first.

    Of other codecs nothing is counted anew. A result that has more or fewer pictures than planned is not looked at.
    """
    codec = splice.coded.codec
    if not isinstance(codec, OpenH264) or len(shown.pts) != len(splice.wanted.start_ticks):
        return []
    with output.open("rb") as file:
        for run in splice.runs:
            if run.copied_from is None:
                continue
            stored = range(run.first, run.end)
            decode_indexes = np.concatenate([np.arange(begin, end) for begin, end in run.copied_ranges])
            try:
                found = codec.stored_headers(_packets(file.fileno(), shown, stored, token))
            except (ValueError, IndexError):
                return [_fault(shown, run.first)]
            wrong = differing(codec.headers, decode_indexes, found)
            if len(wrong):
                return [_fault(shown, run.first + int(wrong[0]))]
    return []


def _packets(file: int, shown: Stamps, stored: range, token: CancellationToken) -> Iterator[bytes]:
    for place in stored:
        token.check()
        yield os.pread(file, int(shown.sizes[place]), int(shown.positions[place]))


def differing(source: PictureHeaders, decode_indexes: NDArray[np.int64], stored: PictureHeaders) -> NDArray[np.int64]:
    """Which pictures of a copy, by where they come in it, are counted otherwise than in the source.

    `decode_indexes` are the source's, without leading pictures that were left out; `stored` has as many pictures.
    """
    is_idr = np.frombuffer(source.is_idr, np.uint8)[decode_indexes] != 0
    entry_counts = int(np.argmax(is_idr)) if is_idr.any() else len(is_idr)
    anew = np.arange(len(is_idr)) < entry_counts
    wrong = np.zeros(len(is_idr), bool)
    for bits, before, after in (
        (source.log2_max_frame_num, source.frame_num, stored.frame_num),
        (source.log2_max_pic_order_cnt_lsb, source.pic_order_cnt_lsb, stored.pic_order_cnt_lsb),
    ):
        numbers, moduli = np.array(before, np.int64)[decode_indexes], _moduli(bits, decode_indexes)
        wrong |= np.where(anew, (numbers - numbers[0]) % moduli, numbers) != np.array(after, np.int64)
    is_idr[0] = True
    wrong |= is_idr != (np.frombuffer(stored.is_idr, np.uint8) != 0)
    found = stored.releases(range(len(is_idr)))
    wanted = _releases(source, decode_indexes, entry_counts)
    wrong |= np.array([one != other for one, other in zip(wanted, found, strict=True)], bool)
    return np.flatnonzero(wrong)


def _moduli(bits: bytearray, decode_indexes: NDArray[np.int64]) -> NDArray[np.int64]:
    return np.left_shift(1, np.frombuffer(bits, np.uint8)[decode_indexes].astype(np.int64))


def _releases(
    source: PictureHeaders, decode_indexes: NDArray[np.int64], entry_counts: int
) -> list[tuple[int, ...] | None]:
    """Of the pictures of a copy: without those of references before it, of the first `entry_counts`."""
    counted = decode_indexes[:entry_counts]
    numbers = np.array(source.frame_num, np.int64)[counted]
    moduli = _moduli(source.log2_max_frame_num, counted)
    references = np.cumsum(np.diff(numbers, prepend=numbers[:1]) % moduli)
    found = source.releases(decode_indexes.tolist())
    for place, since in enumerate(references.tolist()):
        released = found[place]
        if released is not None:
            found[place] = tuple(back for back in released if back <= since) if place else None
    return found


def _fault(shown: Stamps, place: int) -> Fault:
    time = float(Fraction(int(shown.pts[place])) * shown.time_base)
    message = f"The picture at {time:.3f} s was copied, and is counted otherwise than in the recording."
    return Fault("copy_differs", message, round(time, 3))
