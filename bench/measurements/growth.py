"""The same work on a small log and on a large one; and reading the whole large one: folding, verifying.

All copies belong to the first account, so that its lists and its usage are the largest.
"""

import asyncio
import os
import time
from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from functools import partial

from bench.filling import fill, unsealed
from bench.http import Rate
from bench.measurements.listing import lists
from bench.measurements.pipeline import ACCOUNTS, whole_generations
from bench.measurements.status import reads
from bench.measurements.submit import submissions
from bench.options import Options
from bench.progress import say
from bench.report import Row, compared, middle
from bench.servers import Servers
from bench.systems import System, open_ours
from domain.generation.lifecycle import Timeouts
from domain.paths import USAGE
from exemplar.clock import now
from exemplar.commands import replay_processes
from exemplar.commands.replay_processes import ReplayProcesses
from exemplar.commands.verification_processes import VerificationProcesses
from exemplar.injection import Dependencies
from store.adapters import ADAPTERS, open_database
from store.audit.verification import verify
from store.fork_server import fork_server
from store.replay.fold_comparison import FoldComparison
from store.settings import StoreSettings
from store.webhooks.settings import WebhookSettings

SMALL_EVENTS = 1000
MOST_REPEATS_EVENTS = 100_000
"""A larger log is read as a whole only once, and nothing compared with it: it takes minutes."""

Work = Callable[[System], Awaitable[float]]
"""Do some work on a system; return the milliseconds of a unit."""


@dataclass(frozen=True)
class Filled:
    """A filled database, its accounts, and some of the first account's generations."""

    name: str
    accounts: Sequence[dict[str, str]]
    generations: Sequence[str]

    def open(self, servers: Servers, *, background: bool) -> AbstractContextManager[System]:
        return open_ours(servers, accounts=self.accounts, background=background, database=self.name)


def growth(servers: Servers, options: Options) -> Iterator[Row]:
    """Fill two databases; read the large one as a whole, then compare both in alternating repeats."""
    small = _filled(servers, options, "small", SMALL_EVENTS)
    large = _filled(servers, options, "large", options.events)
    yield from asyncio.run(_whole_log(servers.mongodb_url(large.name), options))
    with small.open(servers, background=False) as one, large.open(servers, background=False) as other:
        for name, work in _reading(options, {kept.name: kept for kept in (small, large)}).items():
            yield _compare(name, options, one, other, work)
    with small.open(servers, background=True) as one, large.open(servers, background=True) as other:
        for system in (one, other):
            asyncio.run(whole_generations(system, [options.photo], options.count // 4))
        yield _compare("growth_pipeline", options, one, other, lambda system: _pipeline(system, options))
    with small.open(servers, background=False) as one, large.open(servers, background=False) as other:
        yield _compare("growth_submit", options, one, other, lambda system: _submit(system, options))


def _filled(servers: Servers, options: Options, name: str, events: int) -> Filled:
    """Make one real generation, stop the system, and copy the generation."""
    url = servers.mongodb_url(name)
    with open_ours(servers, accounts=ACCOUNTS, background=True, database=name) as ours:
        generation = asyncio.run(_generation(ours, options))
        while unsealed(url):
            time.sleep(0.2)
        accounts = ours.accounts
    began = time.perf_counter()
    generations = fill(url, generation, events)
    say(f"growth: {events:,} events written in {time.perf_counter() - began:.0f} s")
    return Filled(name, accounts, generations)


async def _generation(system: System, options: Options) -> str:
    generation = await system.submit(0, system.submit_request(0, [options.photo], "a lighthouse"))
    await system.finished(0, generation)
    system.disconnect()
    return generation


def _reading(options: Options, filled: Mapping[str, Filled]) -> dict[str, Work]:
    async def status(system: System) -> float:
        path = system.status_path
        requests = [system.read_request(0, path.format(key)) for key in filled[system.database].generations[:16]]
        return _milliseconds(await reads(system, requests, options.seconds))

    async def listing(system: System) -> float:
        return _milliseconds(await lists(replace(system, accounts=system.accounts[:1]), options))

    async def usage(system: System) -> float:
        return _milliseconds(await reads(system, [system.read_request(0, USAGE)] * 4, options.seconds))

    return {"growth_status": status, "growth_list": listing, "growth_usage": usage}


async def _pipeline(system: System, options: Options) -> float:
    return 1000 * await whole_generations(system, [options.photo], options.count) / options.count


async def _submit(system: System, options: Options) -> float:
    return _milliseconds(await submissions(system, options, range(ACCOUNTS)))


def _milliseconds(rate: Rate) -> float:
    return 1000 / rate.per_second


def _compare(name: str, options: Options, small: System, large: System, work: Work) -> Row:
    measured = defaultdict[str, list[float]](list)
    for number in range(options.repeats):
        for system in (small, large):
            measured[system.database].append(asyncio.run(_run(work, system)))
            say(f"{name}: repeat {number + 1}, {system.database} {measured[system.database][-1]:.2f} ms")
    sizes = {"events": options.events, "small_events": SMALL_EVENTS}
    return compared(name, "ms", measured[large.database], measured[small.database], "small", **sizes)


async def _run(work: Work, system: System) -> float:
    return await work(system)


async def _whole_log(url: str, options: Options) -> list[Row]:
    """Read the whole log in each way of `WHOLE`, in alternating repeats."""
    is_short, start_seconds = options.events <= MOST_REPEATS_EVENTS, _processes_started()
    ways = {**WHOLE, **COMPARED} if is_short else WHOLE
    settings = StoreSettings.model_validate({"mongodb_url": url})
    async with open_database(settings) as database:
        process = Dependencies(ADAPTERS, database=database, store_settings=settings, holder="bench", clock=now)
        process.set(timeouts=Timeouts(), webhook_retention=WebhookSettings().keep)
        measured = defaultdict[str, list[float]](list)
        for _ in range(options.repeats if is_short else 1):
            for name, work in ways.items():
                began = time.perf_counter()
                await work(process)
                measured[name].append(options.events / (time.perf_counter() - began))
                say(f"{name}: {measured[name][-1]:,.0f} events/s")
    whole = {"events": options.events, "processes": os.cpu_count(), "start_seconds": start_seconds}
    replayed = whole | {name: middle(measured[name]) for name in COMPARED if is_short}
    return [
        compared("replay", "1/s", measured["replay"], measured["scan_by_stream"], "scan", **replayed),
        compared("verify", "1/s", measured["verify"], measured["scan"], "scan", **whole),
    ]


def _processes_started() -> float:
    """Load what the processes of a replay and of a verification need, as their commands do; return how long it took."""
    began = time.perf_counter()
    one = fork_server(replay_processes.__name__).Process(target=os.getpid)
    one.start()
    one.join()
    return round(time.perf_counter() - began, 2)


async def _scan(process: Dependencies) -> None:
    """Read the same collection with the same driver: each document whole, as a dictionary, and do nothing with it."""
    async for _ in process.get("database")["commits"].find({}):
        pass


async def _scan_by_stream(process: Dependencies) -> None:
    """Scan in the order of a replay."""
    async for _ in process.get("database")["commits"].find({}).sort([("stream", 1), ("first", 1)]):
        pass


async def _replay(process: Dependencies) -> None:
    """Fold every stream, and hash the state: `exemplar audit replay --hash-only`."""
    await _comparison(process).hash()


async def _replay_compared(process: Dependencies) -> None:
    """Compare the folds with all that is stored of them as well: `exemplar audit replay`."""
    await _comparison(process).run()


def _comparison(process: Dependencies) -> FoldComparison:
    processes = process.call(partial(ReplayProcesses, count=os.cpu_count() or 1))
    return process.call(partial(FoldComparison, range_reports=processes.reports))


async def _verify(process: Dependencies) -> None:
    ranges = await process.call(VerificationProcesses).ranges()
    await verify(process.get("commit_scan"), process.get("checkpoints"), (), lambda _, __: None, ranges=ranges)


WHOLE: Mapping[str, Callable[[Dependencies], Awaitable[None]]] = {
    "scan_by_stream": _scan_by_stream,
    "replay": _replay,
    "scan": _scan,
    "verify": _verify,
}
COMPARED: Mapping[str, Callable[[Dependencies], Awaitable[None]]] = {"replay_compared": _replay_compared}
