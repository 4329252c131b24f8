"""Warnings: what a client should know of an accepted submission."""

from dataclasses import dataclass

import pytest

from domain.submission.warnings import RequestWarning, WarningCode, warnings_of


@dataclass(frozen=True)
class Example:
    sha256: str
    size: int = 400_000
    content_type: str = "image/jpeg"
    width: int = 1024
    height: int = 1024


GOOD = (Example("a"), Example("b"), Example("c"))


def test_three_good_examples_and_a_short_prompt_get_none() -> None:
    assert warnings_of(GOOD, "a quiet harbour at dawn") == ()


def test_one_example_is_few() -> None:
    assert warnings_of(GOOD[:2], "a harbour") == (RequestWarning(WarningCode.FEW_EXAMPLES),)


@pytest.mark.parametrize(("width", "height", "warned"), [(1024, 1024, False), (1023, 4000, True), (4000, 1023, True)])
def test_an_example_is_small_by_its_shorter_side(width: int, height: int, warned: bool) -> None:
    examples = (*GOOD, Example("d", size=10_000_000, width=width, height=height))
    expected = (RequestWarning(WarningCode.SMALL_EXAMPLE, 3),) if warned else ()
    assert warnings_of(examples, "a harbour") == expected


@pytest.mark.parametrize(
    ("kind", "size", "warned"),
    [
        ("image/jpeg", 52_000, True),
        ("image/jpeg", 53_000, False),
        ("image/webp", 26_000, True),
        ("image/webp", 27_000, False),
        ("image/png", 1_000, False),
    ],
)
def test_few_bits_for_each_pixel_are_heavy_compression(kind: str, size: int, warned: bool) -> None:
    examples = (*GOOD, Example("d", size=size, content_type=kind))
    expected = (RequestWarning(WarningCode.HEAVY_COMPRESSION, 3),) if warned else ()
    assert warnings_of(examples, "a harbour") == expected


def test_the_second_of_two_equal_examples_is_named() -> None:
    assert warnings_of((*GOOD, GOOD[1]), "a harbour") == (RequestWarning(WarningCode.DUPLICATE_EXAMPLES, 3),)


@pytest.mark.parametrize(
    ("prompt", "warned"),
    [
        ("word " * 75, False),
        ("word " * 76, True),
        ("8" * 76, True),
        ("it's " * 38, True),
        ("a, " * 37, False),
        ("a, " * 38, True),
    ],
)
def test_a_prompt_of_more_tokens_than_the_model_reads_is_too_long(prompt: str, warned: bool) -> None:
    expected = (RequestWarning(WarningCode.PROMPT_TOO_LONG),) if warned else ()
    assert warnings_of(GOOD, prompt) == expected


def test_dropped_fields_are_told() -> None:
    assert warnings_of(GOOD, "a harbour", unknown_fields=["x"]) == (RequestWarning(WarningCode.UNKNOWN_FIELDS),)
