"""Tenant isolation: two developers, two projects each, two users each, and every route of the application.

A request for a resource of another tenant gets exactly the response of one that does not exist, changes
nothing and reveals nothing about its owner.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import pytest
import pytest_asyncio
from aiohttp import ClientTimeout

from domain.accounts.access import Role
from tests.systems.gateway_harness import GatewayHarness, Owner, Person, answered

pytestmark = pytest.mark.asyncio(loop_scope="module")

UNKNOWN = "00000000-0000-4000-8000-000000000000"
BODY = {
    "name": "x",
    "tier": "internal",
    "password": "correct horse battery",
    "is_public": True,
    "url": "https://example.com/hook",
    "event_types": ["generation.completed"],
    "events": ["generation.completed"],
    "reason": "legal",
}
REFUSED = {401, 403, 404}
"""Allowed statuses for a foreign resource. 403 is for a wrong role or wrong keys, whoever owns it."""


@dataclass(frozen=True)
class Subject:
    """All ids of one end user, their project and their developer."""

    person: Person
    generation: str
    endpoint: str
    access_key: str

    @property
    def ids(self) -> dict[str, str]:
        owned_project = self.person.owned_project
        return {
            "developer_id": owned_project.owner.id,
            "key_id": owned_project.owner.key_id,
            "project_id": owned_project.id,
            "api_key_id": owned_project.key_id,
            "access_key_id": self.access_key,
            "user_id": self.person.id,
            "generation_id": self.generation,
            "endpoint_id": self.endpoint,
            "webhook_id": self.endpoint,
            "delivery_id": UNKNOWN,
            "number": "0",
            "consumer": "billing",
            "model": "sdxl",
            "event_type": "generation.imagined",
            "revision": "1",
            "path": "missing.js",
            "provider": "replicate",
            "entry": "delivery:1",
            "job_id": UNKNOWN,
        }

    @property
    def identifying(self) -> set[str]:
        """Return the texts and ids that no other tenant may read."""
        owned_project, owner = self.person.owned_project, self.person.owned_project.owner
        return {
            *(self.person.mark, self.person.id, self.generation, self.endpoint, self.access_key),
            *(owned_project.mark, owned_project.id, owned_project.key_id, owned_project.key),
            *(owner.id, owner.email, owner.key_id, owner.key),
        }


@dataclass(frozen=True)
class Caller:
    """The sender of a request: an end user with all five headers or an access key, a developer, or staff."""

    name: str
    headers: Mapping[str, str]
    person: Person | None = None
    owner: Owner | None = None
    role: Role = Role.END_USER

    def knows(self, subject: Subject) -> bool:
        if self.person is not None:
            return subject.person.id == self.person.id
        return self.owner is not None and subject.person.owned_project.owner.id == self.owner.id


@dataclass(frozen=True)
class Route:
    method: str
    path: str

    @property
    def names(self) -> list[str]:
        return re.findall(r"\{(\w+)\}", self.path)

    @property
    def body(self) -> Mapping[str, object] | None:
        """What no route refuses before it looks for the resource."""
        if self.method not in {"POST", "PUT", "PATCH"}:
            return None
        return {"seed": "same"} if self.path.endswith("/retry") else BODY

    def at(self, ids: Mapping[str, str]) -> str:
        return self.path.format(**ids)


@dataclass(frozen=True)
class Matrix:
    gateway: GatewayHarness
    subjects: list[Subject]
    callers: list[Caller]
    routes: list[Route]

    def strangers(self, caller: Caller) -> Iterator[Subject]:
        """Yield of each project the first user that the caller does not know."""
        found = (subject for subject in reversed(self.subjects) if not caller.knows(subject))
        yield from {subject.person.owned_project.id: subject for subject in found}.values()

    def foreign(self, caller: Caller) -> set[str]:
        """Return the texts and ids of all tenants without those that the caller may read."""
        own = {mark for subject in self.subjects if caller.knows(subject) for mark in subject.identifying}
        if caller.person is not None:
            own |= {subject.person.owned_project.mark for subject in self.subjects if caller.knows(subject)}
        return {mark for subject in self.subjects for mark in subject.identifying} - own

    async def ask(self, route: Route, path: str, caller: Caller) -> tuple[int, Any, str]:
        answer = await self.gateway.client.request(
            route.method,
            path,
            headers=caller.headers,
            json=route.body,
            allow_redirects=False,
            timeout=ClientTimeout(total=10),
        )
        text = (await answer.read()).decode(errors="replace")
        status, body = await answered(answer)
        if isinstance(body, dict):
            body.pop("request_id", None)
        return status, body, text


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def matrix(gateway: GatewayHarness) -> Matrix:
    subjects, callers = [], []
    for number in range(2):
        owner = await gateway.owner()
        callers.append(Caller(f"developer {number}", owner.token, owner=owner, role=Role.DEVELOPER))
        for _ in range(2):
            owned_project = await gateway.owned_project(owner)
            for _ in range(2):
                person = await gateway.person(owned_project)
                key_id, key = await gateway.access_key(person)
                generation, endpoint = await gateway.completed(person), await _endpoint(gateway, person)
                subjects.append(Subject(person, generation, endpoint, key_id))
    # The first and the last have every kind of neighbour; those between them have the same.
    callers += [Caller(one.mark, one.headers, person=one) for one in (subjects[0].person, person)]
    callers.append(Caller(f"access key of {person.mark}", key, person=person))
    platform = (Role.PLATFORM_OPERATOR, Role.AUDITOR)
    callers += [Caller(role.value, await gateway.staff(role), role=role) for role in platform]
    return Matrix(gateway, subjects, callers, sorted(routes_of(gateway), key=lambda r: (r.path, r.method)))


def routes_of(gateway: GatewayHarness) -> Iterator[Route]:
    """Yield every route of the application, its patterns without regular expressions."""
    for route in gateway.client.app.router.routes():
        assert route.resource is not None
        if route.method not in {"HEAD", "OPTIONS"}:
            yield Route(route.method, route.resource.canonical)


async def _endpoint(gateway: GatewayHarness, person: Person) -> str:
    owned_project = person.owned_project
    path = f"/api/v1/projects/{owned_project.id}/webhooks"
    status, body = await gateway.call("POST", path, owned_project.owner.token, {"url": "https://example.com/hook"})
    assert status == 201, body
    return str(body["id"])


async def test_every_path_parameter_has_an_id_in_the_matrix(matrix: Matrix) -> None:
    known = set(matrix.subjects[0].ids)
    assert {name for route in matrix.routes for name in route.names} <= known
    assert len(matrix.routes) >= 45


async def test_foreign_resources_get_the_response_of_unknown_ones(matrix: Matrix) -> None:
    wrong: list[str] = []
    asked = 0
    for route in (route for route in matrix.routes if route.names and not route.path.startswith("/console/")):
        for caller in matrix.callers:
            if _manages(caller, route):
                continue
            paths = _foreign_paths(matrix, route, caller)
            expected = {twin: await matrix.ask(route, twin, caller) for twin in set(paths.values())}
            foreign = matrix.foreign(caller)
            for path, twin in paths.items():
                asked += 1
                status, body, text = await matrix.ask(route, path, caller)
                if status not in REFUSED or (status, body) != expected[twin][:2]:
                    wrong.append(f"{caller.name} {route.method} {path}: {status} {body}")
                wrong += [f"{caller.name} {route.method} {path} says {mark}" for mark in foreign if mark in text]
    assert not wrong, "\n".join(wrong[:20])
    assert asked > 1000
    await _everything_is_as_it_was(matrix)


async def test_no_list_shows_foreign_data_also_when_filtered_by_foreign_ids(matrix: Matrix) -> None:
    wrong: list[str] = []
    for route in (route for route in matrix.routes if route.method == "GET" and not route.names):
        for caller in matrix.callers:
            if caller.role is Role.PLATFORM_OPERATOR and route.path == "/api/v1/developers":
                continue
            if _manages(caller, route):
                continue
            foreign = matrix.foreign(caller)
            foreign_subject = next(subject for subject in matrix.subjects if not caller.knows(subject))
            chosen = f"?project_id={foreign_subject.person.owned_project.id}&user_id={foreign_subject.person.id}"
            for query in ("", chosen):
                status, _, text = await matrix.ask(route, route.path + query, caller)
                sent = {foreign_subject.person.owned_project.id, foreign_subject.person.id} if query else set()
                found = [mark for mark in foreign - sent if mark in text]
                if found or status >= 500:
                    wrong.append(f"{caller.name} GET {route.path}{query}: {status} {found}")
    assert not wrong, "\n".join(wrong[:20])


async def test_a_token_with_keys_of_another_account_reads_nothing(matrix: Matrix) -> None:
    reads = [route for route in matrix.routes if route.method == "GET" and route.names == ["generation_id"]]
    assert len(reads) >= 4
    for subject in matrix.subjects:
        for other in matrix.subjects:
            if other.person.owned_project.id == subject.person.owned_project.id:
                continue
            for header in ("X-Developer-Key", "X-Project-ID", "X-API-Key"):
                if other.person.headers[header] == subject.person.headers[header]:
                    continue
                mixed = {**subject.person.headers, header: other.person.headers[header]}
                route = reads[0]
                status, body = await matrix.gateway.get(route.at(subject.ids), mixed)
                assert status == 403, (header, body)


async def test_every_user_and_developer_reads_their_own_generations(matrix: Matrix) -> None:
    for subject in matrix.subjects:
        person, owned_project = subject.person, subject.person.owned_project
        status, body = await matrix.gateway.get(f"/api/v1/generation/generations-v2/{subject.generation}", person.token)
        assert (status, body["id"]) == (200, subject.generation)
        base = f"/api/v1/projects/{owned_project.id}/generations"
        status, body = await matrix.gateway.get(f"{base}/{subject.generation}", owned_project.owner.token)
        assert (status, body["user_id"], person.mark in body["instructions"]) == (200, person.id, True)
        status, body = await matrix.gateway.get(f"{base}?user_id={person.id}", owned_project.owner.token)
        assert [one["id"] for one in body["generations"]] == [subject.generation]
        status, body = await matrix.gateway.get(base, owned_project.owner.token)
        assert body["total"] == 2


_LOG = tuple(f"/api/v1/audit/{name}" for name in ("events", "consumers", "generations/", "endpoints/", "developers/"))


_OPERATORS = tuple(f"/api/v1/{name}" for name in ("developers/", "erasures/", "controls", "operations"))


def _manages(caller: Caller, route: Route) -> bool:
    """Return whether staff may use a route: operators those of their own, auditors those of the log."""
    is_log = route.path.endswith("/history") or route.path.startswith(_LOG)
    if not (route.path.startswith(_OPERATORS) or "/bulk" in route.path) and not is_log:
        return False
    return caller.role is Role.PLATFORM_OPERATOR or (caller.role is Role.AUDITOR and is_log)


def _foreign_paths(matrix: Matrix, route: Route, caller: Caller) -> dict[str, str]:
    """Map the path of each foreign resource to the path of one that does not exist.

    The ids of a path are all foreign, or the caller's own up to one that is foreign.
    """
    own = next((subject for subject in matrix.subjects if caller.knows(subject)), None)
    names = [name for name in route.names if name not in ("number", "consumer")]  # both are no ids of others
    paths = {}
    for subject in matrix.strangers(caller):
        for cut in range(len(names) if own is not None else 1):
            mine = dict.fromkeys(names[:cut])
            ids = {name: own.ids[name] if name in mine and own else subject.ids[name] for name in subject.ids}
            if own is not None and all(ids[name] == own.ids[name] for name in names):
                continue  # two users of one project share its ids
            unknown_ids = {name: ids[name] if name in mine else UNKNOWN for name in ids} | {"number": "0"}
            paths[route.at(ids)] = route.at(unknown_ids)
    return paths


async def _everything_is_as_it_was(matrix: Matrix) -> None:
    for subject in matrix.subjects:
        person, owned_project = subject.person, subject.person.owned_project
        assert await matrix.gateway.store.accounts.user(owned_project.id, person.id) is not None
        developer = await matrix.gateway.store.accounts.developer(owned_project.owner.id)
        assert developer is not None
        assert developer.tier == "internal"
        project = await matrix.gateway.store.accounts.project(owned_project.owner.id, owned_project.id)
        assert project is not None
        assert project.name == owned_project.mark
        generation = await matrix.gateway.generations.load(subject.generation)
        assert generation is not None
        assert not generation.gone
        assert not generation.is_public
        status, _ = await matrix.gateway.get(f"/api/v1/projects/{owned_project.id}/webhooks", owned_project.owner.token)
        assert status == 200
        for key in await matrix.gateway.store.accounts.keys.all_of(owned_project.owner.id):
            assert key.active
