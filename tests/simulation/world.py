"""One simulated life: clients, a gateway, workers and schedulers, a broker without promises, and faults by seed."""

import asyncio
import hashlib
import random
from collections.abc import Awaitable, Coroutine
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

from actors.jobs.catch_up import CatchUp
from actors.jobs.schedule import JOBS
from actors.jobs.subscribers import SUBSCRIBERS as HANDLERS
from actors.providers.provider import ProviderUnavailableError
from actors.subscriptions import QUEUES
from domain.accounts.access import Identity
from domain.controls.controls import Target
from domain.errors import LimitError
from domain.generation import decisions
from domain.generation.callback import Callback
from domain.generation.prediction import Prediction
from events.commit import Commit
from events.control import Submissions
from events.envelope import Cause, RecordedEvent
from exemplar.injection import Dependencies
from gateway.submissions.content import Content, ContentImage
from gateway.submissions.recorder import SubmissionRecorder
from gateway.submissions.submission import Submission
from rabbitmq.topology import topology
from store.errors import StoreError
from tests.builders.controls import control
from tests.simulation.links import Network
from tests.simulation.loop import Process, SimulationLoop
from tests.simulation.provider import ProviderServer, SimulatedProvider
from tests.simulation.servers import TIER, Servers, dependencies

START = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
_JOBS = ("sealing", "redelivery", "reconciliation", "late_predictions", "polling", "deadlines", "holds", "slots")
SUBSCRIBERS = ("projector", "settlement", "erasure", "cancellation")
_TOPOLOGY = topology({name: types for name, types in QUEUES.items() if name != "delivery"})
_ROLES = ("gateway", "worker", "worker", "scheduler", "scheduler")
_KILLED_EVERY = 420  # steps
_EXPECTED = (StoreError, LimitError, ProviderUnavailableError)
_PICTURE = b"a picture"


class ProcessDiedError(Exception):
    """The process ended before it answered."""


@dataclass
class Running:
    """A process and its dependencies."""

    process: Process
    role: str
    dependencies: Dependencies


class World:
    """Everything of one seed; `accepted` are the generations that a client was told are recorded."""

    def __init__(self, loop: SimulationLoop, chance: random.Random, servers: Servers) -> None:
        self.loop, self.chance, self.servers = loop, chance, servers
        self.network = Network(chance, failing=chance.choice((0.0, 0.01, 0.03)))
        ahead = timedelta(minutes=chance.choice((0, 0, 0, -10, 10)))
        self.provider = ProviderServer(loop, chance, self.network, lambda: self.now() + ahead, self._on_callback)
        self.unexpected: list[str] = []
        self.accepted: set[str] = set()
        self.trace = hashlib.sha256()
        self.kills = 0
        self._running = [self._start(role, number) for number, role in enumerate(_ROLES)]
        self._messages: set[asyncio.Task[Any]] = set()
        loop.on_step = self._maybe_harm

    def now(self) -> datetime:
        return START + timedelta(seconds=self.loop.time())

    def note(self, *what: object) -> None:
        self.trace.update(f"{self.loop.time():.6f} {what}\n".encode())

    # processes

    def _start(self, role: str, number: int) -> Running:
        skew = timedelta(seconds=self.chance.uniform(-30, 30))
        process = Process(f"{role}-{number}-{self.kills}")
        provider = SimulatedProvider(self.provider, lambda: self.now() + skew)
        made = dependencies(
            process,
            self.servers,
            self.network,
            clock=provider.clock,
            true_clock=self.now,
            monotonic=self.loop.time,
            provider=provider,
            announce=self._announce,
        )
        if role == "scheduler":
            process.run(self._schedule(made))
        return Running(process, role, made)

    def _maybe_harm(self, process: Process) -> None:
        if self.network.calm or self.chance.random() * _KILLED_EVERY > 1:
            return
        if self.chance.random() < 0.2:
            process.frozen_until = self.loop.time() + self.chance.uniform(1, 20)
            self.note("frozen", process.name)
            return
        self.kills += 1
        self.note("killed", process.name)
        process.alive = False
        process.died.set()
        self.loop.outside(self.chance.uniform(0, 10), lambda: self._restart(process))

    def _restart(self, dead: Process) -> None:
        number = next(number for number, one in enumerate(self._running) if one.process is dead)
        self._running[number] = self._start(self._running[number].role, number)

    async def _schedule(self, made: Dependencies) -> None:
        jobs = {job.name: made.bind(job.run) for job in JOBS if job.name in _JOBS}
        catch_up = made.bind(CatchUp, given=["name", "handle"])
        for name in SUBSCRIBERS:
            jobs[name] = catch_up(name=name, handle=made.bind(HANDLERS[name], given=["entries"])).run
        leases = made.get("leases")
        while True:
            await asyncio.sleep(self.chance.uniform(2, 10))
            for name, job in jobs.items():
                if await leases.take(name, seconds=12):
                    await self._answered(job())

    async def _call(self, role: str, work: Any) -> Any:
        """Let a living process of a role do something; raises what it raises, and ProcessDiedError."""
        living = [one for one in self._running if one.role == role and one.process.alive]
        if not living:
            raise ProcessDiedError(role)
        chosen = self.chance.choice(living)
        task = chosen.process.run(self._answered(work(chosen.dependencies)))
        died = self.loop.create_task(chosen.process.died.wait())
        done: asyncio.Future[None] = self.loop.create_future()
        for one in (task, died):
            one.add_done_callback(partial(_finish, done))
        await done
        died.cancel()
        if not task.done():
            raise ProcessDiedError(chosen.process.name)
        answer, error = task.result()
        if error is not None:
            raise error
        return answer

    async def _answered(self, work: Awaitable[Any]) -> tuple[Any, Exception | None]:
        try:
            return await work, None
        except Exception as error:  # noqa: BLE001 - raised again by the caller
            if not isinstance(error, _EXPECTED):
                self.unexpected.append(repr(error))
            return None, error

    # the broker

    def _announce(self, commit: Commit) -> None:
        self.note(commit.id, [event.type for event in commit.events])
        for queue, event in _TOPOLOGY.deliveries(commit).items():
            copies = 0 if self.network.strikes(0.2) else 2 if self.network.strikes(0.1) else 1
            for _ in range(copies):
                late = self.chance.uniform(0, 30) if self.network.strikes(0.1) else self.chance.uniform(0, 0.05)
                self.loop.outside(late, partial(self._deliver, queue, event))

    def _deliver(self, queue: str, event: RecordedEvent) -> None:
        async def handle() -> None:
            with suppress(Exception):  # the dead-letter queue: nobody reads it
                try:
                    await self._call("worker", lambda made: made.get("run_actor")(queue, event))
                except ProcessDiedError:  # not acknowledged
                    if not self.network.strikes(0.1):
                        self.loop.outside(1.0, partial(self._deliver, queue, event))

        self._keep(handle())

    def _on_callback(self, callback: Callback, prediction: Prediction) -> None:
        async def record() -> None:
            with suppress(Exception):
                await self._call(
                    "gateway",
                    lambda made: made.get("observations").record(
                        callback.generation, callback.attempt, prediction, cause=Cause(actor="provider")
                    ),
                )

        self._keep(record())

    def _keep(self, work: Coroutine[Any, Any, None]) -> None:
        task = self.loop.create_task(work)
        self._messages.add(task)
        task.add_done_callback(self._messages.discard)

    # operators and clients

    async def operator(self, chance: random.Random) -> None:
        """Pause a developer, stop the provider or refuse submissions now and then, until all is calm."""
        targets = (Target("developer", "dev-0"), Target("provider", "simulated"), Target("maintenance"))
        while not self.network.calm:
            await asyncio.sleep(chance.uniform(5, 30))
            submissions: Submissions = "refuse" if chance.random() < 0.3 else "queue"
            self.servers.controls.set(*(control(one, submissions) for one in targets if chance.random() < 0.3))
        self.servers.controls.set()

    async def client(self, number: int) -> None:
        """Submit once, again after an error; perhaps cancel or delete."""
        name, developer = f"g{number}", f"dev-{number % 2}"
        key = f"key-{number}" if self.chance.random() < 0.7 else None
        user, queue = f"usr-{self.chance.randrange(3)}", self.chance.random() < 0.6
        submission = Submission(Identity(user, "prj-1", developer, TIER), name, key, f"r{number}", queue=queue)
        await asyncio.sleep(self.chance.uniform(0, 30))
        for _ in range(4):
            try:
                await self._call("gateway", partial(_submit, submission))
            except (StoreError, ProcessDiedError, LimitError):
                if key is None:
                    return
                await asyncio.sleep(self.chance.uniform(1, 40))
            else:
                self.accepted.add(name)
                break
        if self.chance.random() < 0.3:
            await asyncio.sleep(self.chance.uniform(0, 30))
            erase = self.chance.random() < 0.5
            with suppress(StoreError, ProcessDiedError):
                await self._call(
                    "gateway",
                    lambda made: made.get("generations").decide(
                        name, lambda g: decisions.cancel(g, erase=erase), cause=Cause(actor="user:usr-1")
                    ),
                )


def _finish(done: "asyncio.Future[None]", _: object) -> None:
    if not done.done():
        done.set_result(None)


def _content(name: str) -> Content:
    async def read() -> bytes:
        return _PICTURE

    digest = hashlib.sha256(_PICTURE).hexdigest()
    image = ContentImage(len(_PICTURE), digest, "image/jpeg", 64, 48, None, read)
    return Content((image,), f'{{"prompt": "the lake {name}"}}')


async def _submit(submission: Submission, made: Dependencies) -> None:
    await made.call(SubmissionRecorder).record(submission, _content(submission.generation_id))
