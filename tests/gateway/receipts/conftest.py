from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest_asyncio
from aiohttp import ClientResponse, web
from aiohttp.test_utils import TestClient, TestServer

from domain.receipts.check import Check, check_receipt
from exemplar.gateway_wiring import create_gateway
from store.audit.checkpointing import Checkpointer
from tests.store.audit.conftest import KEY
from tests.systems.documented import documented
from tests.systems.gateway import gateway_dependencies
from tests.systems.gateway_harness import ONE, GatewayHarness, Person


@dataclass
class Receipts:
    """Completed generations of two tenants under a checkpoint."""

    gateway: GatewayHarness
    person: Person
    stranger: Person
    pictures: dict[str, bytes] = field(default_factory=dict)

    async def completed(self, data: bytes | None = None, person: Person | None = None) -> str:
        """Complete a generation, of which nothing is sealed yet."""
        name = await self.gateway.submit(person or self.person)
        await self.gateway.complete(name, data)
        self.pictures[name] = data or self.gateway.picture + name.encode()
        return name

    async def signed(self, data: bytes | None = None, person: Person | None = None) -> str:
        """Complete a generation and sign the log."""
        name = await self.completed(data, person)
        await self.sign()
        return name

    async def sign(self) -> None:
        while await self.gateway.store.sealed_log.seal():
            pass
        checkpoints = self.gateway.store.checkpoints
        await Checkpointer(checkpoints, signer=KEY, trusted=[KEY.public], clock=self.gateway.clock).make()

    async def fetch(self, path: str, headers: dict[str, str] | None = None, method: str = "GET") -> ClientResponse:
        """Fetch a path, read whole, as the owner or with other headers."""
        answer = await self.gateway.client.request(
            method, path, headers=self.person.token if headers is None else headers
        )
        await answer.read()
        return answer

    async def receipt(self, name: str, query: str = "", headers: dict[str, str] | None = None) -> str:
        answer = await self.fetch(f"{ONE}/{name}/receipt{query}", headers)
        assert (answer.status, answer.content_type) == (200, "application/json"), await answer.text()
        return await answer.text()

    async def refusal(self, path: str, headers: dict[str, str] | None = None) -> tuple[int, Any]:
        answer = await self.fetch(path, headers)
        body = await answer.json()
        return answer.status, body["code"]


@asynccontextmanager
async def second_gateway(
    receipts: Receipts, **given: object
) -> AsyncIterator["TestClient[web.Request, web.Application]"]:
    """Serve another gateway on the same store, with some dependencies of its own."""
    dependencies = gateway_dependencies(receipts.gateway.store, receipts.gateway.clock, **given)
    async with TestClient(TestServer(documented(create_gateway(dependencies)))) as client:
        yield client


def passes(picture: bytes, text: str | None = None) -> list[Check]:
    """Check a receipt, which must have no fault."""
    checks = [*check_receipt(picture, [KEY.public], text)]
    assert all(check.passed for check in checks), checks
    return checks


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def receipts(gateway: GatewayHarness) -> Receipts:
    return Receipts(gateway, await gateway.person(), await gateway.person())
