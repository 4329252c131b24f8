"""`expected_hash`: a picture that arrives as another one is refused."""

import pytest

from domain.errors import ErrorCode, ExemplarError, FieldError
from domain.submission.expected_hashes import check_hashes

ONE, TWO = "a1" * 32, "b2" * 32


@pytest.mark.parametrize("expected", [[], [ONE], [ONE, TWO], ["", TWO], [f"sha256:{ONE}"], [f" {ONE.upper()} "]])
def test_what_was_expected_is_accepted(expected: list[str]) -> None:
    check_hashes(expected, [ONE, TWO])


def test_every_other_picture_is_named() -> None:
    with pytest.raises(ExemplarError) as refused:
        check_hashes([TWO, ONE], [ONE, TWO])
    found = [refused.value, *refused.value.others]
    assert [(error.code, error.loc) for error in found] == [
        (ErrorCode.HASH_MISMATCH, ("body", "expected_hash", number)) for number in (0, 1)
    ]
    assert refused.value.message == f"image 0 has the SHA-256 {ONE}, expected was {TWO}"


@pytest.mark.parametrize("text", ["0", "g" * 64, ONE + "0", f"sha1:{ONE}", "*"])
def test_a_text_that_is_no_hash_is_refused(text: str) -> None:
    with pytest.raises(FieldError, match="64 hexadecimal digits"):
        check_hashes([text], [ONE])


def test_more_hashes_than_pictures_are_refused() -> None:
    with pytest.raises(FieldError, match="2 hashes were sent for 1 images"):
        check_hashes([ONE, TWO], [ONE])
