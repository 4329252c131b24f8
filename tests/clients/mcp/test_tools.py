"""The tools, called by the official client of MCP over streamable HTTP and over standard input and output."""

import asyncio
import base64
import hashlib
import json
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import httpx
import httpx2
import pytest

from exemplar_client import AccessKey
from exemplar_client import Client as ApiClient
from tests.builders.pictures import SAMPLES
from tests.systems.system import System
from tests.systems.tenants import small

if TYPE_CHECKING:  # it takes most of a second, in each process that collects the tests
    from mcp import Client

TOOLS = {"generate", "wait", "status", "explain", "cancel", "retry", "list", "usage"}


@asynccontextmanager
async def over_http(solo: System, key: str) -> AsyncIterator["Client"]:
    from mcp import Client
    from mcp.client.streamable_http import streamable_http_client

    headers = {"Authorization": f"Bearer {key}"}
    async with (
        httpx2.AsyncClient(headers=headers, timeout=60) as http,
        Client(streamable_http_client(f"{solo.base_url}/mcp", http_client=http)) as client,
    ):
        yield client


@asynccontextmanager
async def over_stdio(solo: System, key: str) -> AsyncIterator["Client"]:
    from mcp import Client, StdioServerParameters

    env = {"EXEMPLAR_URL": solo.base_url, "EXEMPLAR_ACCESS_KEY": key}
    server = StdioServerParameters(command=sys.executable, args=["-m", "exemplar", "mcp"], env=env)
    async with Client(server) as client:
        yield client


async def called(client: "Client", tool: str, **arguments: Any) -> Any:
    """Call a tool that must succeed; return the object that it answers."""
    result = await client.call_tool(tool, arguments)
    assert not result.is_error, result.content
    return json.loads(result.content[0].text)  # type: ignore[union-attr]


def generations(solo: System, key: str) -> list[Any]:
    with ApiClient(solo.base_url, AccessKey(key)) as api:
        return list(api.all())


def encoded() -> str:
    return f"data:image/jpeg;base64,{base64.b64encode(small()).decode()}"


@pytest.mark.parametrize("connect", [over_http, over_stdio])
async def test_a_picture_is_made_waited_for_and_shown(solo: System, access_key: str, connect: Any) -> None:
    async with connect(solo, access_key) as client:
        assert {tool.name for tool in (await client.list_tools()).tools} == TOOLS
        picture = str(SAMPLES / "coffee.png") if connect is over_stdio else encoded()
        made = await called(client, "generate", prompt="a lighthouse", images=[picture], parameters={"seed": 7})
        progress = list[float]()

        async def note(value: float, total: float | None, message: str | None) -> None:
            progress.append(value)

        waited = await client.call_tool("wait", {"generation_id": made["id"]}, progress_callback=note)
        state, image = waited.content
        assert json.loads(state.text)["status"] == "completed"
        data = base64.b64decode(image.data)
        [generation] = await asyncio.to_thread(generations, solo, access_key)
        assert hashlib.sha256(data).hexdigest() == generation["result"]["images"][0]["sha256"]
        assert generation["instructions"] == '{"seed": 7, "prompt": "a lighthouse"}'
        assert progress == sorted(progress)
        again = await called(client, "retry", generation_id=made["id"], seed="same")
        assert (await called(client, "wait", generation_id=again["id"]))["retry_of"] == made["id"]


async def test_arguments_that_a_tool_does_not_know_are_refused(solo: System, access_key: str) -> None:
    async with over_http(solo, access_key) as client:
        invented = {"prompt": "a lighthouse", "images": [encoded()], "dry_run": True}
        result = await client.call_tool("generate", invented)
        assert result.is_error
        assert "dry_run" in result.content[0].text  # type: ignore[union-attr]
        for tool in (await client.list_tools()).tools:
            assert tool.input_schema["additionalProperties"] is False, tool.name
    assert await asyncio.to_thread(generations, solo, access_key) == []


async def test_states_are_read_and_a_generation_is_cancelled(solo: System, access_key: str) -> None:
    async with over_http(solo, access_key) as client:
        made = await called(client, "generate", prompt="[sandbox:slow=20] a mill", images=[encoded()])
        waited = await client.call_tool("wait", {"generation_id": made["id"], "timeout_seconds": 0.5})
        assert len(waited.content) == 1, "no picture yet"
        assert (await called(client, "status", generation_id=made["id"]))["status"] in ("pending", "processing")
        assert (await called(client, "explain", generation_id=made["id"]))["id"] == made["id"]
        await called(client, "cancel", generation_id=made["id"])
        ended = await called(client, "wait", generation_id=made["id"])
        assert (ended["status"], ended["failure"]["code"]) == ("failed", "canceled")
        listed = await called(client, "list", status="failed", limit=5)
        assert [one["id"] for one in listed["generations"]] == [made["id"]]
        assert (await called(client, "usage"))["totals"]


async def test_refusals_are_told_to_the_model(solo: System, access_key: str) -> None:
    async with over_http(solo, access_key) as client:
        unknown = await client.call_tool("status", {"generation_id": "00000000-0000-4000-8000-000000000000"})
        assert (unknown.is_error, "not_found" in str(unknown.content)) == (True, True)
        path = await client.call_tool("generate", {"prompt": "a mill", "images": ["/etc/hostname"]})
        assert (path.is_error, "is no picture; send a data: URI" in str(path.content)) == (True, True)
        blank = await client.call_tool("generate", {"prompt": " ", "images": [encoded()]})
        assert "invalid_instructions_prompt" in str(blank.content)
    assert await asyncio.to_thread(generations, solo, access_key) == []


def test_a_request_without_a_key_is_refused(solo: System) -> None:
    answer = httpx.post(f"{solo.base_url}/mcp", json={"jsonrpc": "2.0", "id": 1, "method": "ping"})
    assert (answer.status_code, answer.headers["WWW-Authenticate"]) == (401, "Bearer")
    assert httpx.get(f"{solo.base_url}/mcp").status_code == 405
