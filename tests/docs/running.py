"""A system that a reader starts, in a folder of its own."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from exemplar.local.ports import Ports
from tests.docs.reading import ROOT

EXEMPLAR = f"{sys.executable} -P -m exemplar"


def environment(home: Path, ports: Ports) -> dict[str, str]:
    """Build the environment of `exemplar up` in `home`, which keeps its port when it is started again."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("EXEMPLAR_", "REPLICATE_"))}
    mine = {"EXEMPLAR_HOME": str(home), "EXEMPLAR_PORT": str(ports.of("gateway")), "PYTHONPATH": str(ROOT)}
    return kept | mine


@contextmanager
def up(env: dict[str, str]) -> Iterator[subprocess.Popen[str]]:
    """Run `exemplar up` until the block ends, in which it may be killed."""
    command = [*EXEMPLAR.split(), "up", "--broker", "inprocess"]
    process = subprocess.Popen(command, env=env, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        assert any("send a request" in line for line in process.stdout), "exemplar up ended before it was ready"
        yield process
    finally:
        process.terminate()
        process.communicate(timeout=60)
