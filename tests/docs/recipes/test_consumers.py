"""The programs of docs/consumers.md, as a developer; the program is killed in the middle of its work."""

import asyncio
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path

import aiohttp
import httpx
import pytest

from tests.docs.reading import blocks
from tests.docs.recipes.pages import environment, missing, run
from tests.docs.recipes.test_webhooks import answers
from tests.systems.account import Account
from tests.systems.system import System
from tests.systems.tenants import make_tenant

DOCUMENT = "docs/consumers.md"
PROGRAM, DRAINING = blocks(DOCUMENT, "python")


async def prepare(system: System, generations: int) -> Mapping[str, str]:
    async with aiohttp.ClientSession() as session:
        tenant = await make_tenant(system, session, "internal")
        accepted = [await tenant.accepted() for _ in range(generations)]
        for generation in accepted:
            await tenant.completed(generation)
        token = await tenant.developer_token()
    return {"BASE": system.base_url, "TOKEN": token, "PROJECT_ID": tenant.project}


def api(env: Mapping[str, str], path: str) -> tuple[str, dict[str, str]]:
    return f"{env['BASE']}/api/v1/projects/{env['PROJECT_ID']}/{path}", {"Authorization": f"Bearer {env['TOKEN']}"}


def feed_of(env: Mapping[str, str]) -> list[str]:
    """Read the ids of all events of the project, in order; the last is that of a completed generation."""
    address, headers = api(env, "events")
    while True:
        page = httpx.get(address, params={"after": "0", "limit": "500"}, headers=headers).raise_for_status().json()
        if [event["type"] for event in page["events"]].count("generation.completed") == 2:
            return [event["id"] for event in page["events"]]


@contextmanager
def started(folder: Path, env: Mapping[str, str]) -> Iterator["subprocess.Popen[str]"]:
    program = subprocess.Popen(
        [sys.executable, "consume.py"],
        cwd=folder,
        env=environment(env),
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    with program:
        try:
            yield program
        finally:
            program.kill()


def lines(program: "subprocess.Popen[str]", count: int) -> list[str]:
    assert program.stdout is not None
    return [program.stdout.readline().strip() for _ in range(count)]


@pytest.mark.skipif(missing("curl"), reason="no curl")
def test_the_commands_of_the_page_work(solo: System, tmp_path: Path) -> None:
    script = "\n".join(["set -euo pipefail", *blocks(DOCUMENT, "sh")])
    env = asyncio.run(prepare(solo, 1))
    made, acknowledged, moved = answers(run(["bash", "-c", script], tmp_path, env))
    assert (made["name"], acknowledged["leased_until"]) == ("billing", None)
    assert acknowledged["cursor"] != made["cursor"] == moved["cursor"]


@pytest.mark.skipif(missing("curl"), reason="no curl")
def test_the_token_of_the_page_is_a_developers(solo: System, account: Account, tmp_path: Path) -> None:
    demo = {**asdict(account), "base_url": solo.base_url, "developer_password": account.password}
    (tmp_path / ".exemplar").mkdir()
    (tmp_path / ".exemplar/demo.json").write_text(json.dumps(demo))
    [log_in] = blocks(DOCUMENT, "bash")
    list_all = (
        'curl -sS --fail-with-body -H "Authorization: Bearer $TOKEN" "$BASE/api/v1/projects/$PROJECT_ID/consumers"'
    )
    said = run(["bash", "-c", f"set -euo pipefail\n{log_in}\n{list_all}"], tmp_path, {})
    assert json.loads(said) == {"consumers": []}


def test_a_killed_program_loses_no_event(solo: System, tmp_path: Path) -> None:
    env = {**asyncio.run(prepare(solo, 2)), "LEASE_SECONDS": "1"}
    every = feed_of(env)
    address, headers = api(env, "consumers/billing")
    httpx.put(address, json={"cursor": "0"}, headers=headers).raise_for_status()
    slow = PROGRAM.replace("print(event", "time.sleep(0.05) or print(event")
    (tmp_path / "consume.py").write_text(slow)
    with started(tmp_path, env) as program:
        before = lines(program, 3)
        os.kill(program.pid, signal.SIGKILL)
    (tmp_path / "consume.py").write_text(PROGRAM)
    with started(tmp_path, env) as program:
        after = lines(program, len(every))
    assert before == every[:3]
    assert after == every, "nothing was acknowledged"


def test_the_program_with_the_client_handles_every_event_once(solo: System, tmp_path: Path) -> None:
    env = asyncio.run(prepare(solo, 2))
    every = feed_of(env)
    assert run([sys.executable, "-c", DRAINING], tmp_path, env).split() == every
