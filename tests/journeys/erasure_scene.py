"""Four marked users on servers of their own: one generation, one user and one project of them are erased.

The first user keeps a generation, the fourth everything. All that the system keeps and shows is searched before and
after.
"""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import aiohttp
import pika
from aiohttp import web

from domain.generation.lifecycle import Timeouts
from store.accounts.erasure import LATE_ARRIVALS, AccountErasure
from tests.journeys.marked import MarkedUser, ask_wrongly, complete, make_user, send_again, submit
from tests.journeys.searched import kept, over_http
from tests.systems.commands import command
from tests.systems.needles import Needles
from tests.systems.remains import Found
from tests.systems.sandbox_client import SandboxClient
from tests.systems.servers import Servers, database_url
from tests.systems.system import System
from tests.systems.waiting import until
from tests.systems.webhook_receiver import Received, Receiver, open_receiver
from tests.wiring import wired

COPIES = "copies"
"""A queue that keeps a copy of every message."""


@dataclass
class Scene:
    """The system, the users, and what was found before and after erasing: `kept` by it, and `shown` over HTTP."""

    home: Path
    servers: Servers
    system: System
    session: aiohttp.ClientSession
    receiver: Receiver
    users: list[MarkedUser] = field(default_factory=list)
    kept_before: Found = field(default_factory=dict)
    shown_before: Found = field(default_factory=dict)
    kept_after: Found = field(default_factory=dict)
    shown_after: Found = field(default_factory=dict)
    planted: dict[str, str] = field(default_factory=dict)
    answers: dict[str, Any] = field(default_factory=dict)

    @property
    def erased(self) -> dict[str, str | bytes]:
        """The marks of what is erased: of the project also its names."""
        one, user, project, _ = self.users
        of_user = {
            source: mark for source, mark in user.marks.items() if source == "person" or source not in user.texts
        }
        return {
            **_named("one", one.generations[0].marks),
            **_named("user", of_user),
            **_named("project", project.marks),
        }

    @property
    def not_erased(self) -> dict[str, str | bytes]:
        one, _, _, other = self.users
        return {**_named("kept one", {**one.texts, **one.generations[1].marks}), **_named("other", other.marks)}

    @property
    def sandbox(self) -> SandboxClient:
        return SandboxClient(self.system.sandbox_url, self.session)

    @property
    def gateways(self) -> list[str]:
        return [self.system.base_url, *self.system.gateway_urls.values()]

    @property
    def as_operator(self) -> dict[str, str]:
        return {"X-Operator-Key": self.system.secrets.operator_key}

    async def exemplar(self, *arguments: str) -> tuple[int, str]:
        """Run a command beside the system; return exit code and output."""
        done = await command(*arguments, env=self.system.env, cwd=self.home)
        return done.code, done.out or done.error

    async def erasure(self, path: str, headers: dict[str, str], **body: str) -> dict[str, Any]:
        """Erase with a body, else show how far it is."""
        url, method = f"{self.system.base_url}/api/v1/erasures/{path}", "POST" if body else "GET"
        async with self.session.request(method, url, json=body or None, headers=headers) as answer:
            assert answer.status in (200, 202), await answer.text()
            return dict(await answer.json())


def _named(prefix: str, marks: dict[str, str | bytes]) -> dict[str, str | bytes]:
    return {f"{prefix}: {source}": mark for source, mark in marks.items()}


@asynccontextmanager
async def opened_scene(home: Path, servers: Servers) -> AsyncIterator[Scene]:
    """Start the system with two gateways; every temporary file is in its home.

    Its processes use PyMongo's client, but for the second gateway: both drivers work on one database.
    """
    (home / "tmp").mkdir()
    environ = {"TMPDIR": str(home / "tmp"), "EXEMPLAR_MONGODB_DRIVER": "pymongo"}
    mongodb, rabbit = servers.urls
    system = System(home / "system", database_url(mongodb, "exemplar"), rabbit, environ)
    try:
        system.start()
        system.start_gateway("second", amqp_url=rabbit, EXEMPLAR_MONGODB_DRIVER="motor")
        _copy_messages(rabbit)
        async with open_receiver() as receiver, aiohttp.ClientSession() as session:
            receiver.respond = _with_last_part
            yield Scene(home, servers, system, session, receiver)
    finally:
        system.close()


def _copy_messages(url: str) -> None:
    with pika.BlockingConnection(pika.URLParameters(url)) as connection:
        channel = connection.channel()
        channel.queue_declare(COPIES, durable=True, arguments={"x-queue-type": "quorum"})
        channel.queue_bind(COPIES, "events", "#")


def _with_last_part(received: Received) -> web.Response:
    return web.Response(text=received.path.rpartition("/")[2])


async def populate(scene: Scene) -> None:
    """Make the users, and generations that are completed, failed, cancelled and running."""
    for _ in range(4):
        scene.users.append(await make_user(scene.system, scene.session, scene.receiver))
    one, user, project, other = scene.users
    for owner in (one, one, user, project, other):
        made = await complete(owner, scene.receiver, scene.sandbox)
        await ask_wrongly(owner, made)
        await send_again(owner, made)
    await scene.sandbox.arm(times=1, outcome="failed")
    failed = await submit(user, scene.receiver)
    assert (await user.tenant.finished(failed.id))["status"] == "failed"
    await scene.sandbox.arm(latency_s=3600)
    cancelled, running = await submit(user, scene.receiver), await submit(user, scene.receiver)
    for begun in (cancelled, running):
        await user.tenant.reaches(begun.id, "started")
    path = f"{user.tenant.base_url}/api/v1/generation/generations-v2/{cancelled.id}/cancel"
    async with scene.session.post(path, headers=user.tenant.headers) as answer:
        assert answer.status == 202
    await user.tenant.finished(cancelled.id)


async def search(scene: Scene, needles: Needles, *, times: int = 1) -> tuple[Found, Found]:
    """Return what the system keeps, and what it shows to those who ask so many times."""
    shown = await over_http(scene.session, scene.gateways, scene.users, needles, times)
    return await asyncio.to_thread(kept, scene.servers, scene.home, needles), shown


async def erase(scene: Scene) -> None:
    """Erase as an operator, as a developer and by command, and wait until nothing is left to do."""
    one, user, project, _ = scene.users
    generation = f"generations/{one.generations[0].id}"
    scene.answers["one"] = await scene.erasure(generation, scene.as_operator, reason="complaint", case="C-1")
    scene.answers["user"] = await scene.erasure(f"users/{user.tenant.user}", user.as_developer, reason="data_request")
    arguments = ("erase", "project", project.tenant.project, "--reason", "legal", "--yes", "--json")
    code, printed = await scene.exemplar(*arguments)
    assert code == 0, printed
    scene.answers["project"] = json.loads(printed)

    async def is_empty() -> bool:
        paths = (f"users/{user.tenant.user}", f"projects/{project.tenant.project}")
        return not any([(await scene.erasure(path, scene.as_operator))["generations"] for path in paths])

    await until(is_empty, "all generations are erased", within=60, every=0.5)
    await finish(scene)


async def finish(scene: Scene) -> None:
    """Erase accounts and names, as the scheduler does ten minutes later."""
    ahead = timedelta()
    async with scene.system.open_store() as store:
        given = {"timeouts": Timeouts(), "erase_projects_after": timedelta(days=30)}
        process = wired(store, lambda: datetime.now(UTC) + ahead, **given)
        account_erasure: AccountErasure = process.get("account_erasure")
        for _ in range(3):
            await account_erasure.run()
            ahead += LATE_ARRIVALS
    _, user, project, _ = scene.users

    async def are_erased() -> bool:
        paths = (f"users/{user.tenant.user}", f"projects/{project.tenant.project}")
        return {(await scene.erasure(path, scene.as_operator))["state"] for path in paths} == {"erased"}

    await until(are_erased, "the user and the project are erased")


async def export(scene: Scene) -> None:
    """Export everything that is left."""
    for arguments in (("checkpoint",), ("export", str(scene.home / "export"))):
        code, printed = await scene.exemplar("audit", *arguments)
        assert code == 0, printed


async def overwrite(scene: Scene) -> None:
    """Overwrite MongoDB's oplog, and let the hour end after which the stand-in for the provider drops its data."""
    code, printed = await scene.exemplar("erase", "oplog", "--overwrite", "--json")
    assert code == 0, printed
    scene.answers["oplog"] = json.loads(printed)
    await scene.system.terminate("sandbox")
    scene.system.program("sandbox", "sandbox", EXEMPLAR_SANDBOX_KEEP_SECONDS="0.1")
    scene.system.start("sandbox")
