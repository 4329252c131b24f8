"""Encoded values are kept for a minute, within a bound."""

import pytest

from store import byte_cache
from store.byte_cache import SECONDS, ByteCache
from tests.systems.waiting import until


async def test_a_value_is_forgotten_after_a_minute() -> None:
    time = [0.0]
    cache = ByteCache(monotonic=lambda: time[0])
    cache.put("a", b"1")
    time[0] = SECONDS - 1
    cache.put("b", b"2")
    assert (cache.get("a"), cache.get("b")) == (b"1", b"2")
    assert cache.get_all(["b", "c", "a"]) == {"b": b"2", "a": b"1"}
    time[0] = SECONDS
    assert (cache.get("a"), cache.get("b")) == (None, b"2")
    time[0] = 2 * SECONDS
    assert cache.get_all(["a", "b"]) == {}


async def test_the_oldest_are_forgotten_beyond_the_bound() -> None:
    cache = ByteCache(most_bytes=10)
    for key in ("a", "b", "c"):
        cache.put(key, b"12345")
    cache.put("b", b"12345")
    assert [cache.get(key) for key in ("a", "b", "c")] == [None, b"12345", b"12345"]


async def test_a_removed_value_makes_room() -> None:
    cache = ByteCache(most_bytes=10)
    for key in ("a", "b"):
        cache.put(key, b"12345")
    cache.remove("a")
    cache.remove("a")
    cache.put("c", b"12345")
    assert [cache.get(key) for key in ("a", "b", "c")] == [None, b"12345", b"12345"]


async def test_what_nobody_asks_for_is_forgotten_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(byte_cache, "SECONDS", 0.05)
    cache = ByteCache()
    cache.put("a", b"1")
    assert list(cache) == ["a"]
    await until(lambda: not list(cache), "the value is forgotten", every=0.02)
