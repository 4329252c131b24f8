"""The canonical encoding: one state has one encoding, whatever made it."""

import hashlib
import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest

from domain.audit.canonical_state import HEADER, StateHash, encoded, state_digest
from domain.generation.generation import State
from tests.builders.generation import TO_COMPLETED, folded

NOON = datetime(2026, 11, 20, 12, 0, 0, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Thing:
    names: frozenset[str]
    at: datetime
    parts: dict[str, Any]


def test_order_of_insertion_and_time_zone_do_not_count() -> None:
    elsewhere = NOON.astimezone(timezone(timedelta(hours=5)))
    one = Thing(frozenset(["b", "a"]), NOON, {"y": 1, "x": None})
    other = Thing(frozenset(["a", "b"]), elsewhere, {"x": None, "y": 1})
    assert state_digest("s", 1, one) == state_digest("s", 1, other)
    assert encoded(one) == {"names": ["a", "b"], "at": "2026-11-20T12:00:00.000001Z", "parts": {"y": 1, "x": None}}


def test_a_digest_is_that_of_plain_canonical_json() -> None:
    generation = folded(TO_COMPLETED)
    state = encoded(generation)
    assert state["state"] == "completed"
    assert state["request"]["owner"]["developer"] == "dev-1"
    text = json.dumps(["generation-1", 7, state], sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    assert state_digest("generation-1", 7, generation) == hashlib.sha256(text.encode()).digest()


def test_the_hash_is_that_of_a_header_and_of_the_digests_in_order() -> None:
    digests = {"a": b"1" * 32, "b": b"2" * 32}
    states = StateHash()
    for stream, digest in digests.items():
        states.add(stream, digest)
    assert states.hexdigest() == hashlib.sha256(HEADER + b"1" * 32 + b"2" * 32).hexdigest()
    with pytest.raises(ValueError, match="does not follow"):
        states.add("a-1", b"3" * 32)


def test_an_enumeration_is_its_value_and_an_unknown_kind_is_refused() -> None:
    assert encoded({State.FAILED: [State.COMPLETED]}) == {"failed": ["completed"]}
    with pytest.raises(TypeError, match="object has no canonical encoding"):
        encoded(object())
