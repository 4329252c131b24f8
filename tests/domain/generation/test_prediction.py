"""A provider's report of any content is read, or is no prediction; what is read can be recorded."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from domain.generation.prediction import parse_answer, read_prediction

REPORT: dict[str, Any] = {"id": "p" * 26, "status": "succeeded", "version": "v", "output": ["https://a/b"]}


@pytest.mark.parametrize(
    "identifier", ["", "a.b", "../..", ".a", "$a", "a/b", "a b", "a\0b", "\ud800", "\u00e4", "a?b", "a" * 129, None, 7]
)
def test_an_id_that_can_be_no_part_of_a_path_is_no_prediction(identifier: object) -> None:
    assert read_prediction({**REPORT, "id": identifier}) is None


@pytest.mark.parametrize(
    "seconds", ["NaN", "Infinity", "-Infinity", "1e999", "1" + "0" * 400, "-1", "true", '"1"', "[]"]
)
def test_seconds_that_are_no_duration_are_ignored(seconds: str) -> None:
    metrics = json.loads(f'{{"predict_time": {seconds}, "total_time": {seconds}}}')
    prediction = read_prediction({**REPORT, "metrics": metrics})
    assert prediction is not None
    assert (prediction.predict_seconds, prediction.total_seconds) == (None, None)


@pytest.mark.parametrize("logs", ["\ud800 50%|", "caf\u00e9 50%|", " 50%|" * 3])
def test_an_answer_is_read_whatever_the_model_has_logged(logs: str) -> None:
    prediction = read_prediction(parse_answer(json.dumps({**REPORT, "logs": logs}).encode()))
    assert prediction is not None
    assert (prediction.id, prediction.percent) == (REPORT["id"], 50)


@pytest.mark.parametrize("content", [b"", b"{", b"\xff", b"[" * 100_000])
def test_what_is_no_json_is_no_answer(content: bytes) -> None:
    with pytest.raises((ValueError, RecursionError)):
        parse_answer(content)


@pytest.mark.parametrize("text", ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00", "soon", ""])
def test_a_moment_outside_of_all_calendars_is_ignored(text: str) -> None:
    prediction = read_prediction({**REPORT, "created_at": text})
    assert prediction is not None
    assert prediction.created_at is None


def test_a_moment_is_read_with_and_without_an_offset() -> None:
    for text in ("2026-11-20T12:00:00", "2026-11-20T12:00:00Z", "2026-11-20T13:00:00+01:00"):
        prediction = read_prediction({**REPORT, "created_at": text})
        assert prediction is not None
        assert prediction.created_at == datetime(2026, 11, 20, 12, tzinfo=UTC)


@pytest.mark.parametrize("field", ["version", "error", "output", "webhook"])
def test_half_of_a_surrogate_pair_is_replaced(field: str) -> None:
    prediction = read_prediction({**REPORT, field: "a\ud800"})
    assert prediction is not None
    read = (prediction.model, prediction.error, *prediction.outputs, prediction.webhook)
    assert "a?" in read


def test_an_input_is_kept_only_of_a_prediction_that_no_address_names() -> None:
    body = {"id": "p1", "input": {"image": "data:"}}
    found = [read_prediction({**body, **more}) for more in ({}, {"webhook": None}, {"webhook": "https://a.example/c"})]
    assert [one.input for one in found if one] == [{"image": "data:"}, {"image": "data:"}, {}]
