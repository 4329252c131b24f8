import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.generation.feed_cursor import Cursor, Cursors

PLACES = st.builds(Cursor, st.integers(0, 2**64 - 1), st.integers(0, 2**32 - 1))
CURSORS = Cursors(b"k" * 32)


@given(PLACES, st.text())
def test_a_cursor_is_read_as_it_was_written(cursor: Cursor, feed: str) -> None:
    text = CURSORS.write(cursor, feed)
    assert CURSORS.read(text, feed) == cursor
    assert len(text) == 32
    assert text.isascii()
    assert "+" not in text
    assert "/" not in text


@given(PLACES)
def test_a_cursor_of_another_feed_or_another_secret_is_none(cursor: Cursor) -> None:
    text = CURSORS.write(cursor, "one")
    assert CURSORS.read(text, "two") is None
    assert Cursors(b"x" * 32).read(text, "one") is None


@given(PLACES, st.integers(0, 31), st.sampled_from("ABCDEFabcdef019-_"))
def test_a_changed_letter_makes_it_none(cursor: Cursor, place: int, letter: str) -> None:
    text = CURSORS.write(cursor, "one")
    changed = text[:place] + letter + text[place + 1 :]
    assert CURSORS.read(changed, "one") in ([cursor] if changed == text else [None])


@pytest.mark.parametrize(
    "text", ["", "0", "A" * 32, "=" * 32, "é" * 32, "A" * 31, "A" * 33, "  " * 16, "A" * 30 + "=="]
)
def test_what_is_no_cursor_is_none(text: str) -> None:
    assert CURSORS.read(text, "one") is None


def test_neighbouring_positions_look_nothing_alike() -> None:
    texts = [CURSORS.write(Cursor(position), "one") for position in range(1000)]
    assert len({text[:4] for text in texts}) > 990
