"""Dependencies are checked at the start: a missing one stops the process with its name."""

import os
from collections import Counter
from pathlib import Path

from actors.handlers import validation
from events.envelope import RecordedEvent
from exemplar.gateway_wiring import GATEWAY
from exemplar.wiring import ACTOR_SERVICES, SERVICES
from store.adapters import ADAPTERS
from tests.systems.commands import run_command, run_forked
from tests.systems.forking import exemplar

SECRET = "s" * 40
ENVIRONMENT = {
    "EXEMPLAR_AMQP_URL": "amqp://guest:guest@127.0.0.1:1/",
    "EXEMPLAR_CALLBACK_SECRET": SECRET,
    "EXEMPLAR_WEBHOOK_MASTER_KEYS": f'{{"1": "{SECRET}"}}',
    "REPLICATE_API_TOKEN": "r8_nothing",
}


async def handle(event: RecordedEvent, *, generatoins: object) -> None: ...


def broken_worker() -> None:
    validation.handle.fn = handle  # type: ignore[assignment]
    exemplar("worker")


def test_an_unknown_dependency_of_an_actor_stops_the_worker_with_one_line(tmp_path: Path, mongodb_url: str) -> None:
    env = {"PATH": os.environ["PATH"], "EXEMPLAR_MONGODB_URL": mongodb_url, **ENVIRONMENT}
    run = run_forked(broken_worker, env=env, cwd=tmp_path)
    lines = [line for line in run.error.splitlines() if line.startswith("exemplar: ")]
    assert run.code == 2, run.error
    assert lines == [f"exemplar: {__name__}.handle needs `generatoins`, which the wiring does not provide"]


def test_a_worker_refuses_a_queue_that_does_not_exist(tmp_path: Path) -> None:
    run = run_command("worker", "--queues", "quota,quotas", env={"PATH": os.environ["PATH"]}, cwd=tmp_path)
    assert (run.code, run.error.startswith("exemplar: --queues quotas: the queues are validation,")) == (2, True)


def test_no_dependency_is_made_by_two_tables() -> None:
    names = Counter(name for table in (ADAPTERS, SERVICES, ACTOR_SERVICES, GATEWAY) for name in table)
    assert [name for name, count in names.items() if count > 1] == []
