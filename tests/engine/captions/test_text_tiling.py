"""Topics of talks whose borders are known."""

import itertools
from collections.abc import Iterator
from fractions import Fraction

import pytest

from jobs.engine.captions import line_breaking, text_tiling
from jobs.engine.captions.transcript import Line, Transcript, Word

WORDS = {
    "bread": "flour water yeast dough knead oven crust baking rising sourdough",
    "bicycles": "pedals chain gears wheels spokes brakes saddle frame tyres handlebars",
    "stars": "telescope galaxy planets orbit gravity nebula astronomers comets moons light",
}
SECONDS_A_WORD = Fraction(1, 2)


def said(topics: list[str], sentences: int = 30, pause: Fraction = Fraction(1, 5)) -> Iterator[Word]:
    """Sentences of eight words each about one topic after the other; `pause` is between all of them alike."""
    at = Fraction(0)
    for topic in topics:
        known = WORDS[topic].split()
        for number in range(sentences):
            text = ["And", "then", *(known[(number * 3 + place) % len(known)] for place in range(5)), f"{topic}."]
            for word in text:
                yield Word(at, at + SECONDS_A_WORD, word)
                at += SECONDS_A_WORD
            at += pause


def transcript(words: list[Word]) -> Transcript:
    return Transcript("made", "", "en", words[-1].end, tuple(line_breaking.lines(words)))


def test_topics_begin_where_other_words_begin():
    words = list(said(["bread", "bicycles", "stars"], 45))
    found = text_tiling.topics(transcript(words))
    borders = [words[index].start for index in (0, 360, 720)]
    assert [topic.start for topic in found[:1]] == [0]
    assert [float(topic.start) for topic in found[1:]] == pytest.approx(
        [float(border) for border in borders[1:]], abs=9
    )
    assert found[2].title.startswith("And then")


def test_a_talk_about_one_thing_is_parted_where_the_speaker_stops():
    first = list(said(["bread"], 40))
    later = [
        Word(word.start + first[-1].end + 3, word.end + first[-1].end + 3, word.text) for word in said(["bread"], 40)
    ]
    found = text_tiling.topics(transcript(first + later))
    assert [topic.start for topic in found] == [0, later[0].start]


def test_short_talks_have_no_chapters():
    assert text_tiling.topics(transcript(list(said(["bread", "stars"], 8)))) == []


def test_chapters_last_a_minute_at_least():
    found = text_tiling.topics(transcript(list(said(["bread", "bicycles", "stars"] * 4, 12))))
    starts = [topic.start for topic in found]
    assert len(starts) > 1
    assert all(after - before >= 60 for before, after in itertools.pairwise(starts))


def test_chapters_last_three_minutes_on_average_but_a_talk_of_two_minutes_may_have_two():
    four = transcript(list(said(["bread", "bicycles", "stars", "bread"], 32)))
    assert 8 * 60 < four.duration < 9 * 60
    assert len(text_tiling.topics(four)) == 2
    assert len(text_tiling.topics(transcript(list(said(["bread", "stars"], 16))))) == 2


def test_topics_of_a_text_without_spaces_begin_where_other_characters_do():
    kinds = ["面粉加水揉成面团然后发酵烤成面包", "自行车的链条齿轮和刹车都要调整", "望远镜里看见银河行星彗星和星云"]
    words, at = [], Fraction(0)
    for kind in kinds:
        for number in range(45):
            turned = kind[number % len(kind) :] + kind[: number % len(kind)]
            words.append(Word(at, at + 4, turned + "。"))
            at += Fraction(21, 5)
    lines = tuple(Line(word.start, word.end, (word,)) for word in words)
    found = text_tiling.topics(Transcript("made", "", "zh", at, lines))
    assert [topic.start for topic in found] == [0, words[45].start, words[90].start]


def test_a_title_is_a_line():
    assert text_tiling.title("So, bread.") == "So, bread"
    long = text_tiling.title("word " * 40)
    assert len(long) <= 61 and long.endswith("word…")


@pytest.mark.parametrize(
    "text", ["今天我们来讲怎么做面包" * 8 + "。", "https://example.org/" + "a" * 80, "好的 " + "面包" * 40]
)
def test_a_title_of_a_word_that_is_longer_than_a_line_is_its_beginning(text):
    assert text_tiling.title(text) == text[:60] + "…"


def test_a_title_does_not_end_with_a_stop_of_any_script():
    assert text_tiling.title("今天讲面包。") == "今天讲面包"
