from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

import pytest_asyncio

from domain.accounts.access import Role
from tests.systems.gateway_harness import GatewayHarness, Owner, Person

EVENTS, ACCESSES, CONSUMERS = (f"/api/v1/audit/{name}" for name in ("events", "accesses", "consumers"))

Event = dict[str, Any]


@dataclass
class AuditHarness:
    """Two developers with a user and a completed generation each, an auditor, and a log in which all is sealed."""

    gateway: GatewayHarness
    auditor: dict[str, str]
    people: list[Person] = field(default_factory=list)
    generations: list[str] = field(default_factory=list)

    @property
    def owners(self) -> list[Owner]:
        return [person.owned_project.owner for person in self.people]

    async def add_developer(self) -> None:
        person = await self.gateway.person()
        self.people.append(person)
        self.generations.append(await self.gateway.completed(person))

    async def seal(self) -> None:
        while await self.gateway.store.sealed_log.seal():
            pass

    async def page(self, headers: dict[str, str] | None = None, **query: Any) -> Any:
        """Read one page; it must be one."""
        status, body = await self.gateway.get(f"{EVENTS}?{urlencode(query)}", headers or self.auditor)
        assert status == 200, body
        return body

    async def all(self, headers: dict[str, str] | None = None, **query: Any) -> list[Event]:
        """Read every event of a query, page by page."""
        events: list[Event] = []
        page = await self.page(headers, **query)
        while True:
            events += page["events"]
            if not page["more"]:
                return events
            page = await self.page(headers, **{**query, **page["continue"]})

    async def refusal(self, query: str, headers: dict[str, str] | None = None) -> tuple[int, str]:
        status, body = await self.gateway.get(f"{EVENTS}?{query}", headers or self.auditor)
        return status, body["code"]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def audit(gateway: GatewayHarness) -> AuditHarness:
    harness = AuditHarness(gateway, await gateway.staff(Role.AUDITOR))
    for _ in range(2):
        await harness.add_developer()
    await harness.seal()
    return harness
