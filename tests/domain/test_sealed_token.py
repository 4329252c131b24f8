import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.sealed_token import SealedTokens

TOKENS = SealedTokens([b"k" * 32], "test")
LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"


@given(st.binary(max_size=300), st.text())
def test_content_of_any_length_is_opened_as_it_was_sealed(content: bytes, context: str) -> None:
    assert TOKENS.open(TOKENS.seal(content, context), context) == content


@given(st.binary(max_size=100))
def test_another_context_kind_or_secret_opens_nothing(content: bytes) -> None:
    text = TOKENS.seal(content, "one")
    assert TOKENS.open(text, "two") is None
    assert SealedTokens([b"k" * 32], "other").open(text, "one") is None
    assert SealedTokens([b"x" * 32], "test").open(text, "one") is None


def test_text_does_not_move_between_content_and_context() -> None:
    first, second = TOKENS.seal(b"content of", "one"), TOKENS.seal(b"content", " ofone")
    assert first[:16] != second[:16], "equal tags"


@pytest.mark.parametrize("size", range(4))
def test_only_the_text_that_was_written_opens(size: int) -> None:
    """Also where the last character has bits that base64 ignores."""
    text = TOKENS.seal(b"x" * size, "one")
    changed = [text[:at] + letter + text[at + 1 :] for at in range(len(text)) for letter in LETTERS]
    opened = [each for each in [*changed, text + "A", text + "=", text[:-1], f" {text}"] if each != text]
    assert [TOKENS.open(each, "one") for each in opened] == [None] * len(opened)


def test_content_is_hidden_in_every_block() -> None:
    texts = {TOKENS.seal(bytes(160), str(number)) for number in range(100)}
    assert len({text[at : at + 8] for text in texts for at in range(0, 200, 8)}) == 100 * 25
