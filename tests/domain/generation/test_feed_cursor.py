import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.generation.feed_cursor import FeedCursor, FeedCursors

cursors = st.builds(FeedCursor, st.integers(0, 2**64 - 1), st.integers(0, 2**32 - 1))
CODEC = FeedCursors([b"k" * 32])


@given(cursors, st.text())
def test_a_cursor_is_read_as_it_was_written(cursor: FeedCursor, feed: str) -> None:
    text = CODEC.write(cursor, feed)
    assert CODEC.read(text, feed) == cursor
    assert len(text) == 32
    assert text.isascii()
    assert "+" not in text
    assert "/" not in text


@given(cursors)
def test_a_cursor_of_another_feed_or_another_secret_is_none(cursor: FeedCursor) -> None:
    text = CODEC.write(cursor, "one")
    assert CODEC.read(text, "two") is None
    assert FeedCursors([b"x" * 32]).read(text, "one") is None


@given(cursors, st.integers(0, 31), st.sampled_from("ABCDEFabcdef019-_"))
def test_a_cursor_with_one_changed_character_is_none(cursor: FeedCursor, index: int, letter: str) -> None:
    text = CODEC.write(cursor, "one")
    changed = text[:index] + letter + text[index + 1 :]
    assert CODEC.read(changed, "one") in ([cursor] if changed == text else [None])


@pytest.mark.parametrize(
    "text", ["", "0", "A" * 32, "=" * 32, "é" * 32, "A" * 31, "A" * 33, "  " * 16, "A" * 30 + "=="]
)
def test_text_that_is_no_cursor_is_none(text: str) -> None:
    assert CODEC.read(text, "one") is None


def test_neighbouring_positions_look_unrelated() -> None:
    texts = [CODEC.write(FeedCursor(position), "one") for position in range(1000)]
    assert len({text[:4] for text in texts}) > 990
