"""What docs/streams.md tells to do is done."""

import asyncio
import os
import re
import shutil
import subprocess
from asyncio.subprocess import Process
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest
from aiohttp import ClientSession

from tests.gateway.events.newsdesk import ROAD, Gateway, Newsdesk, Person, until

PAGE = Path(__file__).parents[3] / "docs" / "streams.md"


def recipe(language: str, number: int) -> str:
    return str(re.findall(rf"```{language}\n(.*?)```", PAGE.read_text(), re.DOTALL)[number])


def environment(gateway: Gateway, person: Person, generation: str) -> dict[str, str]:
    token = person.reading["Authorization"].removeprefix("Bearer ")
    return os.environ | {"BASE": gateway.url, "TOKEN": token, "ID": generation}


async def told(gateway: Gateway, person: Person, generation: str, *command: str) -> str:
    env = environment(gateway, person, generation)
    child = await asyncio.create_subprocess_exec(*command, env=env, stdout=asyncio.subprocess.PIPE)
    async with asyncio.timeout(40):
        out, _ = await child.communicate()
    assert child.returncode == 0
    return out.decode()


# Node's EventSource is a browser's: undici implements the specification, behind a flag.
WATCH = """
const { BASE, TOKEN, ID } = process.env;
const awake = setInterval(() => {}, 1000);  // a page stays; Node would end while its EventSource waits
await watch(ID, TOKEN, (type, told) => console.log(type, told.version)).finally(() => clearInterval(awake));
console.log("over");
"""


def has_event_source() -> bool:
    asked = ["node", "--experimental-eventsource", "--eval", "new EventSource('http://127.0.0.1:1').close()"]
    return shutil.which("node") is not None and subprocess.run(asked, check=False).returncode == 0


@pytest.fixture
async def broadcaster(
    desk: Newsdesk, person: Person
) -> AsyncIterator[Callable[[Gateway, str], Awaitable[Process]]]:
    """Run the recipe for browsers."""
    children: list[Process] = []
    program = ("node", "--experimental-eventsource", "--input-type=module", "--eval", recipe("js", 0) + WATCH)

    async def run(gateway: Gateway, generation: str) -> Process:
        env = environment(gateway, person, generation)
        child = await asyncio.create_subprocess_exec(*program, env=env, stdout=asyncio.subprocess.PIPE)
        children.append(child)
        return child

    yield run
    for child in children:
        if child.returncode is None:
            child.kill()
            await child.wait()


@pytest.mark.skipif(not has_event_source(), reason="no Node with EventSource")
async def test_an_event_source_goes_on_at_another_gateway_and_stops_at_the_end(
    desk: Newsdesk, person: Person, broadcaster: Callable[[Gateway, str], Awaitable[Process]]
) -> None:
    gateway = await desk.gateway(retry=50, shared=True)
    generation = await desk.generation(person)
    child = await broadcaster(gateway, generation)
    assert child.stdout is not None
    async with asyncio.timeout(40):
        assert await child.stdout.readline() == b"snapshot 1\n"
        await until(lambda: bool(gateway.event_hub.broadcaster.listened))
        await desk.travel(generation, ROAD[:4])
        seen = [await child.stdout.readline() for _ in range(3)]
        # The other one listens already: Node's EventSource, unlike a browser's, gives up where nobody does.
        await desk.gateway(retry=50, port=int(gateway.url.rpartition(":")[2]), shared=True)
        await gateway.stop()
        await desk.travel(generation, ROAD[4:])
        seen += [line async for line in child.stdout]
        assert await child.wait() == 0
    told = [line.decode().split() for line in seen]
    shown = [[name, str(version)] for version, name in await desk.shown(generation, after=1)]
    assert told == [*(one for one in shown if one[0] != "generation.validated"), ["over"]]


@pytest.mark.skipif(not has_event_source(), reason="no Node with EventSource")
async def test_an_event_source_of_somebody_who_was_logged_out_stops_for_good(
    desk: Newsdesk,
    person: Person,
    session: ClientSession,
    broadcaster: Callable[[Gateway, str], Awaitable[Process]],
) -> None:
    gateway = await desk.gateway(retry=50, recheck=0.1)
    generation = await desk.generation(person)
    child = await broadcaster(gateway, generation)
    assert child.stdout is not None
    async with asyncio.timeout(40):
        assert await child.stdout.readline() == b"snapshot 1\n"
        async with session.post(f"{gateway.url}/api/v1/auth/logout", headers=person.reading) as answer:
            assert answer.status == 204
        assert await child.stdout.read() == b""
        assert await child.wait() != 0


@pytest.mark.skipif(shutil.which("node") is None, reason="no Node")
async def test_the_program_for_node_prints_every_event(
    desk: Newsdesk, gateway: Gateway, person: Person
) -> None:
    generation = await desk.generation(person)
    program = ("node", "--input-type=module", "--eval", recipe("js", 1))
    printed, _ = await asyncio.gather(told(gateway, person, generation, *program), desk.travel(generation))
    lines = [line.split()[:2] for line in printed.splitlines() if "generation." in line]
    assert lines == [[str(version), name] for version, name in await desk.shown(generation)]


@pytest.mark.skipif(shutil.which("curl") is None, reason="no curl")
async def test_curl_follows_a_stream_to_its_end_and_waits_for_a_page(
    desk: Newsdesk, gateway: Gateway, person: Person
) -> None:
    generation = await desk.generation(person)
    await desk.travel(generation)
    followed = await told(gateway, person, generation, "sh", "-c", recipe("sh", 0))
    assert re.findall("event: (.*)", followed) == ["snapshot", "caught_up"]
    page = await told(gateway, person, generation, "sh", "-c", recipe("sh", 1))
    assert '"generation.completed"' in page
