"""Which pictures can be copied, on made decoding orders."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jobs.engine.smartcut.copy_plan import MAXIMUM_ENCODE_PICTURES, MINIMUM_COPY_PICTURES, Decoding, Run, plan_runs
from jobs.engine.smartcut.packet_survey import CodedPictures
from jobs.engine.smartcut.x264 import H264
from jobs.engine.video.frame_index import FrameIndex
from jobs.engine.video.frame_schedule import Schedule


def stored(text: str) -> tuple[CodedPictures, FrameIndex]:
    """From words in decoding order, like "I0 P3 b1 b2", a kind and when it is shown: I is an IDR, b is no reference.

    C is a CRA picture, whose leading pictures are L or (no reference) l. K is a keyframe that is no random access
    point, and an x is not shown at all.
    """
    words = text.split()
    shown = sorted(int(word[1:]) for word in words if not word.startswith("x"))
    frame_numbers = [-1 if word.startswith("x") else shown.index(int(word[1:])) for word in words]
    pts = np.array([int(word[1:]) for word in words], np.int64)
    kinds = np.array([word[0] for word in words])
    nothing = np.zeros(len(words), np.uint32)
    coded = CodedPictures(
        codec=H264(),
        pts=pts,
        frame_numbers=np.array(frame_numbers, np.int64),
        random_access=np.isin(kinds, ["I", "C"]),
        leading=np.isin(kinds, ["L", "l"]),
        reference=np.isin(kinds, ["I", "C", "P", "K", "B", "L", "x"]),
        keyframes=np.isin(kinds, ["I", "C", "K"]),
        file_offsets=nothing.astype(np.int64),
        sizes=nothing,
        checksums=nothing,
        length_bytes=4,
        extradata=b"",
        parameter_sets=(),
        copies_verbatim=True,
        readable_in_place=False,
    )
    times = np.array(shown, np.int64)
    keys = [int(word[1:]) for word in words if word[0] in "ICK"]
    return coded, FrameIndex(times, times, np.array(keys), int(times[-1]) + 1, 16_000)


def keeping(index: FrameIndex, *ranges: tuple[int, int]) -> Schedule:
    pts = [index.pts[(index.pts >= start) & (index.pts < end)] for start, end in ranges]
    whole = np.concatenate(pts)
    first = tuple(int(count) for count in np.cumsum([0, *map(len, pts[:-1])]))
    return Schedule(whole, np.arange(len(whole)), np.ones(len(whole), np.int64), first)


CLOSED = "I0 P3 b1 b2 P6 b4 b5 I7 P10 b8 b9 P13 b11 b12 P16 b14 b15 I17 P20 b18 b19"
OPEN = "I0 P3 b1 b2 C7 L5 l4 l6 P9 b8 C12 l10 l11"


@pytest.mark.parametrize(
    ("text", "ranges", "expected"),
    [
        (CLOSED, [(4, 16)], [Run(0, 3), Run(3, 7, 7), Run(10, 2)]),
        (CLOSED, [(4, 17)], [Run(0, 3), Run(3, 10, 7)]),
        (CLOSED, [(0, 21)], [Run(0, 21, 0)]),
        (CLOSED, [(1, 6)], [Run(0, 5)]),
        # What ends one range and what begins the next are encoded together.
        (CLOSED, [(0, 6), (8, 9), (15, 21)], [Run(0, 4, 0), Run(4, 5), Run(9, 4, 17)]),
        # Too little is copied to be worth it; but all of a range always is.
        (CLOSED, [(0, 2)], [Run(0, 2)]),
        ("I0 I1 I2 I3", [(1, 3)], [Run(0, 2, 1)]),
        # A keyframe that others shown before it refer across is no random access point.
        ("I0 P3 b1 b2 K6 b4 b5 P9 b7 b8", [(4, 10)], [Run(0, 6)]),
        # But nothing stands in the way of passing it.
        ("I0 P3 b1 b2 K6 b4 b5 P9 b7 b8", [(0, 10)], [Run(0, 10, 0)]),
        # Pyramids: B4 is decoded before those shown before it.
        ("I0 P8 B4 B2 b1 b3 B6 b5 b7 P9 P10", [(0, 9)], [Run(0, 9, 0)]),
        ("I0 P1 P2 P3 P11 B7 B5 b4 b6 B9 b8 b10", [(0, 9)], [Run(0, 4, 0), Run(4, 5)]),
        # All that is decoded up to there is shown, but not all that is shown before it is decoded by then.
        ("I0 P1 P2 P3 P6 b4 P9 b5 b7 b8", [(0, 7)], [Run(0, 4, 0), Run(4, 3)]),
        # Leading pictures are left out of a copy that starts there, and encoded where they are shown.
        (OPEN, [(2, 13)], [Run(0, 5), Run(5, 6, 4, 3)]),
        (OPEN, [(7, 13)], [Run(0, 6, 4, 3)]),
        # But copied where the GOP before them is.
        (OPEN, [(0, 13)], [Run(0, 13, 0)]),
        (OPEN, [(0, 5)], [Run(0, 4, 0), Run(4, 1)]),
        # What an edit list hides can be needed for decoding, and is not copied.
        ("x0 x1 P2 P3 I4 P5 P6 P7", [(2, 8)], [Run(0, 2), Run(2, 4, 4)]),
    ],
)
def test_what_lies_whole_in_a_range_is_copied(text, ranges, expected):
    coded, index = stored(text)
    assert plan_runs(coded, index, keeping(index, *ranges)) == expected


def test_only_what_is_referred_to_or_wanted_is_decoded():
    coded, index = stored(CLOSED)
    wanted = keeping(index, (4, 16))
    decoding = Decoding(coded, index, wanted)
    (before,) = decoding.ranges(Run(0, 3))
    assert (before.begin, before.end, before.wanted) == (0, 7, (4, 5, 6))
    assert sorted(before.needed) == [0, 1, 4, 5, 6]
    (after,) = decoding.ranges(Run(10, 2))
    assert (after.begin, after.wanted) == (7, (14, 15))
    assert [int(coded.pts[place]) for place in sorted(after.needed)] == [7, 10, 13, 16, 14, 15]
    assert decoding.cost(Run(0, 3)) == 5
    assert decoding.cost(Run(3, 7, 7)) == 0


def test_leading_pictures_are_decoded_from_the_random_access_point_before():
    coded, index = stored(OPEN)
    decoding = Decoding(coded, index, keeping(index, (5, 7), (8, 11)))
    (leading,) = decoding.ranges(Run(0, 2))
    assert (leading.begin, leading.end, leading.wanted, sorted(leading.needed)) == (0, 8, (5, 6), [0, 1, 4, 5, 7])
    trailing, after = decoding.ranges(Run(2, 3))[0], decoding.ranges(Run(2, 3))[1:]
    assert (trailing.begin, trailing.wanted, sorted(trailing.needed), after) == (4, (8, 9, 10), [4, 8, 9, 10, 11], [])


def test_each_gop_is_decoded_once_for_all_that_is_wanted_of_it():
    coded, index = stored(CLOSED)
    decoding = Decoding(coded, index, keeping(index, (1, 2), (5, 6), (8, 10)))
    assert [(span.begin, span.wanted) for span in decoding.ranges(Run(0, 4))] == [(0, (1, 5)), (7, (8, 9))]


@st.composite
def recordings(draw):
    """GOPs of any lengths, open and closed, each with any number of B-frames before its P-frames."""
    words, place = [], 0
    for _ in range(draw(st.integers(1, 6))):
        lead = draw(st.integers(0, 3)) if words else 0
        words.append(f"C{place + lead}" if lead else f"{draw(st.sampled_from('IIK'))}{place}" if words else f"I{place}")
        words += [f"{draw(st.sampled_from('Ll'))}{place + number}" for number in range(lead)]
        place += lead + 1
        for _ in range(draw(st.integers(0, 5))):
            between = draw(st.integers(0, 3))
            words += [f"P{place + between}", *(f"b{place + number}" for number in range(between))]
            place += between + 1
    edges = sorted(draw(st.sets(st.integers(0, place), min_size=2, max_size=8)))
    edges = edges[: len(edges) // 2 * 2]
    return " ".join(words), list(zip(edges[::2], edges[1::2], strict=True))


@given(recordings())
@settings(max_examples=400, deadline=None)
def test_whatever_is_kept_is_covered_once_and_copies_can_be_decoded(recording):
    text, ranges = recording
    coded, index = stored(text)
    wanted = keeping(index, *ranges)
    found = plan_runs(coded, index, wanted)
    assert [run.first for run in found] == [0, *(run.end for run in found)][:-1]
    assert found[-1].end == len(wanted.source_pts)
    for run in found:
        shown = wanted.source_pts[run.first : run.end].tolist()
        if run.copied_from is None:
            spans = Decoding(coded, index, wanted).ranges(run)
            assert [pts for span in spans for pts in span.wanted] == shown
            assert all(span.begin == 0 or coded.random_access[span.begin] for span in spans)
        else:
            copied = [place for begin, end in run.copied_ranges for place in range(begin, end)]
            assert coded.random_access[run.copied_from]
            assert sorted(coded.pts[copied].tolist()) == shown
            assert shown[0] == coded.pts[run.copied_from]
    longest = max((run.count for run in found if run.copied_from is None), default=0)
    assert longest < MAXIMUM_ENCODE_PICTURES + len(index.pts)
    assert all(
        run.count >= min(MINIMUM_COPY_PICTURES, len(wanted.source_pts)) or len(ranges) > 1 for run in found[1:-1]
    )
