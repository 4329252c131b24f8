"""The example clients of docs/streams.md."""

import asyncio
import os
import re
import shutil
import subprocess
from asyncio.subprocess import Process
from collections.abc import AsyncIterator, Awaitable, Callable
from functools import cache
from pathlib import Path

import pytest
from aiohttp import ClientSession

from tests.gateway.events.gateway_system import LIFECYCLE, EndUser, Gateway, GatewaySystem
from tests.systems.waiting import until

PAGE = Path(__file__).parents[3] / "docs" / "streams.md"


def example(language: str, number: int) -> str:
    return str(re.findall(rf"```{language}\n(.*?)```", PAGE.read_text(), re.DOTALL)[number])


def environment(gateway: Gateway, user: EndUser, generation: str) -> dict[str, str]:
    token = user.bearer["Authorization"].removeprefix("Bearer ")
    return os.environ | {"BASE": gateway.url, "TOKEN": token, "ID": generation}


async def output_of(gateway: Gateway, user: EndUser, generation: str, *command: str) -> str:
    env = environment(gateway, user, generation)
    child = await asyncio.create_subprocess_exec(*command, env=env, stdout=asyncio.subprocess.PIPE)
    async with asyncio.timeout(40):
        out, _ = await child.communicate()
    assert child.returncode == 0
    return out.decode()


# Node's EventSource (undici) implements the browsers' specification, behind a flag.
WATCH = """
const { BASE, TOKEN, ID } = process.env;
const timer = setInterval(() => {}, 1000);  // keeps Node running while its EventSource waits
await watch(ID, TOKEN, (type, data) => console.log(type, data.version)).finally(() => clearInterval(timer));
console.log("over");
"""


@cache
def has_event_source() -> bool:
    command = [
        "node",
        "--experimental-eventsource",
        "--eval",
        "new EventSource('http://127.0.0.1:1').close()",
    ]
    return shutil.which("node") is not None and subprocess.run(command, check=False).returncode == 0


@pytest.fixture
async def run_browser(
    system: GatewaySystem, user: EndUser
) -> AsyncIterator[Callable[[Gateway, str], Awaitable[Process]]]:
    """Run the example for browsers."""
    children: list[Process] = []
    program = (
        "node",
        "--experimental-eventsource",
        "--input-type=module",
        "--eval",
        example("js", 0) + WATCH,
    )

    async def run(gateway: Gateway, generation: str) -> Process:
        env = environment(gateway, user, generation)
        child = await asyncio.create_subprocess_exec(*program, env=env, stdout=asyncio.subprocess.PIPE)
        children.append(child)
        return child

    yield run
    for child in children:
        if child.returncode is None:
            child.kill()
            await child.wait()


@pytest.mark.skipif(not has_event_source(), reason="no Node with EventSource")
async def test_an_event_source_resumes_at_another_gateway_and_stops_at_the_end(
    system: GatewaySystem, user: EndUser, run_browser: Callable[[Gateway, str], Awaitable[Process]]
) -> None:
    gateway = await system.start_gateway(retry=50, shared=True)
    generation = await system.start_generation(user)
    child = await run_browser(gateway, generation)
    assert child.stdout is not None
    async with asyncio.timeout(40):
        assert await child.stdout.readline() == b"snapshot 1\n"
        await until(lambda: bool(gateway.event_hub.broadcaster.watched))
        await system.append_all(generation, LIFECYCLE[:4])
        seen = [await child.stdout.readline() for _ in range(3)]
        # The other gateway listens already: unlike a browser, Node gives up after a refused connection.
        await system.start_gateway(retry=50, port=int(gateway.url.rpartition(":")[2]), shared=True)
        await gateway.stop()
        await system.append_all(generation, LIFECYCLE[4:])
        seen += [line async for line in child.stdout]
        assert await child.wait() == 0
    received = [line.decode().split() for line in seen]
    shown = [[name, str(version)] for version, name in await system.visible_events(generation, after=1)]
    assert received == [*(one for one in shown if one[0] != "generation.validated"), ["over"]]


@pytest.mark.skipif(not has_event_source(), reason="no Node with EventSource")
async def test_an_event_source_stops_after_a_logout(
    system: GatewaySystem,
    user: EndUser,
    session: ClientSession,
    run_browser: Callable[[Gateway, str], Awaitable[Process]],
) -> None:
    gateway = await system.start_gateway(retry=50, recheck=0.1)
    generation = await system.start_generation(user)
    child = await run_browser(gateway, generation)
    assert child.stdout is not None
    async with asyncio.timeout(40):
        assert await child.stdout.readline() == b"snapshot 1\n"
        async with session.post(f"{gateway.url}/api/v1/auth/logout", headers=user.bearer) as answer:
            assert answer.status == 204
        assert await child.stdout.read() == b""
        assert await child.wait() != 0


@pytest.mark.skipif(shutil.which("node") is None, reason="no Node")
async def test_the_node_example_prints_every_event(system: GatewaySystem, gateway: Gateway, user: EndUser) -> None:
    generation = await system.start_generation(user)
    program = ("node", "--input-type=module", "--eval", example("js", 1))
    printed, _ = await asyncio.gather(output_of(gateway, user, generation, *program), system.append_all(generation))
    lines = [line.split()[:2] for line in printed.splitlines() if "generation." in line]
    assert lines == [[str(version), name] for version, name in await system.visible_events(generation)]


@pytest.mark.skipif(shutil.which("curl") is None, reason="no curl")
async def test_curl_reads_a_stream_to_its_end_and_a_long_poll(
    system: GatewaySystem, gateway: Gateway, user: EndUser
) -> None:
    generation = await system.start_generation(user)
    await system.append_all(generation)
    followed = await output_of(gateway, user, generation, "sh", "-c", example("sh", 0))
    assert re.findall("event: (.*)", followed) == ["snapshot", "caught_up"]
    page = await output_of(gateway, user, generation, "sh", "-c", example("sh", 1))
    assert '"generation.completed"' in page
