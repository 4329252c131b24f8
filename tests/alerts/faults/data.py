"""Data that cannot be written, read, signed or delivered."""

import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

from exemplar.local.secrets_file import Secrets
from tests.alerts.stage import Stage
from tests.systems.commands import command
from tests.systems.waiting import until
from tests.systems.webhook_receiver import open_receiver, silent_server

_FAR = timedelta(hours=2)


async def _first(collection: Any, query: dict[str, Any]) -> dict[str, Any] | None:
    found: dict[str, Any] | None = await collection.find_one(query)
    return found


@asynccontextmanager
async def refuse_rows(stage: Stage) -> AsyncIterator[None]:
    """MongoDB refuses the rows of generations; then what is parked is tried again by the command of the runbook."""
    never = {"never": {"$exists": True}}
    async with stage.system.open_store() as store:
        await store.database.command("collMod", "generations", validator=never)
        try:
            async with stage.again_and_again(lambda: stage.submit(1), every=2):
                yield
        finally:
            await store.database.command("collMod", "generations", validator={})
    replay = ("failed", "replay", "parked", "--all")
    done = await command(*replay, env=stage.system.env, cwd=stage.system.home)
    assert done.code == 0, done.error


@asynccontextmanager
async def damage_commit(stage: Stage) -> AsyncIterator[None]:
    """A commit is stored whose stream has no beginning, so that it gets no position."""
    stream = f"generation-{uuid.uuid4()}"
    async with stage.system.open_store() as store:
        commits = store.database["commits"]
        [generation] = await stage.submit(1)
        await stage.tenant.completed(generation)
        like = await commits.find_one({"_id": f"generation-{generation}:2"})
        damaged = {**(like or {}), "_id": f"{stream}:2", "stream": stream, "unsealed": True, "time": datetime.now(UTC)}
        await commits.insert_one(damaged)
        try:
            yield
        finally:
            await commits.delete_one({"_id": damaged["_id"]})


@asynccontextmanager
async def hold_lease(stage: Stage) -> AsyncIterator[None]:
    """Somebody who does nothing holds the lease of a subscriber."""
    job = {"_id": "subscriber:usage"}
    async with stage.system.open_store() as store:
        leases = store.database["leases"]
        held = {"$set": {"holder": "a process that hangs", "until": datetime.now(UTC) + _FAR}}
        await leases.update_one(job, held, upsert=True)
        try:
            async with stage.again_and_again(lambda: stage.submit(1), every=2):
                yield
        finally:
            await leases.delete_one(job)


@asynccontextmanager
async def keep_hold(stage: Stage) -> AsyncIterator[None]:
    """A generation that runs holds its unit for two hours already."""
    [generation] = await stage.submit(1, prompt="[sandbox:slow=90]")
    async with stage.system.open_store() as store:
        ledger = store.database["ledger"]
        held = {"generation": generation}
        slot = await until(partial(_first, ledger, held), "its unit is held")
        await ledger.update_one(held, {"$set": {"since": slot["since"] - _FAR}})
        yield
        await ledger.update_one(held, {"$set": {"since": slot["since"]}})


@asynccontextmanager
async def change_checkpoint_key(stage: Stage) -> AsyncIterator[None]:
    """The log is to be signed by a key that has not signed it before."""
    async with stage.system.open_store() as store:
        await until(partial(_first, store.database["checkpoints"], {}), "the log is signed", within=90)
    await stage.restart("scheduler", EXEMPLAR_CHECKPOINT_KEY=Secrets().checkpoint_key)
    async with stage.again_and_again(lambda: stage.submit(1), every=10):
        yield
    await stage.restart("scheduler")


@asynccontextmanager
async def lose_master_key(stage: Stage) -> AsyncIterator[None]:
    """The scheduler does not know the key that encrypted the secrets of endpoints."""
    async with open_receiver() as receiver:
        await stage.tenant.register_webhook(receiver.url)
        await stage.restart("scheduler", EXEMPLAR_WEBHOOK_MASTER_KEYS='{"2": "another master key of this test run"}')
        async with stage.again_and_again(lambda: stage.submit(1), every=3):
            yield
        await stage.restart("scheduler")


@asynccontextmanager
async def hang_receiver(stage: Stage) -> AsyncIterator[None]:
    """A receiver of webhooks takes each message and answers nothing."""
    async with silent_server() as server:
        await stage.tenant.register_webhook(server.url)
        await stage.submit(40)
        async with stage.system.open_store() as store:
            rows = store.database["webhook_deliveries"]
            waiting = {"state": "pending", "endpoint": {"$exists": True}}
            await until(partial(_first, rows, waiting), "deliveries wait")
            yield
            await rows.update_many(waiting, {"$set": {"state": "skipped"}})
