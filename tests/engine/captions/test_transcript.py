from fractions import Fraction

import pytest

from jobs.engine.captions.transcript import Line, Transcript, Word
from jobs.engine.edit.cut_plan import CutPlan
from jobs.errors import InputError


def word(start: float, end: float, text: str, **more) -> Word:
    return Word(Fraction(str(start)), Fraction(str(end)), text, **more)


def line(*words: Word) -> Line:
    return Line(words[0].start, words[-1].end, words)


@pytest.fixture
def spoken() -> Transcript:
    first = line(word(1, 1.5, "we", confidence=0.5), word(1.5, 2, "seize"), word(2, 2.5, "the"), word(2.5, 3, "day"))
    return Transcript(
        "whisper", "small", "en", Fraction(20), (first, line(word(8, 9, "good"), word(9, 10, "bye", glued=True)))
    )


def times(found: Transcript, place: int) -> list[tuple[str, float, float]]:
    return [(one.text, float(one.start), float(one.end)) for one in found.lines[place].words]


def test_it_comes_back_from_json_as_it_was(spoken):
    changed = spoken.edited(0, "we see the <sea> \N{SNOWMAN}")
    assert Transcript.loads(changed.dumps()) == changed
    assert Transcript.loads(spoken.dumps()).lines[1].text == "goodbye"


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"version": 2}', "null"])
def test_other_json_is_refused(text):
    with pytest.raises((ValueError, KeyError, TypeError)):
        Transcript.loads(text)


def test_words_that_stay_keep_their_times(spoken):
    assert times(spoken.edited(0, "we cease the day"), 0) == [
        ("we", 1, 1.5),
        ("cease", 1.5, 2),
        ("the", 2, 2.5),
        ("day", 2.5, 3),
    ]


def test_new_words_share_the_time_of_what_they_replace(spoken):
    assert times(spoken.edited(0, "we do see the day"), 0)[1:3] == [("do", 1.5, 1.75), ("see", 1.75, 2)]
    # No time is left between words that follow each other.
    assert times(spoken.edited(0, "we seize all the day"), 0)[2] == ("all", 2, 2)


def test_changes_are_taken_back_one_by_one(spoken):
    twice = spoken.edited(0, "we see").edited(1, "hello").edited(0, "")
    assert twice.lines[0].words == ()
    assert twice.undone().lines[0].text == "we see"
    assert twice.undone().undone().undone() == spoken
    with pytest.raises(InputError) as refused:
        spoken.undone()
    assert refused.value.code == "no_edit"


def test_the_same_text_is_no_change(spoken):
    assert spoken.edited(0, "  we  seize the day ") is spoken


@pytest.mark.parametrize(
    ("place", "text", "code"), [(7, "x", "no_line"), (-1, "x", "no_line"), (0, "x" * 501, "too_long")]
)
def test_a_change_that_makes_no_sense_is_refused(spoken, place, text, code):
    with pytest.raises(InputError) as refused:
        spoken.edited(place, text)
    assert refused.value.code == code


def test_control_characters_do_not_get_in(spoken):
    assert spoken.edited(0, "a\x00b\u202ec\nd").lines[0].text == "a b c d"


def test_it_follows_a_cut(spoken):
    plan = CutPlan(Fraction(20), ((Fraction(1), Fraction(2)), (Fraction("2.25"), Fraction("9.5")))).timeline
    moved = spoken.retimed(plan)
    assert times(moved, 0) == [("we", 0, 0.5), ("seize", 0.5, 1), ("the", 1, 1.25), ("day", 1.25, 1.75)]
    assert times(moved, 1) == [("good", 6.75, 7.75), ("bye", 7.75, 8.25)]
    assert moved.duration == Fraction("8.25")
    nothing = spoken.retimed(CutPlan(Fraction(20), ((Fraction(4), Fraction(7)),)).timeline)
    assert nothing.lines == ()
