"""The provider loses, delays or falsifies what it answers."""

import asyncio
from collections.abc import Mapping, Sequence
from itertools import chain
from typing import Any

from tests.chaos.row import Row
from tests.chaos.rows.callbacks import spoil_callbacks
from tests.chaos.scene import LOAD, Scene
from tests.systems.system import TIMEOUTS

# How each create is spoiled -> the failure code, None for a picture.
CREATES = {
    "hang": None,
    "500": None,
    "html_502": None,
    "truncated": None,
    "version_null": None,
    "aborted": "provider_canceled",
}
# How each output is spoiled, and for how many downloads -> the same.
OUTPUTS: Mapping[tuple[str, int | None], str | None] = {
    ("404", None): "output_unavailable",
    ("expired", None): "output_unavailable",
    ("truncated", None): "output_invalid",
    ("huge", None): "output_invalid",
    ("redirect", None): "output_invalid",
    ("foreign", None): "output_invalid",
    ("wrong_type", None): "output_invalid",
    ("slow", 1): None,
    ("stalled", 1): None,
}
MIB = 1024 * 1024
OUTPUT_CAP = 10 * MIB
SOCKET_BUFFERS = 16 * MIB
CIRCUIT_S = float(TIMEOUTS["EXEMPLAR_CIRCUIT_SECONDS"])
# Requests that were under way when the first was refused may still arrive; another worker reads of it within a second.
IN_FLIGHT_S = 0.5
SHARED_S = 1.5
SECOND = "second-worker"
UNSHOWN = ("payment", "credit", "unauthorized", "token", "provider", "throttl")


async def drop_answers(scene: Scene) -> None:
    """10: creations without a response, known by callback or not at all."""
    webhook = scene.rng.choice(("lost", "duplicate"))
    async with scene.load(LOAD, create="drop_after_commit", webhook=webhook):
        pass


async def spoil_creations(scene: Scene) -> None:
    """11: create hangs, fails, answers HTML, half a body, an aborted prediction, no version; callbacks may be lost."""
    lost = [{"webhook": "lost"} if scene.rng.random() < 0.5 else {} for _ in CREATES]
    spoiled = [({"create": create, **more}, code) for (create, code), more in zip(CREATES.items(), lost, strict=True)]
    await scene.spoil(spoiled)


async def spoil_outputs(scene: Scene) -> None:
    """13: outputs missing, expired, cut, huge, redirected to loopback, on a foreign host, slow, stalled."""
    spoiled = [({"output": output, "output_times": times}, code) for (output, times), code in OUTPUTS.items()]
    generations = await scene.spoil(spoiled)
    failed = [one for one, code in zip(generations, OUTPUTS.values(), strict=True) if code]
    await asyncio.gather(*(scene.tenant.finished(generation) for generation in failed))
    scene.require(await scene.sandbox.trapped() == 0, "a download went to an address of the provider's choice")
    taken = await scene.sandbox.huge_bytes()
    scene.require(taken < OUTPUT_CAP + SOCKET_BUFFERS, f"{taken} bytes of a huge output were taken")
    async with scene.system.open_store() as store:
        stored = await store.database["blobs"].count_documents({"generation": {"$in": failed}, "kind": "result"})
    scene.require(stored == 0, f"{stored} pieces of outputs were stored that are no pictures")


async def refuse_account(scene: Scene) -> None:
    """14: a storm of 429, then 402 and 401 under load, on one or two workers; no call before the time asked for."""
    workers = scene.rng.choice((1, 2))
    if workers > 1:
        scene.system.program(SECOND, "worker")
        await scene.system.restart(SECOND)
    try:
        await _refuse_account(scene, SHARED_S if workers > 1 else IN_FLIGHT_S)
    finally:
        if workers > 1:
            scene.system.kill(SECOND)


async def _refuse_account(scene: Scene, in_flight_s: float) -> None:
    before = len(await scene.sandbox.requests())
    refusals: list[dict[str, object]] = [
        {"create": "429", "retry_after": scene.rng.randint(4, 7)},
        {"create": "402"},
        {"create": "401"},
    ]
    keys = [f"{scene.seed}-{len(scene.ids) + n}" for n in range(2 * LOAD)]
    await scene.sandbox.arm_each([{**refusal, "times": 1} for refusal in refusals])
    generations = await asyncio.gather(*(scene.submit(key) for key in keys))
    await _shows_nothing(scene, generations)
    await scene.sandbox.taken()
    await asyncio.gather(*(scene.tenant.completed(generation) for generation in generations))
    requests = (await scene.sandbox.requests())[before:]
    early = _too_early(requests, in_flight_s)
    scene.require(not early, f"called before the pause was over: {early}")
    scene.require({one["create"] for one in requests} >= {"429", "402", "401"}, "not every refusal was given")
    # Redelivery calls from the scheduler, too.
    lines = [line for name in ("worker", "scheduler", SECOND) for line in scene.system.logged(name)]
    noted = [line for line in lines if line["event"] == "provider_account_refused"]
    scene.require({line["status"] for line in noted} == {401, 402}, "a refused account was not logged")


async def _shows_nothing(scene: Scene, generations: Sequence[str]) -> None:
    """What clients see of a generation that waits says nothing of the provider."""
    waiting = await scene.tenant.reaches(generations[0], "waiting", "completed")
    shown = chain([waiting], *await asyncio.gather(*(scene.tenant.events(generation) for generation in generations)))
    text = str(list(shown)).lower()
    scene.require(not any(word in text for word in UNSHOWN), f"clients see the provider: {text}")


def _too_early(requests: Sequence[Mapping[str, Any]], in_flight_s: float) -> list[str]:
    """Return the requests that arrived during the pause after a refusal."""
    pauses = [
        (one["create"], one["answered_at"], one["retry_after"] if one["create"] == "429" else CIRCUIT_S)
        for one in requests
        if one["create"] is not None
    ]
    return [
        f"{other['at'] - begun:.2f} s after {refusal} for {seconds} s"
        for refusal, begun, seconds in pauses
        for other in requests
        if begun + in_flight_s < other["at"] < begun + seconds - 0.1
    ]


ROWS: Mapping[str, Row] = {
    "10": drop_answers,
    "11": spoil_creations,
    "12": spoil_callbacks,
    "13": spoil_outputs,
    "14": refuse_account,
}
