"""What a decision will need is read while the log is, which alone tells whether it is needed."""

import asyncio
from collections.abc import Callable, Collection
from typing import Any

import pytest

from actors.read_ahead import ReadAhead
from actors.subscriptions import QUEUES
from domain.generation.generation import State
from tests.actors.harness import Harness, SandboxProvider
from tests.systems.waiting import until


async def answer() -> str:
    return "read ahead"


async def later() -> str:
    return "read later"


async def fail() -> str:
    raise OSError("away")


async def test_an_answer_is_taken_once() -> None:
    ahead = ReadAhead()
    ahead.begin("g1", "hold", answer())
    assert await ahead.take("g1", "hold", later) == "read ahead"
    assert await ahead.take("g1", "hold", later) == "read later"


async def test_a_dropped_answer_is_nobodys_and_its_error_neither() -> None:
    ahead, complaints = ReadAhead(), list[dict[str, Any]]()
    asyncio.get_running_loop().set_exception_handler(lambda _, complaint: complaints.append(complaint))
    ahead.begin("g1", "hold", fail())
    await asyncio.sleep(0)
    ahead.forget("g1")
    assert await ahead.take("g1", "hold", later) == "read later"
    assert complaints == []


async def test_whoever_takes_an_answer_gets_its_error() -> None:
    ahead = ReadAhead()
    ahead.begin("g1", "hold", fail())
    with pytest.raises(OSError, match="away"):
        await ahead.take("g1", "hold", later)


class Observed:
    """A store whose methods wait for `open` once their call is noted."""

    def __init__(self, inner: Any, calls: list[str], *, open: asyncio.Event | None = None) -> None:  # noqa: A002
        self._inner, self._calls, self._open = inner, calls, open

    def __getattr__(self, name: str) -> Callable[..., Any]:
        method: Callable[..., Any] = getattr(self._inner, name)
        if name not in ("since", "get", "get_all", "account", "compose"):
            return method

        async def observed(*args: Any, **options: Any) -> Any:
            self._calls.append(name)
            if self._open is not None:
                await self._open.wait()
            return await method(*args, **options)

        return observed


class Worker:
    """A worker whose reads of the log wait until `log` is set, and its decoder until `decoder` is."""

    def __init__(self, harness: Harness) -> None:
        self.log, self.decoder, self.calls = asyncio.Event(), asyncio.Event(), list[str]()
        store, log = harness.store, Observed(harness.store.events, self.calls, open=self.log)
        self.harness = harness.replace(
            own_queues=tuple(QUEUES),
            events=log,
            personal_data=Observed(store.personal_data, self.calls),
            blobs=Observed(store.blobs, self.calls),
            ledger=Observed(store.ledger, self.calls),
            decoder=Observed(harness.dependencies.get("decoder"), self.calls, open=self.decoder),
        )

    async def run(self, queue: str, *, reads: set[str], composing: Collection[str] = (), event: int = -1) -> None:
        """Run an actor; the log opens once `reads` have begun, the decoder once those of `composing` have."""
        self.log.clear()
        self.decoder.clear()
        self.calls.clear()
        stored = (await self.harness.store.events.read("generation-g1"))[event]
        run = asyncio.create_task(self.harness.run_actor(queue, stored.events[-1]))
        try:
            await until(lambda: reads <= set(self.calls), f"{reads}, not {self.calls} alone", within=5)
            self.log.set()
            await until(lambda: {*composing} <= set(self.calls), f"{composing}, not {self.calls} alone", within=5)
            self.decoder.set()
            await run
        finally:
            run.cancel()


async def test_the_hold_is_read_while_the_examples_are_composed(harness: Harness, provider: SandboxProvider) -> None:
    await harness.request("g1")
    worker = Worker(harness)
    await worker.run("validation", reads={"since", "get", "get_all"}, composing=["compose", "account"])
    assert (await harness.load("g1")).state is State.STARTED
    assert sorted(worker.calls) == ["account", "compose", "get", "get_all", "since"], "each is read once"


async def test_the_answer_of_the_provider_is_read_while_the_log_is(harness: Harness, provider: SandboxProvider) -> None:
    await harness.request("g1")
    worker = Worker(harness)
    await worker.run("validation", reads={"since"})
    await provider.finished()
    await harness.poll_until_settled("g1")
    await worker.run("completion", reads={"since", "get"})
    assert (await harness.load("g1")).state is State.COMPLETED
    assert worker.calls.count("get") == 1


async def test_an_old_message_reads_nothing_ahead(harness: Harness, provider: SandboxProvider) -> None:
    await harness.request("g1")
    worker = Worker(harness)
    await worker.run("validation", reads={"since"})
    await worker.run("validation", reads=set(), event=0)
    assert worker.calls == []
