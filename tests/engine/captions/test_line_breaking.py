"""Words into captions: the rules of broadcasters, tried on words whose times are chosen."""

import html
import itertools
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jobs.engine.captions import cues, line_breaking
from jobs.engine.captions.transcript import Line, Transcript, Word


def said(text: str, start: float = 0, pace: float = 0.3, pauses: dict[int, float] | None = None) -> list[Word]:
    """Words that take `pace` seconds each, with a pause before some of them, by their place."""
    time, words = Fraction(str(start)), []
    for place, one in enumerate(text.split()):
        time += Fraction(str((pauses or {}).get(place, 0)))
        words.append(Word(time, time + Fraction(str(pace)), one, 0.9))
        time += Fraction(str(pace))
    return words


def texts(words: list[Word]) -> list[str]:
    return [line.text for line in line_breaking.lines(words)]


def transcript(words: list[Word]) -> Transcript:
    return Transcript("pocketsphinx", "en-us", "en", Fraction(600), tuple(line_breaking.lines(words)))


SPEECH = st.lists(
    st.tuples(
        st.text("abcdefghij,.?", min_size=1, max_size=14),
        st.decimals("0.05", "1.2", places=2),
        st.sampled_from([0, 0, 0, 0, "0.2", "0.6", "1.5", "4"]),
    ),
    min_size=1,
    max_size=60,
)


@settings(max_examples=60, deadline=None)
@given(SPEECH)
def test_every_caption_keeps_the_rules_and_no_word_is_lost(spoken):
    time, words = Fraction(0), []
    for text, lasts, pause in spoken:
        time += Fraction(pause)
        words.append(Word(time, time + Fraction(lasts), text))
        time += Fraction(lasts)
    lines = line_breaking.lines(words)
    assert [word for line in lines for word in line.words] == words
    for line in lines:
        rows = line_breaking.rows(line.text)
        assert len(rows) <= 2
        assert all(len(row) <= 42 for row in rows)
        assert line.start < line.end <= line.start + 7
    for one, following in itertools.pairwise(lines):
        assert one.end <= following.start
        # Too short only where somebody speaks on at once.
        assert one.end - one.start >= 1 or one.end == following.start


def test_sentences_part_captions():
    sentences = [
        "The first sentence is about as long as this one here is.",
        "The second is no shorter, and so they do not share a row.",
        "And this was it.",
    ]
    assert texts(said(" ".join(sentences))) == [sentences[0], sentences[1] + " " + sentences[2]]


def test_a_pause_parts_captions():
    assert texts(said("one two three four five", pauses={3: 1.2})) == ["one two three", "four five"]
    phrase = "so then we went to the river and"
    found = texts(said(f"{phrase} " * 5, pauses={8: 0.6, 16: 0.6, 24: 0.6, 32: 0.6}))
    assert len(found) >= 3
    assert all(text.replace(phrase, "").strip() == "" for text in found), "parted elsewhere than at the pauses"


def test_a_short_word_alone_stays_for_a_second():
    (line,) = line_breaking.lines(said("Yes.", start=4, pace=0.2))
    assert (line.start, line.end) == (4, 5)


def test_rows_are_about_equally_long():
    rows = line_breaking.rows("you are allowed to use this voice for any purpose")
    assert rows == ["you are allowed to use", "this voice for any purpose"]


@pytest.mark.parametrize("text", ["x" * 100, "漢" * 90])
def test_what_has_no_space_is_folded(text):
    rows = line_breaking.rows(text)
    assert all(len(row) <= 42 for row in rows)
    assert "".join(rows) == text


def test_languages_without_spaces_are_parted_too():
    words = [Word(Fraction(n, 4), Fraction(n + 1, 4), "語", glued=True) for n in range(100)]
    lines = line_breaking.lines(words)
    assert all(len(line.text) <= 84 and " " not in line.text for line in lines)
    assert sum(len(line.text) for line in lines) == 100


def test_a_line_made_long_by_hand_becomes_several_captions():
    long = transcript(said("short line here", pace=2)).edited(0, "word " * 40)
    found = line_breaking.captions_of(long)
    assert len(found) > 1
    assert " ".join(" ".join(one.text for one in found).split()) == ("word " * 40).strip()
    assert (found[0].start, found[-1].end) == (long.lines[0].start, long.lines[0].end)
    assert all(len(row) <= 42 for one in found for row in one.text.split("\n"))


def test_words_cannot_be_taken_for_markup_or_timing():
    hostile = transcript(said("<b>1</b> --> <i> 00:00:01.000 & {\\an8}"))
    vtt = cues.vtt(line_breaking.captions_of(hostile))
    assert vtt.count("-->") == len(hostile.lines)
    assert "<b>" not in vtt
    (back,) = cues.parse(vtt)
    assert html.unescape(back.text).split() == ["<b>1</b>", "-->", "<i>", "00:00:01.000", "&", "{\\an8}"]


def test_text_has_a_paragraph_for_what_is_said_in_one_go():
    assert line_breaking.text_of(transcript(said("one two three four", pauses={2: 5}))) == "one two\n\nthree four\n"


def test_lines_that_were_emptied_are_left_out():
    empty = transcript(said("one two three four", pauses={2: 5})).edited(0, "")
    assert [one.text for one in line_breaking.captions_of(empty)] == ["three four"]
    assert line_breaking.text_of(empty) == "three four\n"
    assert empty.lines[0] == Line(Fraction(0), Fraction(1), ())
