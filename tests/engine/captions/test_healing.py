"""What a recogniser swallowed is asked for again, and what it made up goes."""

import itertools

from jobs.engine.captions import healing
from jobs.engine.captions.word_timing import TimedWord


def words(*texts, start=0.0, pace=0.4, confidence=0.9):
    return [
        TimedWord(start + place * pace, start + (place + 1) * pace, f" {text}", confidence)
        for place, text in enumerate(texts)
    ]


def said(found):
    return " ".join(word.text.strip() for word in found)


def test_words_where_nobody_speaks_go():
    heard = [*words("here", "I", "am"), *words("Thanks", "for", "watching!", start=5)]
    assert said(healing.voiced_only(heard, [(0.1, 1.1)])) == "here I am"
    assert healing.voiced_only(heard, []) == []


def test_what_is_said_over_and_over_is_said_once():
    loop = ["we", "are", "going."] * 5
    assert said(healing.without_loops(words("so", *loop, "home"))) == "so we are going. home"
    assert said(healing.without_loops(words(*["No,"] * 6, "never"))) == "No, never"
    assert said(healing.without_loops(words("No,", "no,", "no!", "never"))) == "No, no, no! never"


def test_voice_without_words_is_doubted_and_silence_is_not():
    heard = [*words("one", "two"), *words("nine", "ten", start=6)]
    assert healing.doubts(heard, [(0.0, 0.8), (6.0, 6.8)], 8.0) == []
    (span,) = healing.doubts(heard, [(0.0, 4.0), (6.0, 6.8)], 8.0)
    assert span[0] < 1.0 and 4.0 <= span[1] < 4.5


def test_a_word_that_lasts_too_long_is_doubted():
    heard = [*words("one"), TimedWord(0.4, 2.4, " stretched", 0.9), *words("end", start=2.4)]
    (span,) = healing.doubts(heard, [(0.0, 2.8)], 5.0)
    assert span[0] <= 0.4 and span[1] >= 2.4


def test_no_more_than_a_few_bits_are_heard_again_the_longest_first():
    voice = [(10.0 * place, 10.0 * place + 1 + place) for place in range(5)]
    spans = healing.doubts([], voice, 60.0)
    assert len(spans) == healing.MAXIMUM_DOUBTS
    assert [round(start) for start, _ in spans] == [30, 40]


def test_an_utterance_that_was_swallowed_whole_is_heard_again_in_halves_unless_it_is_short():
    assert healing.doubts([], [(0.2, 19.8)], 20.0) == [(0.0, 10.0), (10.0, 20.0)]
    assert healing.doubts([], [(0.2, 2.8)], 3.0) == []


def test_a_second_hearing_fills_the_hole_and_leaves_the_rest():
    heard = [*words("one", "two"), *words("nine", "ten", start=6)]
    again = words("three", "four", "five", start=1.2)
    assert said(healing.healed(heard, (0.75, 4.2), again)) == "one two three four five nine ten"


def test_a_stretched_word_becomes_the_words_under_it():
    heard = [*words("one"), TimedWord(0.4, 2.4, " and", 0.9), *words("end", start=2.4)]
    again = words("and", "then", "it", "was", start=0.4, pace=0.5)
    assert said(healing.healed(heard, (0.2, 2.6), again)) == "one and then it was end"


def test_a_second_hearing_that_says_no_more_or_is_unsure_changes_nothing():
    heard = [*words("one"), TimedWord(0.4, 2.4, " looong", 0.9)]
    assert healing.healed(heard, (0.2, 2.6), words("long", start=0.5)) == heard
    assert healing.healed(heard, (2.2, 5.0), words("mumble", "mumble", start=3, confidence=0.2)) == heard
    assert healing.healed(heard, (2.2, 5.0), []) == heard


def test_words_at_the_rim_that_are_heard_twice_are_written_once():
    heard = [*words("one", "two"), *words("nine", start=4)]
    again = words("two", "three", "four", start=0.4)
    found = healing.healed(heard, (0.6, 4.2), again)
    assert said(found) == "one two three four nine"
    assert all(before.end <= after.start for before, after in itertools.pairwise(found))
