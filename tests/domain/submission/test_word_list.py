import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.submission.word_list import MAX_PATTERNS, parse_word_list, tokens_of

LIST = parse_word_list(
    ["\ufeff# comment", "", "Gore", "evil  twin", "violen*", "*crypt*key", "stra\u00dfe", "*\u7981\u6b62*", "a*b*a"]
)


@pytest.mark.parametrize(
    "text",
    [
        "a picture with gore",
        "GORE!",
        "go\u00adre and go\u200bre",
        "\uff27\uff2f\uff32\uff25",
        "an evil, twin",
        "evil\ntwin",
        "violence and violent",
        "encrypted-hotkey, the cryptokey",
        "STRASSE",
        "\u8bf7\u7981\u6b62\u5165\u5185",
        "abba",
    ],
)
def test_an_entry_is_found_in_whatever_form(text: str) -> None:
    assert LIST.refuses(text)


@pytest.mark.parametrize(
    "text",
    ["", "gored", "category", "twin evil", "evil", "evil good twin", "nonviolent", "key crypt", "ab", "aa", "# x"],
)
def test_other_words_are_not(text: str) -> None:
    assert not LIST.refuses(text)


@pytest.mark.parametrize(
    ("lines", "said"), [(["fine", "***"], "line 2"), (["!?"], "line 1"), (["x" * 201], "line 1"), (["a *"], "line 1")]
)
def test_a_wrong_entry_is_named_by_its_line_alone(lines: list[str], said: str) -> None:
    with pytest.raises(ValueError, match=said) as refused:
        parse_word_list(lines)
    assert lines[-1] not in str(refused.value)


def test_a_list_of_too_many_patterns_is_refused() -> None:
    parse_word_list(f"*{number}" for number in range(MAX_PATTERNS))
    with pytest.raises(ValueError, match="more than"):
        parse_word_list(f"*{number}" for number in range(MAX_PATTERNS + 1))


@given(st.text(max_size=60), st.text(max_size=60))
def test_a_word_of_the_text_is_found_as_an_entry(before: str, after: str) -> None:
    for word in tokens_of(before):
        assert parse_word_list([word]).refuses(f"{before} {after}")


def test_no_pattern_makes_a_text_slow() -> None:
    """What makes a backtracking engine run for years: many stars, and a text that almost matches."""
    began = time.process_time()
    assert not parse_word_list(["*a" * 90 + "b"]).refuses("a" * 1000)
    assert time.process_time() - began < 1
