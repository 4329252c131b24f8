import pytest

from domain.accounts.names import check_description, check_name


@pytest.mark.parametrize(
    "text",
    [
        "Ada",
        "\u05e9\u05dc\u05d5\u05dd \u05e2\u05d5\u05dc\u05dd",
        "\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645",
        "\U0001f469\u200d\U0001f680",
        "\u2764\ufe0f",
        "\ud55c\uad6d",
        "\u2801\u2803",
    ],
)
def test_a_name_may_have_any_script_and_joined_emoji(text: str) -> None:
    assert check_name(text) == text
    assert check_description(text) == text


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "\u3164",
        "\u2800\u2800",
        "\uffa0 \u115f\u1160",
        "\u200d",
        "\ufe0f\U000e0100",
        "\u034f",
        "\u180b",
    ],
)
def test_an_invisible_name_is_blank(text: str) -> None:
    with pytest.raises(ValueError, match="must not be blank"):
        check_name(text)


@pytest.mark.parametrize("mark", list("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"))
def test_characters_that_change_the_text_direction_are_refused(mark: str) -> None:
    for check in (check_name, check_description):
        with pytest.raises(ValueError, match="turn the direction"):
            check(f"gar{mark}den")


@pytest.mark.parametrize("mark", ["\0", "\x7f", "\x85", "\u2028", "\ud800"])
def test_control_characters_are_refused(mark: str) -> None:
    for check in (check_name, check_description):
        with pytest.raises(ValueError, match="control characters"):
            check(f"gar{mark}den")


def test_a_description_may_have_several_lines_and_be_empty() -> None:
    assert check_description("a\n\tb\r\n") == "a\n\tb\r\n"
    assert check_description("") == ""
    with pytest.raises(ValueError, match="at most 1000"):
        check_description("x" * 1001)
