"""The words at the joins of a cut: how close they stand, and whether one was cut into."""

from fractions import Fraction

from jobs.engine.captions.word_joins import word_joins
from jobs.engine.model.segment import Segment
from jobs.engine.model.timeline import Timeline
from tests.transcribed import transcript

SAID = transcript((1, "one two"), (4, "three four"), (8, "five six"))
"""Each word lasts 0.4 s: one 1 to 1.4, two to 1.8, three 4 to 4.4, four to 4.8, five 8 to 8.4, six to 8.8."""


def joins(*kept, speed=1, said=SAID):
    segments = tuple(Segment(Fraction(str(a)), Fraction(str(b)), Fraction(speed)) for a, b in kept)
    return word_joins(said, Timeline(segments, (Fraction(20),)))


def test_each_join_has_the_words_beside_it_and_their_distance():
    found = joins((0.8, 2.0), (3.9, 5.0), (7.7, 9))
    assert [(one.before.text, one.after.text, float(one.distance)) for one in found.joins] == [
        ("two", "three", 0.3),
        ("four", "five", 0.5),
    ]
    assert [float(one.at) for one in found.joins] == [1.2, 2.3]
    assert (found.touched, found.summary) == (0, "no word touched")


def test_a_word_that_is_cut_into_is_touched_on_either_side_of_the_join():
    (join,) = joins((0.8, 1.6), (4.2, 5)).joins
    assert [word.text for word in join.touched] == ["two", "three"]


def test_a_word_that_is_gone_is_touched():
    (join,) = joins((0.8, 2.0), (7.7, 9)).joins
    assert [word.text for word in join.touched] == ["three", "four"]


def test_what_words_are_known_to_is_no_touch():
    assert joins((0.8, 1.77), (4.03, 5)).touched == 0


def test_the_tightest_joins_are_those_that_touch_words_and_then_the_closest():
    said = transcript(*((place, "word") for place in range(1, 14, 3)), pace=0.5)
    kept = [(0.5, 1.9), (3.9, 4.6), (6.6, 7.7), (9.8, 10.5), (12.8, 14)]
    found = joins(*kept, said=said)
    assert [float(join.distance) for join in found.joins] == [0.5, 0.5, 0.4, 0.2]
    assert [float(join.distance) for join in found.tightest] == [0.2, 0.4, 0.5]
    cut_into = joins(*kept[:-1], (13.3, 14), said=said)
    assert [word.start for word in cut_into.tightest[0].touched] == [13]


def test_a_join_with_nobody_on_one_side_has_no_distance():
    (join,) = joins((0.8, 2.0), (10, 12)).joins
    assert (join.before.text, join.after, join.distance) == ("two", None, None)


def test_where_nothing_is_left_out_there_is_no_join():
    assert joins((0.8, 2.0), (2.0, 5)).joins == ()
