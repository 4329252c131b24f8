"""The static files of the console, and its sign-in link."""

import asyncio
import gzip
import hashlib
import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from gateway.app import create_app
from gateway.console.files import STATIC, read_files
from gateway.console.routes import ConsoleRoutes
from gateway.console.sign_in_link import SignInLink
from gateway.console.vendor import CLIENT, VENDOR, sums
from gateway.openapi.operation import route_table
from tests.builders.clock import Clock
from tests.gateway.test_app import settings_for

NOW = datetime(2026, 11, 27, tzinfo=UTC)
CODE = "a-code-of-one-use"
Client = TestClient[web.Request, web.Application]


@pytest.fixture
def link_file(tmp_path: Path) -> Path:
    file = tmp_path / "sign-in-link.json"
    kept = {
        "code_sha256": hashlib.sha256(CODE.encode()).hexdigest(),
        "expires_at": (NOW + timedelta(minutes=10)).isoformat(),
        "accounts": [{"email": "ada@example.com"}],
    }
    file.write_text(json.dumps(kept))
    return file


@pytest.fixture
def clock() -> Clock:
    return Clock(NOW)


@pytest.fixture
async def client(link_file: Path, clock: Clock) -> AsyncIterator[Client]:
    routes = ConsoleRoutes(console_files=read_files(), sign_in_link=SignInLink(link_file), clock=clock)
    async with TestClient(TestServer(create_app([route_table(routes)], settings_for()))) as client:
        yield client


@pytest.mark.parametrize("path", ["/console/", "/console/generations/01a21ee5-ae72-71de-8522-281af8ef4de3"])
async def test_addresses_of_pages_are_the_page(client: Client, path: str) -> None:
    answer = await client.get(path)
    assert (answer.status, answer.content_type) == (200, "text/html")
    assert await answer.read() == (STATIC / "index.html").read_bytes()


async def test_a_file_is_served_compressed_with_type_policy_and_etag(client: Client) -> None:
    answer = await client.get("/console/main.js", headers={"Accept-Encoding": "gzip"}, auto_decompress=False)
    assert (answer.status, answer.content_type) == (200, "text/javascript")
    assert gzip.decompress(await answer.read()) == (STATIC / "main.js").read_bytes()
    policy = answer.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    again = await client.get("/console/main.js", headers={"If-None-Match": answer.headers["ETag"]})
    assert again.status == 304


@pytest.mark.parametrize("path", ["missing.js", "../routes.py", "%2e%2e/routes.py", "vendor/", "vendor/../main.css"])
async def test_nothing_else_is_served(client: Client, path: str) -> None:
    answer = await client.get(f"/console/{path}")
    assert answer.status == 404 or (await answer.read()) == (STATIC / "index.html").read_bytes()


async def test_a_code_is_good_once(client: Client, link_file: Path) -> None:
    answer = await client.post("/console/sign-in-link", json={"code": CODE})
    assert (answer.status, await answer.json()) == (200, {"accounts": [{"email": "ada@example.com"}]})
    assert answer.headers["Cache-Control"] == "no-store"
    assert not await asyncio.to_thread(link_file.exists)
    assert (await client.post("/console/sign-in-link", json={"code": CODE})).status == 401


async def test_a_wrong_code_does_not_use_the_link(client: Client, link_file: Path) -> None:
    answer = await client.post("/console/sign-in-link", json={"code": "another"})
    assert (answer.status, (await answer.json())["code"]) == (401, "invalid_ticket")
    assert await asyncio.to_thread(link_file.exists)


async def test_a_code_of_more_than_ten_minutes_is_refused(client: Client, clock: Clock) -> None:
    clock.forward(minutes=10)
    assert (await client.post("/console/sign-in-link", json={"code": CODE})).status == 401


@pytest.mark.parametrize("header", ["X-Forwarded-For", "Forwarded"])
async def test_a_code_through_a_proxy_is_refused(client: Client, header: str) -> None:
    answer = await client.post("/console/sign-in-link", json={"code": CODE}, headers={header: "127.0.0.1"})
    assert answer.status == 401


@pytest.mark.parametrize("content", ["", "{}", "[]", '{"code_sha256": 1}'])
def test_a_damaged_file_is_no_link(tmp_path: Path, content: str) -> None:
    file = tmp_path / "link.json"
    file.write_text(content)
    assert SignInLink(file).use(CODE, NOW) is None
    assert SignInLink(None).use(CODE, NOW) is None
    assert SignInLink(tmp_path / "none.json").use(CODE, NOW) is None


def test_the_third_party_files_are_those_of_the_list() -> None:
    assert (VENDOR / "SHA256SUMS").read_text().splitlines() == sums()
    licences = {path.name for path in VENDOR.glob("*.LICENSE")}
    assert licences == {"lit-html.LICENSE", "pico.LICENSE"}


def test_the_console_uses_the_client_of_this_repository() -> None:
    copied = {path.name: path.read_bytes() for path in (VENDOR / "exemplar-client").iterdir()}
    assert copied == {path.name: path.read_bytes() for path in CLIENT.iterdir()}, "run `make vendor`"
