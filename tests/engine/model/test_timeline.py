"""Segments one after the other, and the way from a source's clock to that of the result and back."""

from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from jobs.engine.model.segment import Segment
from jobs.engine.model.timeline import Timeline

# Kept, four times as fast, left out from 6 to 8, at half speed.
TIMELINE = Timeline(
    (
        Segment(Fraction(1), Fraction(2)),
        Segment(Fraction(2), Fraction(6), Fraction(4)),
        Segment(Fraction(8), Fraction(9), Fraction(1, 2)),
    ),
    (Fraction(10),),
)


def test_segments_follow_each_other_without_a_gap():
    assert [segment.output_duration for segment in TIMELINE.segments] == [1, 1, 2]
    assert TIMELINE.starts == (0, 1, 2)
    assert TIMELINE.duration == 4
    assert TIMELINE.joins == 2


def test_a_time_of_the_source_is_found_in_the_result():
    assert [TIMELINE.output_time(Fraction(time)) for time in (1, 2, 4, 6, 8, 9)] == [0, 1, Fraction(3, 2), 2, 2, 4]
    assert TIMELINE.output_time(Fraction(17, 2)) == 3


def test_what_is_left_out_becomes_the_join_it_went_into():
    assert TIMELINE.output_time(Fraction(0)) == 0
    assert TIMELINE.output_time(Fraction(7)) == 2
    assert TIMELINE.output_time(Fraction(100)) == 4


def test_a_time_of_the_result_is_found_in_the_source():
    assert [TIMELINE.source_time(time) for time in map(Fraction, (0, 1, 2, 3, 4))] == [1, 2, 8, Fraction(17, 2), 9]
    assert TIMELINE.source_time(Fraction(3, 2)) == 4


@given(st.fractions(0, Fraction(399, 100)))
def test_there_and_back_is_the_same_time(time):
    assert TIMELINE.output_time(TIMELINE.source_time(time)) == time


def test_each_source_has_its_own_clock():
    own, other = Segment(Fraction(0), Fraction(2)), Segment(Fraction(5), Fraction(6), source=1)
    timeline = Timeline((own, other, Segment(Fraction(2), Fraction(3))), (Fraction(3), Fraction(9)))
    assert timeline.duration == 4
    assert timeline.output_time(Fraction(5), source=1) == 2
    assert timeline.output_time(Fraction(5, 2)) == Fraction(7, 2)
    assert timeline.segment_at(Fraction(5, 2)) == (2, other)


def test_of_a_source_in_another_order_each_segment_is_found_at_its_place():
    late, early = Segment(Fraction(5), Fraction(7)), Segment(Fraction(1), Fraction(2))
    timeline = Timeline((late, early), (Fraction(10),))
    assert timeline.output_time(Fraction(6)) == 1
    assert timeline.output_time(Fraction(3, 2)) == Fraction(5, 2)
