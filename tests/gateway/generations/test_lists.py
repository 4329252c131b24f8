"""Lists over HTTP: pages, cursors, filters, errors and access."""

import json
from dataclasses import dataclass
from typing import Any

import pytest
import pytest_asyncio
from aiohttp import FormData

from domain.generation.listing import SHOWN_STATES
from tests.builders.generation import VALIDATED
from tests.systems.gateway import CAUSE
from tests.systems.gateway_harness import ONE, GatewayHarness, Person

pytestmark = pytest.mark.asyncio(loop_scope="module")

PUBLIC = "/api/v1/generation/public-generations-v2"


@dataclass(frozen=True)
class Reader:
    """A user who reads lists."""

    gateway: GatewayHarness
    person: Person

    async def submit(
        self, metadata: dict[str, Any] | None = None, *, request: str | None = None, key: str | None = None
    ) -> str:
        form = FormData()
        form.add_field("example_images", self.gateway.picture, filename="a.jpg")
        form.add_field("instructions", json.dumps({"prompt": "a cat"}))
        if metadata is not None:
            form.add_field("metadata", json.dumps(metadata))
        sent = {"X-Request-ID": request, "Idempotency-Key": key}
        headers = {**self.person.headers, **{name: value for name, value in sent.items() if value}}
        answer = await self.gateway.client.post("/api/v1/generation/generate-v2", data=form, headers=headers)
        body = await answer.json()
        assert answer.status == 202, body
        await self.gateway.project(body["id"])
        return str(body["id"])

    async def read(self, query: str = "", path: str = ONE) -> Any:
        status, body = await self.gateway.get(f"{path}?{query}", self.person.token)
        assert status == 200, body
        return body

    async def ids(self, query: str = "", path: str = ONE) -> list[str]:
        return [one["id"] for one in (await self.read(query, path))["generations"]]

    async def refused(self, query: str, path: str = ONE) -> Any:
        status, body = await self.gateway.get(f"{path}?{query}", self.person.token)
        assert (status, body["code"]) == (422, "invalid_request"), body
        return body["detail"][0]["loc"]


@pytest_asyncio.fixture(loop_scope="module")
async def reader(gateway: GatewayHarness) -> Reader:
    return Reader(gateway, await gateway.person())


async def test_page_numbers_give_an_exact_total(reader: Reader) -> None:
    made = [await reader.submit() for _ in range(3)]
    body = await reader.read("page=2&per_page=2")
    assert [one["id"] for one in body.pop("generations")] == made[:1]
    assert body == {"total": 3, "total_is_exact": True, "page": 2, "per_page": 2}
    assert (await reader.read())["per_page"] == 20


async def test_cursors_return_every_generation_once_while_the_list_grows(reader: Reader) -> None:
    made = [await reader.submit() for _ in range(5)]
    read, query = list[str](), "limit=2"
    first = await reader.read(query)
    assert (first["total"], first["total_is_exact"], first["limit"]) == (5, True, 2)
    step = first
    while True:
        read += [one["id"] for one in step["generations"]]
        if step["next_cursor"] is None:
            break
        await reader.submit()
        step = await reader.read(f"limit=2&cursor={step['next_cursor']}")
        assert "total" not in step
    assert read == made[::-1]


async def test_empty_cursor_starts_a_list_and_a_foreign_cursor_is_refused(reader: Reader) -> None:
    for _ in range(2):
        await reader.submit({"a": "b"})
    begun = await reader.read("cursor=&limit=1")
    cursor = begun["next_cursor"]
    assert len(cursor) == 48
    other = Reader(reader.gateway, await reader.gateway.person(reader.person.owned_project))
    assert await other.refused(f"cursor={cursor}") == ["query", "cursor"]
    assert await reader.refused(f"cursor={cursor}&metadata.a=b") == ["query", "cursor"]
    changed = ("A" if cursor[0] != "A" else "B") + cursor[1:]
    for forged in (changed, "x", "1", cursor + "A"):
        assert await reader.refused(f"cursor={forged}") == ["query", "cursor"]


async def test_filters_by_status_and_state(reader: Reader) -> None:
    waiting, done = await reader.submit(), await reader.submit()
    canceling = await reader.submit()
    await reader.gateway.complete(done)
    for status, expected in {
        "pending": [canceling, waiting],
        "processing": [],
        "completed": [done],
        "failed": [],
    }.items():
        assert await reader.ids(f"status={status}") == expected
    assert await reader.ids("state=requested") == [canceling, waiting]
    await reader.gateway.generations.decide(waiting, lambda _: [VALIDATED], cause=CAUSE)
    await reader.gateway.project(waiting)
    assert await reader.ids("state=validated&status=pending") == [waiting]
    assert await reader.ids("state=completed&status=pending") == []
    for state in SHOWN_STATES:
        assert all(one["state"] == state for one in (await reader.read(f"state={state}"))["generations"])


async def test_filters_by_time_exclude_the_bounds(reader: Reader) -> None:
    made = [await reader.submit() for _ in range(3)]
    times = [one["created_at"] for one in (await reader.read())["generations"]][::-1]
    assert await reader.ids(f"created_after={times[0]}&created_before={times[2]}") == [made[1]]
    unescaped = times[1].replace("Z", "+00:00")
    assert await reader.ids(f"created_after={unescaped}") == [made[2]]
    assert await reader.ids(f"created_after={times[2]}&created_before={times[0]}") == []


async def test_filters_by_metadata(reader: Reader) -> None:
    first = await reader.submit({"order": 7, "shop": "Süd & Co", "deep": {"a": 1}, "rush": True, "none": None})
    second = await reader.submit({"order": "7", "shop": "Nord"})
    await reader.submit()
    assert await reader.ids("metadata.order=7") == [second, first]
    assert await reader.ids("metadata.order=7&metadata.shop=S%C3%BCd%20%26%20Co") == [first]
    assert await reader.ids("metadata.rush=true&metadata.none=null") == [first]
    for nothing in ("metadata.order=8", "metadata.deep.a=1", "metadata.Order=7", "metadata.7=order"):
        assert await reader.ids(nothing) == []


async def test_filters_by_request_id_and_idempotency_key(reader: Reader) -> None:
    by_request = await reader.submit(request="order-4711")
    by_key = await reader.submit(key="k-1")
    assert await reader.ids("request_id=order-4711") == [by_request]
    assert await reader.ids("idempotency_key=k-1") == [by_key]
    assert await reader.ids('idempotency_key="k-1"&limit=5') == [by_key]
    assert await reader.ids("idempotency_key=k-2") == []
    assert await reader.ids("idempotency_key=k-1&request_id=order-4711") == []


async def test_combined_filters_must_all_match(reader: Reader) -> None:
    made = await reader.submit({"a": "b"}, request="r-9", key="k-9")
    query = "status=pending&state=requested&created_after=2020-01-01T00:00:00Z&metadata.a=b&request_id=r-9"
    assert await reader.ids(f"{query}&idempotency_key=k-9&limit=3") == [made]
    assert await reader.ids(query.replace("metadata.a=b", "metadata.a=c")) == []


@pytest.mark.parametrize(
    ("query", "name"),
    [
        ("status=done", "status"),
        ("status=", "status"),
        ("status=pending&status=failed", "status"),
        ("state=settled", "state"),
        ("created_after=yesterday", "created_after"),
        ("created_after=2026-11-20T12:00:00", "created_after"),
        ("created_before=2026-13-20T12:00:00Z", "created_before"),
        ("created_before=0001-01-01T00:00:00%2B14:00", "created_before"),
        ("created_before=2026-11-20T12:00:00%2B25:00", "created_before"),
        ("request_id=", "request_id"),
        ("request_id=a%20b", "request_id"),
        ("idempotency_key=", "idempotency_key"),
        ("idempotency_key=%C3%A9", "idempotency_key"),
        ("metadata=x", "metadata"),
        ("metadata.a=1&metadata.a=2", "metadata.a"),
        ("&".join(f"metadata.k{number}=x" for number in range(17)), "metadata.k16"),
        ("page=0", "page"),
        ("per_page=101", "per_page"),
        ("limit=0", "limit"),
        ("limit=101", "limit"),
        ("limit=%D9%A3", "limit"),
        ("limit=5&page=2", "page"),
        ("cursor=&per_page=2", "per_page"),
    ],
)
async def test_malformed_parameter_is_named_in_the_error(reader: Reader, query: str, name: str) -> None:
    assert await reader.refused(query) == ["query", name]


async def test_unknown_parameters_are_ignored(reader: Reader) -> None:
    made = await reader.submit()
    assert await reader.ids("colour=red&Status=failed&_=1") == [made]


async def test_public_lists_accept_filters_and_hide_private_fields(reader: Reader) -> None:
    private, public = await reader.submit({"a": "b"}), await reader.submit({"a": "b"})
    for generation in (private, public):
        await reader.gateway.complete(generation)
    await reader.gateway.call("PATCH", f"{ONE}/{public}/public", reader.person.token, {"is_public": True})
    await reader.gateway.project(public)
    other = Reader(reader.gateway, await reader.gateway.person(reader.person.owned_project))
    for query in ("", "status=completed&limit=5", "state=completed"):
        assert await other.ids(query, PUBLIC) == [public]
    assert await other.ids("status=failed", PUBLIC) == []
    other_reader = Reader(reader.gateway, await reader.gateway.person())
    assert await other_reader.ids("status=completed", PUBLIC) == []


async def test_public_list_refuses_filters_by_hidden_fields(reader: Reader) -> None:
    public = await reader.submit({"a": "b"}, request="r-public", key="k-public")
    await reader.gateway.complete(public)
    await reader.gateway.call("PATCH", f"{ONE}/{public}/public", reader.person.token, {"is_public": True})
    other = Reader(reader.gateway, await reader.gateway.person(reader.person.owned_project))
    for query, name in {"metadata.a=b": "metadata.a", "request_id=r-public": "request_id"}.items():
        assert await other.refused(query, PUBLIC) == ["query", name]
    assert await other.ids("idempotency_key=k-public", PUBLIC) == []
    assert await reader.ids("idempotency_key=k-public", PUBLIC) == [public]


async def test_developer_lists_all_users_of_a_project_or_one(reader: Reader) -> None:
    other = Reader(reader.gateway, await reader.gateway.person(reader.person.owned_project))
    mine, theirs = await reader.submit({"a": "b"}, key="k"), await other.submit({"a": "b"}, key="k")
    project = reader.person.owned_project

    async def listed(query: str) -> Any:
        return await reader.gateway.get(f"/api/v1/projects/{project.id}/generations?{query}", project.owner.token)

    async def ids(query: str) -> list[str]:
        status, body = await listed(query)
        assert status == 200, body
        assert all(one["user_id"] for one in body["generations"])
        return [one["id"] for one in body["generations"]]

    assert await ids("metadata.a=b&limit=5") == [theirs, mine]
    assert await ids(f"metadata.a=b&user_id={reader.person.id}") == [mine]
    assert await ids(f"idempotency_key=k&user_id={other.person.id}") == [theirs]
    first = (await listed("limit=1"))[1]
    assert await ids(f"limit=1&cursor={first['next_cursor']}") == [mine]
    for query, name in {"idempotency_key=k": "idempotency_key", "user_id=x": "user_id"}.items():
        status, body = await listed(query)
        assert (status, body["detail"][0]["loc"]) == (422, ["query", name])


async def test_no_filter_finds_generations_of_another_user(reader: Reader) -> None:
    await reader.submit({"a": "b"}, request="r-1", key="k-1")
    neighbour = Reader(reader.gateway, await reader.gateway.person(reader.person.owned_project))
    for query in ("", "metadata.a=b", "request_id=r-1", "idempotency_key=k-1", "status=pending"):
        assert (await neighbour.read(query))["total"] == 0


async def test_deletion_removes_a_generation_from_lists_and_its_metadata_from_the_row(
    reader: Reader,
) -> None:
    made = await reader.submit({"order": "secret-4711"})
    await reader.gateway.complete(made)
    rows = reader.gateway.store.projection
    assert (await rows.stored([made]))[made]["labels"]
    status, _ = await reader.gateway.call("DELETE", f"{ONE}/{made}", reader.person.token)
    assert status == 200
    assert await reader.ids("metadata.order=secret-4711") == []
    await reader.gateway.project(made)
    assert (await rows.stored([made]))[made]["labels"] == []
    assert (await reader.read("metadata.order=secret-4711"))["total"] == 0
