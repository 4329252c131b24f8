"""Break a running system in every way that an alert is for, and see the alert fire and end: `make alerts`.

    python -m tests.alerts [name of a fault ...]

The rules are those of deploy/ with short times. Exit code 1 when an alert did not fire, or did not end.
"""

import asyncio
import logging
import sys
import time
from collections.abc import Sequence

from exemplar.logging import configure_logging
from tests.alerts.stage import OURS, Stage, opened_stage
from tests.alerts.table import FAULTS, Fault
from tests.chaos.report import say
from tests.deploy.queries import alert_rules
from tests.systems.waiting import until

_FIRES_WITHIN_S = 150.0
_ENDS_WITHIN_S = 150.0


def main(names: Sequence[str]) -> int:
    configure_logging("alerts", level=logging.WARNING)
    chosen = [fault for fault in FAULTS if not names or fault.__name__ in names]
    return asyncio.run(_break_all(chosen))


async def _break_all(faults: Sequence[Fault]) -> int:
    seen, failed = set[str](), 0
    async with opened_stage() as stage:
        await until(stage.prometheus.scraped, "Prometheus scrapes every process")
        await _ended(stage, {rule["alert"] for rule in alert_rules()})
        for fault in faults:
            try:
                seen |= await _break(stage, fault)
            except Exception as error:  # noqa: BLE001 - one fault that is not seen does not stop the others
                failed += 1
                say(f"FAILED {fault.__name__}: {error!r}"[:400])
                await stage.restart("sandbox", *OURS)
    say(f"{len(seen)} of {len(alert_rules())} alerts fired and ended")
    return int(failed > 0)


async def _break(stage: Stage, fault: Fault) -> frozenset[str]:
    """Break, wait for the alerts, repair, wait for their end."""
    expected, began = FAULTS[fault], time.monotonic()
    async with fault(stage):
        await _fired(stage, expected)
        fired = time.monotonic() - began
    await _ended(stage, expected)
    say(
        f"{fault.__name__}: {', '.join(sorted(expected))} fired after {fired:.0f} s, ended after"
        f" {time.monotonic() - began:.0f} s: {(fault.__doc__ or '').rstrip('.')}"
    )
    return expected


async def _fired(stage: Stage, expected: frozenset[str]) -> None:
    missing = set(expected)

    async def all_fired() -> bool:
        missing.difference_update(await stage.prometheus.firing())
        return not missing

    try:
        await until(all_fired, "the alerts fire", within=_FIRES_WITHIN_S, every=0.5)
    except AssertionError:
        raise AssertionError(f"did not fire: {', '.join(sorted(missing))}") from None


async def _ended(stage: Stage, expected: set[str] | frozenset[str]) -> None:
    async def none_fires() -> bool:
        return not expected & await stage.prometheus.firing()

    await until(none_fires, f"{', '.join(sorted(expected))} end", within=_ENDS_WITHIN_S, every=0.5)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
