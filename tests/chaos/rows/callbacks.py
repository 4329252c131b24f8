"""The provider's callbacks are lost, repeated, disordered, early, forged, old, or for the generation of another."""

import asyncio
import json
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from domain.webhooks.signature import new_secret, signed_headers
from tests.chaos.scene import Scene
from tests.journeys.invariants import history
from tests.systems.tenants import make_tenant
from tests.systems.waiting import until

WEBHOOKS = ("lost", "duplicate", "reorder", "before_201", "bad_signature", "stale")
FORGED = ("bad_signature", "stale")
RUNS_S = 3
FOREIGN_KEY = new_secret(b"f" * 32)


@dataclass(frozen=True)
class Message:
    """A callback as somebody sends it."""

    url: str
    body: bytes
    headers: Mapping[str, str]


async def spoil_callbacks(scene: Scene) -> None:
    """12: callbacks lost, five times, reordered, before the answer, forged, old, for the generation of another."""
    before = await scene.sandbox.callbacks()
    neighbour = await make_tenant(scene.system, scene.tenant.session, "internal")
    spoiled = [({"webhook": webhook}, None) for webhook in WEBHOOKS]
    *_, own = await scene.spoil([*spoiled, ({"latency_s": RUNS_S}, None)])
    await scene.sandbox.arm(latency_s=RUNS_S, times=1)
    foreign = await neighbour.accepted()
    await scene.sandbox.taken()
    await _send_forged(scene, own, foreign)
    await asyncio.gather(*(scene.tenant.finished(one) for one in scene.endings), neighbour.completed(foreign))
    _check_answers(scene, await scene.sandbox.callbacks() - before)


async def _send_forged(scene: Scene, own: str, foreign: str) -> None:
    """Send what is not the provider's, or not of this generation, while both generations run."""
    ours, theirs = [await _prediction(scene, generation) for generation in (own, foreign)]
    key = await scene.sandbox.callback_secret(scene.system.secrets.sandbox_token)
    statuses = [await _status(scene, message) for message in _forged(ours, theirs, key)]
    scene.require(set(statuses) <= {401, 404}, f"forged callbacks were answered {statuses}")
    # Genuine, but of another prediction: nothing of it may be recorded.
    await _status(scene, _signed(theirs["webhook"], _succeeded(ours), key))
    recorded = str([commit.events for commit in await history(scene.system, foreign)])
    scene.require(ours["id"] not in recorded, "a generation took the prediction of another")


async def _prediction(scene: Scene, generation: str) -> Mapping[str, Any]:
    """Wait until the prediction of a generation is known to the log; return it as the provider shows it."""

    async def started() -> bool:
        events = [event.type for commit in await history(scene.system, generation) for event in commit.events]
        return "generation.started" in events

    await until(started, f"{generation} has started")
    (creation,) = await scene.sandbox.creations(generation)
    return await scene.sandbox.prediction(creation["prediction"], scene.system.secrets.sandbox_token)


def _forged(ours: Mapping[str, Any], theirs: Mapping[str, Any], key: str) -> Iterator[Message]:
    """Yield callbacks with every part genuine but one."""
    url, body = ours["webhook"], _succeeded(ours)
    yield Message(url, body, {})
    yield _signed(url, body, FOREIGN_KEY)
    yield _signed(url, body, key, age=timedelta(minutes=6))
    yield _signed(url, body, key, age=timedelta(minutes=-6))
    yield Message(url, body + b" ", _signed(url, body, key).headers)
    generation_ours, generation_theirs = (one["webhook"].partition("g=")[2].partition("&")[0] for one in (ours, theirs))
    yield _signed(url.replace(generation_ours, generation_theirs), body, key)
    yield _signed(url.replace("a=1", "a=2"), body, key)
    yield _signed(url.rpartition("&")[0], body, key)


def _succeeded(prediction: Mapping[str, Any]) -> bytes:
    output = ["http://127.0.0.1:1/forged.png"]
    return json.dumps({**prediction, "status": "succeeded", "output": output}).encode()


def _signed(url: str, body: bytes, key: str, *, age: timedelta = timedelta()) -> Message:
    headers = signed_headers("msg_forged", body=body, secrets=[key], version=1, now=datetime.now(UTC) - age)
    return Message(url, body, headers)


async def _status(scene: Scene, message: Message) -> int:
    async with scene.tenant.session.post(message.url, data=message.body, headers=message.headers) as answer:
        return answer.status


def _check_answers(scene: Scene, answers: Counter[tuple[str | None, int]]) -> None:
    """Forged callbacks were refused, genuine ones accepted, each kind at least once."""
    for webhook in WEBHOOKS:
        statuses = {status for kind, status in answers if kind == webhook}
        expected = {401} if webhook in FORGED else set() if webhook == "lost" else {200}
        scene.require(statuses == expected, f"{webhook}: answered {statuses}")
