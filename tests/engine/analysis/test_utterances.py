import itertools
from fractions import Fraction

import numpy as np
import pytest

from jobs.engine.analysis import utterances
from jobs.engine.analysis.vad import WINDOW, Voice


def voice(seconds: float, *spans: tuple[float, float], dips: tuple[float, ...] = ()) -> Voice:
    """Sure voice in the spans and none elsewhere; a dip is one window that sounds less like voice."""
    probability = np.zeros(round(seconds / WINDOW), np.float32)
    for start, end in spans:
        probability[round(start / WINDOW) : round(end / WINDOW)] = 0.95
    for dip in dips:
        probability[round(dip / WINDOW)] = 0.6
    return Voice(probability, Fraction(len(probability)) * WINDOW)


def found(one: Voice, longest: int = 15) -> list[tuple[float, float]]:
    ranges = utterances.utterances(one, maximum=Fraction(longest), pause=Fraction(1, 2))
    return [(float(start), float(end)) for start, end in ranges]


def test_speech_is_parted_at_pauses_and_has_some_sound_around():
    one = found(voice(20, (2, 4), (4.7, 6), (10, 12)))
    assert sum(one, ()) == pytest.approx((1.8, 4.2, 4.5, 6.2, 9.8, 12.2), abs=0.04)


def test_a_short_pause_parts_nothing():
    assert found(voice(20, (2, 4), (4.4, 6))) == [pytest.approx((1.8, 6.2), abs=0.04)]


def test_ranges_never_overlap_nor_leave_the_recording():
    one = found(voice(8, (0, 2), (2.6, 5), (5.55, 8)))
    assert one[0][0] == 0
    assert one[-1][1] <= 8
    assert all(a[1] <= b[0] for a, b in itertools.pairwise(one))


def test_speech_that_is_too_long_is_parted_where_it_is_least_like_speech():
    one = found(voice(45, (1, 40), dips=(12.8, 24.0)))
    assert all(end - start <= 15 for start, end in one)
    assert [end for _, end in one[:2]] == pytest.approx([12.8, 24.0], abs=0.04)
    assert all(a[1] == b[0] for a, b in itertools.pairwise(one))


def test_nobody_speaking_gives_nothing():
    assert found(voice(5)) == []


def test_neighbours_are_packed_up_to_what_a_recogniser_hears_at_once():
    ranges = [(Fraction(a), Fraction(b)) for a, b in ((0, 5), (6, 12), (20, 25), (26, 33), (33, 41), (42, 52))]
    packed = utterances.packed(ranges, maximum=Fraction(30), pause=Fraction(2))
    assert packed == [(0, 12), (20, 41), (42, 52)]
