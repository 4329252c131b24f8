"""`exemplar audit replay --against`: makes every recorded decision again, by the rules of this version and settings."""

import asyncio
import sys
from collections.abc import Sequence
from dataclasses import asdict, fields
from pathlib import Path
from typing import Final

from actors.settings import ActorSettings, TimeoutSettings
from domain.accounts.tiers import tiers_with
from domain.audit.judgement import DecisionDifference, Rules
from domain.errors import ErrorCode, ExemplarError
from domain.submission.model_inputs import Ceilings
from exemplar.commands.output import print_json
from exemplar.commands.progress import progress_shown
from exemplar.commands.store_access import open_store, stream_named
from exemplar.commands.unreadable import Unreadable
from exemplar.environment import read, read_some
from gateway.settings import GatewaySettings
from store.replay.decision_replay import DecisionReplay, DecisionReport
from store.settings import TierSettings

_SHOWN: Final = 50


def rules_of_today() -> Rules:
    """Read the settings that decisions depend on."""
    ceilings = read_some(GatewaySettings, "max_outputs", "max_steps")
    return Rules(
        timeouts=read(TimeoutSettings).timeouts,
        tiers=tiers_with(read(TierSettings).tiers),
        composition=read_some(ActorSettings, "composition").composition,
        ceilings=Ceilings(outputs=ceilings.max_outputs, steps=ceilings.max_steps),
    )


def replay_decisions(stream: str | None, home: Path | None, *, as_json: bool) -> int:
    """Print the generations that would differ; return the exit code: 1 for any, 3 when a stream could not be read."""
    unreadable = Unreadable()
    report = asyncio.run(_replay(stream, home, unreadable))
    if as_json:
        kept = {one.name: getattr(report, one.name) for one in fields(report)}
        found = [asdict(one) for one in report.differences]
        print_json({**kept, "differences": found, "unreadable": unreadable.as_json()})
    else:
        sys.stdout.write("\n".join([*_lines(report), *unreadable.lines()]) + "\n")
    return unreadable.exit_code(1 if report.different else 0)


async def _replay(stream: str | None, home: Path | None, unreadable: Unreadable) -> DecisionReport:
    rules = rules_of_today()
    async with open_store(home, holder="replay") as store:
        name = None if stream is None else await stream_named(stream, store)
        whole = await store.get("sealed_log").head()
        with progress_shown("commits", "decided again") as progress:
            report = await store.call(DecisionReplay).run(
                rules,
                stream=name,
                on_unreadable=unreadable.add,
                on_read=lambda done: progress(done, whole),
            )
    if name is not None and not report.generations and not unreadable.as_json():
        raise ExemplarError(ErrorCode.NOT_FOUND)
    return report


def _lines(report: DecisionReport) -> Sequence[str]:
    reasons = ", ".join(f"{count} {reason}" for reason, count in sorted(report.not_decidable.items()))
    undecided = f"{report.undecided} not decidable{f' ({reasons})' if reasons else ''}"
    return [
        f"{report.generations} generations: {report.same} the same, {report.different} different, {undecided}",
        *map(_line, report.differences[:_SHOWN]),
        *([f"  and {report.different - _SHOWN} more"] if report.different > _SHOWN else []),
    ]


def _line(one: DecisionDifference) -> str:
    return f"  {one.generation}: {one.event} is {one.recorded}, today: {one.today}"
