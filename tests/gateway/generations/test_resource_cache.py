"""Encoded resources are kept for a minute, within a bound, and never shown once erased."""

import pytest

from gateway.generations.resource_cache import SECONDS, ResourceCache
from tests.systems.gateway_harness import ONE, GatewayHarness


def test_a_resource_is_forgotten_after_a_minute() -> None:
    time = [0.0]
    cache = ResourceCache(monotonic=lambda: time[0])
    cache.put("a", b"1")
    time[0] = SECONDS - 1
    cache.put("b", b"2")
    assert (cache.get("a"), cache.get("b")) == (b"1", b"2")
    time[0] = SECONDS
    assert (cache.get("a"), cache.get("b")) == (None, b"2")


def test_the_oldest_are_forgotten_beyond_the_bound() -> None:
    cache = ResourceCache(most_bytes=10)
    for key in ("a", "b", "c"):
        cache.put(key, b"12345")
    cache.put("b", b"12345")
    assert [cache.get(key) for key in ("a", "b", "c")] == [None, b"12345", b"12345"]


@pytest.mark.asyncio(loop_scope="module")
async def test_every_change_of_a_generation_is_read_at_once(gateway: GatewayHarness) -> None:
    person = await gateway.person()
    generation = await gateway.completed(person)
    for is_public in (False, True, False):
        await gateway.call("PATCH", f"{ONE}/{generation}/public", person.token, {"is_public": is_public})
        for path in (f"{ONE}/{generation}", f"{ONE}/{generation}/status"):
            _, body = await gateway.get(path, person.token)
            assert (body["is_public"], person.mark in body["instructions"]) == (is_public, True)
        _, body = await gateway.get(ONE, person.token)
        assert [one["is_public"] for one in body["generations"]] == [is_public]
    await gateway.call("DELETE", f"{ONE}/{generation}", person.token)
    assert (await gateway.get(f"{ONE}/{generation}", person.token))[0] == 410
    _, body = await gateway.get(ONE, person.token)
    assert body["generations"] == []
