import json

import pytest

from domain.errors import ErrorCode, FieldError
from domain.submission.metadata import parse_metadata


@pytest.mark.parametrize(
    "value",
    [
        {},
        {"order": "17"},
        {str(n): n for n in range(16)},
        {"a": {"b": [1, 2.5, None, True]}},
        {"a": 2**63 - 1},
    ],
)
def test_a_small_object_is_kept_unchanged(value: dict[str, object]) -> None:
    assert parse_metadata(json.dumps(value)) == value


def test_2048_bytes_are_accepted_and_one_more_is_refused() -> None:
    frame = len('{"a": ""}')
    assert parse_metadata('{"a": "' + "é" * ((2048 - frame) // 2) + '"}')
    with pytest.raises(FieldError, match="at most 2048 bytes"):
        parse_metadata('{"a": "' + "é" * ((2048 - frame) // 2 + 1) + '"}')


@pytest.mark.parametrize(
    "text",
    [
        "x",
        "",
        "[]",
        "null",
        '"a"',
        json.dumps({str(n): n for n in range(17)}),
        '{"a": NaN}',
        '{"a": 1e999}',
        '{"a": 9223372036854775808}',
        '{"a": [{"b": -9223372036854775809}]}',
        '{"a": 1, "a": 2}',
        '{"a": "\\u0000"}',
        '{"\\ud800": 1}',
        '{"a":' + "[" * 900 + "]" * 900 + "}",
    ],
)
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(FieldError) as caught:
        parse_metadata(text)
    assert (caught.value.code, caught.value.loc) == (ErrorCode.INVALID_METADATA, ("body", "metadata"))
