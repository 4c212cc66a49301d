"""What text is found by, without a database."""

import pytest

from jobs.services.search_terms import parsed, terms


def codes(text):
    return [term.code for term in terms(text)]


@pytest.mark.parametrize(
    ("said", "asked"),
    [
        ("We talk about the budget.", "budget"),
        ("We talk about the BUDGET.", "Budget"),
        ("We talk about budgets.", "budget"),
        ("It is a naïve idea", "naive"),
        ("It is a naive idea", "naïve"),
        ("I don’t know", "don't"),
        ("I don’t know", "dont"),
        ("a well-known name", "well-known"),
        ("a well-known name", "well known"),
        ("the year 2026", "2026"),
        ("to be or not to be", '"not to be"'),
        ("to be or not to be", "be not"),
        ("Straße", "strasse"),
        ("доброе утро", "УТРО"),
        ("καλημέρα", "καλημερα"),
        ("北京大学在海淀区", "大学"),
        ("北京大学在海淀区", "北京大学"),
        ("北京大学在海淀区", "海"),
        ("北京大学在海淀区", "区"),
        ("私はガラスを食べられます", "ガラス"),
        ("สวัสดีครับ", "สวัสดี"),
        ("नमस्ते दुनिया", "नमस्ते"),
        ("안녕하세요 여러분", "안녕"),
        ("OpenAI的GPT模型", "gpt"),
    ],
)
def test_what_was_said_is_found(said, asked):
    assert parsed(asked).hits(said) is not None


@pytest.mark.parametrize(
    ("said", "asked"),
    [
        ("We talk about the budget.", "budgets"),
        ("We talk about the budget.", "udget"),
        ("We talk about the budget.", '"budge"'),
        ("to be or not to be", '"be not"'),
        ("a name well known", "known-well"),
        ("北京大学在海淀区", "大北"),
        ("かき", "がき"),
        ("We talk about the budget.", "budget year"),
    ],
)
def test_what_was_not_said_is_not_found(said, asked):
    assert parsed(asked).hits(said) is None


@pytest.mark.parametrize("asked", ["", "  ", '"', "…", "!?", '" "', "+*()", "'"])
def test_a_question_without_a_word_asks_nothing(asked):
    assert not parsed(asked)


def test_hits_are_places_in_the_text():
    text = "So, the Naïve idea: well-known!"
    hits = parsed('naive "well known"').hits(text)
    assert [text[start:end] for start, end in hits] == ["Naïve", "well-known"]


@pytest.mark.parametrize(
    "text", ["⑴ a ½ ² ﬁx", "a" * 300, "ж" * 300, "\U0001f600 x \U00020000\U00020001", "i̇", "ـ", "☃"]
)
def test_terms_are_of_letters_and_digits_that_every_database_takes_for_one_word(text):
    assert all(code.isascii() and code.isalnum() and 3 <= len(code) <= 84 for code in codes(text))


def test_a_question_is_bounded():
    assert len(parsed(" ".join(f"word{number}" for number in range(50))).clauses) == 12
