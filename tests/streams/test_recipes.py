"""What docs/streams.md tells to do is done."""

import asyncio
import os
import re
import shutil
from pathlib import Path

import pytest

from tests.streams.newsdesk import Gateway, Newsdesk, Person

PAGE = Path(__file__).parents[2] / "docs" / "streams.md"


def recipe(language: str, number: int) -> str:
    return str(re.findall(rf"```{language}\n(.*?)```", PAGE.read_text(), re.DOTALL)[number])


async def told(gateway: Gateway, person: Person, generation: str, *command: str) -> str:
    token = person.reading["Authorization"].removeprefix("Bearer ")
    env = os.environ | {"BASE": gateway.url, "TOKEN": token, "ID": generation}
    child = await asyncio.create_subprocess_exec(*command, env=env, stdout=asyncio.subprocess.PIPE)
    async with asyncio.timeout(40):
        out, _ = await child.communicate()
    assert child.returncode == 0
    return out.decode()


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
