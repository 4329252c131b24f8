"""Encoded resources are kept, and never shown once erased or changed."""

import pytest

from tests.systems.gateway_harness import ONE, GatewayHarness


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
