"""Generations are visible to their tenant only; a signed link opens its one resource."""

import asyncio
from uuid import uuid4

from tests.journeys.conftest import MakeTenant
from tests.journeys.invariants import history
from tests.systems.system import System
from tests.systems.tenants import ONE, fetch
from tests.systems.waiting import until

SYSTEM = "solo"


async def test_a_generation_of_another_user_is_not_found(new_tenant: MakeTenant) -> None:
    owner = await new_tenant()
    colleague, stranger = await new_tenant(beside=owner), await new_tenant()
    generation = await owner.accepted()
    await owner.completed(generation)

    for other in (colleague, stranger):
        for tail in ("", "/status", "/events", "/image", "/images/0", "/examples/0"):
            foreign = await other.get(f"{ONE}/{generation}{tail}")
            unknown = await other.get(f"{ONE}/{uuid4()}{tail}")
            assert foreign.status == unknown.status == 404
            assert foreign.body["detail"] == unknown.body["detail"]
        listed = (await other.get(ONE)).body
        assert (listed["generations"], listed["total"]) == ([], 0)
    assert (await owner.get(ONE)).body["total"] == 1


async def test_a_signed_link_needs_no_token_but_its_own_signature(new_tenant: MakeTenant) -> None:
    owner = await new_tenant()
    generation, other = await asyncio.gather(owner.accepted(), owner.accepted())
    resource = await owner.completed(generation)
    await owner.completed(other)
    url = resource["generated_image_url"]
    path, _, query = url.partition("?")
    expires, signature = (part.split("=")[1] for part in query.split("&"))

    assert (await fetch(owner.session, "", url)).status == 200
    refused = (
        path,
        f"{path}?expires={expires}&signature={'0' * len(signature)}",
        f"{path}?expires={int(expires) + 1}&signature={signature}",
        f"{path}?expires=1&signature={signature}",
        f"{path}?expires=&signature=",
        url.replace(generation, other),
        url.replace("/images/", "/examples/"),
    )
    for address in refused:
        assert (await fetch(owner.session, "", address)).status == 401, address


async def is_settled(system: System, generation: str) -> bool:
    """Return whether the last event, which is not public, was recorded: it changes the version."""
    events = [event for commit in await history(system, generation) for event in commit.events]
    return events[-1].type == "generation.quota_settled"


async def test_an_unchanged_resource_is_not_sent_again(new_tenant: MakeTenant, system: System) -> None:
    owner = await new_tenant()
    generation = await owner.accepted()
    resource = await owner.completed(generation)
    await until(lambda: is_settled(system, generation), "the last event is recorded")
    for address in (f"{ONE}/{generation}", f"{ONE}/{generation}/status", resource["generated_image_url"]):
        first = await owner.get(address)
        again = await owner.get(address, **{"If-None-Match": first.headers["ETag"]})
        assert (first.status, again.status, again.data) == (200, 304, b"")
        assert again.headers["ETag"] == first.headers["ETag"]
        assert (await owner.get(address, **{"If-None-Match": '"another"'})).status == 200
