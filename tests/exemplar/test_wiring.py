"""Dependencies are checked at the start: a missing one stops the process with its name."""

import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

from exemplar.gateway_wiring import GATEWAY
from exemplar.wiring import ACTOR_SERVICES, SERVICES
from store.adapters import ADAPTERS

ROOT = Path(__file__).parents[2]
SECRET = "s" * 40
ENVIRONMENT = {
    "EXEMPLAR_AMQP_URL": "amqp://guest:guest@127.0.0.1:1/",
    "EXEMPLAR_CALLBACK_SECRET": SECRET,
    "EXEMPLAR_WEBHOOK_MASTER_KEYS": f'{{"1": "{SECRET}"}}',
    "REPLICATE_API_TOKEN": "r8_nothing",
}
BROKEN = """
from actors.handlers import validation
from exemplar import cli

async def handle(event, *, generatoins): ...

validation.handle.fn = handle
cli.main()
"""


def test_an_unknown_dependency_of_an_actor_stops_the_worker_with_one_line(tmp_path: Path, mongodb_url: str) -> None:
    env = {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": str(ROOT),
        "EXEMPLAR_MONGODB_URL": mongodb_url,
        **ENVIRONMENT,
    }
    run = subprocess.run(
        [sys.executable, "-c", BROKEN, "worker"],
        env=env,
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    lines = [line for line in run.stderr.splitlines() if line.startswith("exemplar: ")]
    assert run.returncode == 2, run.stderr
    assert lines == ["exemplar: __main__.handle needs `generatoins`, which the wiring does not provide"]


def test_a_worker_refuses_a_queue_that_does_not_exist() -> None:
    command = [sys.executable, "-m", "exemplar", "worker", "--queues", "quota,quotas"]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
    assert (run.returncode, run.stderr.startswith("exemplar: --queues quotas: the queues are validation,")) == (2, True)


def test_no_dependency_is_made_by_two_tables() -> None:
    names = Counter(name for table in (ADAPTERS, SERVICES, ACTOR_SERVICES, GATEWAY) for name in table)
    assert [name for name, count in names.items() if count > 1] == []
