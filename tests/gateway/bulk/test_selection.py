"""A plan reads a bounded number of rows, whatever its filter is."""

from dataclasses import replace

import pytest

from domain.errors import ErrorCode, FieldError
from domain.generation.listing import Filters, Scope
from gateway.bulk.selection import BulkSelection
from store.generations.lists import Lists
from tests.systems.gateway_harness import GatewayHarness, Person

pytestmark = pytest.mark.asyncio(loop_scope="module")

LABELED = Filters(metadata=(("order", "7"),))


async def submitted(gateway: GatewayHarness, person: Person, count: int) -> list[str]:
    """Submit with metadata, the newest first."""
    made = []
    for _ in range(count):
        form = gateway.form(person)
        form.add_field("metadata", '{"order": 7}')
        async with gateway.client.post("/api/v1/generation/generate-v2", data=form, headers=person.headers) as answer:
            made.append((await answer.json())["id"])
        await gateway.project(made[-1])
    return made[::-1]


async def test_a_plan_reads_so_many_pages_and_no_more(gateway: GatewayHarness) -> None:
    person = await gateway.person()
    made = await submitted(gateway, person, 3)
    scope = Scope(person.owned_project.id)
    selection: BulkSelection = gateway.dependencies.get("bulk_selection", kind=BulkSelection)
    one_a_page = replace(selection, page_size=1, lists=Lists(gateway.store.database, bound=1))
    enough, too_few = replace(one_a_page, most_pages=4), replace(one_a_page, most_pages=2)

    async def find(some: BulkSelection, filters: Filters) -> list[str]:
        return await some.find("delete", scope, filters, is_public=True)

    assert await find(enough, LABELED) == made
    assert await find(enough, replace(LABELED, status="failed")) == []
    for filters in (Filters(), LABELED, replace(LABELED, status="failed")):
        with pytest.raises(FieldError, match="narrow it by time") as refused:
            await find(too_few, filters)
        assert (refused.value.code, refused.value.loc) == (ErrorCode.SELECTION_TOO_LARGE, ("body", "filter"))
