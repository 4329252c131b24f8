"""`exemplar erase`: erasing in the store, without a gateway and without a scheduler."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
from structlog.testing import capture_logs
from typer.testing import CliRunner, Result

from exemplar.commands.erase import app
from exemplar.environment import ConfigurationError
from store.mongo.oplog import Oplog
from tests.systems.gateway_harness import ONE, GatewayHarness, open_gateway

UNKNOWN = "00000000-0000-4000-8000-000000000000"


@pytest_asyncio.fixture
async def gateway(mongodb_url: str, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[GatewayHarness]:
    """Serve a gateway on the store of the commands, so that what they do can be seen."""
    monkeypatch.setenv("EXEMPLAR_MONGODB_URL", mongodb_url)
    async with open_gateway(mongodb_url) as harness:
        yield harness


async def invoke(*arguments: str, typed: str | None = None) -> Result:
    def call() -> Result:
        with capture_logs():
            return CliRunner().invoke(app, arguments, input=typed)

    return await asyncio.to_thread(call)


async def erased(*arguments: str) -> dict[str, Any]:
    done = await invoke(*arguments, "--json")
    assert done.exception is None, (done.exception, done.output)
    return dict(json.loads(done.stdout))


async def refusal(*arguments: str) -> str:
    done = await invoke(*arguments)
    assert isinstance(done.exception, ConfigurationError), done.output
    return str(done.exception)


async def kept(gateway: GatewayHarness) -> int:
    database = gateway.store.database
    return int(sum([await database[name].count_documents({}) for name in ("personal_data", "blobs")]))


async def grounds_of(gateway: GatewayHarness, generation: str) -> tuple[str, Any]:
    commits = await gateway.store.events.read(f"generation-{generation}")
    last = commits[-1].events[-1]
    assert last.type == "generation.erased"
    return last.cause.actor, last.event.model_dump(exclude_none=True)["grounds"]


async def test_a_generation_is_erased_with_its_reason(gateway: GatewayHarness) -> None:
    person = await gateway.person()
    generation = await gateway.completed(person)
    found = await erased("generation", generation, "--dry-run")
    assert (found["state"], found["generations"], await kept(gateway)) == ("kept", 1, 3)
    found = await erased("generation", generation, "--reason", "legal", "--case", "C-1", "--yes")
    assert (found["state"], found["generations"], await kept(gateway)) == ("erased", 0, 0)
    assert await grounds_of(gateway, generation) == ("operator", {"reason": "legal", "case": "C-1"})
    assert (await gateway.get(f"{ONE}/{generation}", person.token))[0] == 410


async def test_all_generations_of_a_user_are_erased_a_page_at_a_time(
    gateway: GatewayHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("store.generations.scope_erasure.PAGE", 2)
    person = await gateway.person()
    other = await gateway.person(person.owned_project)
    generations = [await gateway.completed(person) for _ in range(5)]
    await gateway.completed(other)
    found = await erased("user", person.id, "--reason", "data_request", "--yes")
    assert (found["state"], found["generations"]) == ("erasing", 0)
    assert await kept(gateway) == 3, "those of the other user"
    assert {(await grounds_of(gateway, one))[1]["reason"] for one in generations} == {"data_request"}
    again = await erased("user", person.id, "--reason", "legal", "--yes")
    assert again == found
    assert {(await grounds_of(gateway, one))[1]["reason"] for one in generations} == {"data_request"}


async def test_a_project_is_erased_with_all_its_users(gateway: GatewayHarness) -> None:
    person = await gateway.person()
    other = await gateway.person(person.owned_project)
    for one in (person, other):
        await gateway.completed(one)
    done = await invoke("project", person.owned_project.id, "--reason", "legal", "--yes")
    assert done.exit_code == 0, done.output
    assert "The scheduler erases the rest" in done.stdout
    assert await kept(gateway) == 0


async def test_it_asks_before_it_erases(gateway: GatewayHarness) -> None:
    person = await gateway.person()
    generation = await gateway.completed(person)
    for typed in ("n\n", ""):
        done = await invoke("generation", generation, "--reason", "legal", typed=typed)
        assert (done.exit_code, await kept(gateway)) == (1, 3)
        assert "It cannot be undone" in done.stdout
    done = await invoke("generation", generation, "--reason", "legal", typed="y\n")
    assert (done.exit_code, await kept(gateway)) == (0, 0)


async def test_a_damaged_stream_is_named_by_the_exit_code(gateway: GatewayHarness) -> None:
    person = await gateway.person()
    damaged, _ = await gateway.completed(person), await gateway.completed(person)
    ids = {"_id": f"generation-{damaged}:1"}
    await gateway.store.database["commits"].update_one(ids, {"$set": {"body": b"damaged"}})
    done = await invoke("user", person.id, "--reason", "legal", "--yes")
    assert (done.exit_code, await kept(gateway)) == (3, 3)
    assert "1 generations cannot be read" in done.stderr


async def test_what_is_wrong_is_one_line(gateway: GatewayHarness) -> None:
    person = await gateway.person()
    for kind in ("generation", "user", "project"):
        assert "--reason" in await refusal(kind, person.id)
        assert f"There is no such {kind}" in await refusal(kind, UNKNOWN, "--reason", "legal", "--yes")
        assert "--yes" in await refusal(kind, person.id, "--reason", "legal", "--json")
        assert "--case" in await refusal(kind, person.id, "--reason", "legal", "--case", "of Mrs Smith", "--yes")


async def test_the_span_of_the_oplog_is_shown(gateway: GatewayHarness) -> None:
    await gateway.person()
    shown = await erased("oplog")
    assert shown["first"] <= shown["last"]
    assert shown["size"] > 0
    span = await Oplog(gateway.store.database).span()
    assert span.largest == shown["largest"] == 64 * 2**20
