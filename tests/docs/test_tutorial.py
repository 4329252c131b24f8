"""The tutorial, typed by a reader who kills the system in the middle of it."""

import shutil
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from PIL import Image

from exemplar.local.ports import Ports
from tests.docs.reading import ROOT, blocks
from tests.docs.recipes.pages import missing, run
from tests.docs.running import environment, up
from tests.systems.commands import served_commands

BLOCKS = blocks("docs/tutorial.md", "sh")
[RECEIVER] = blocks("docs/tutorial.md", "python")
KILL = next(number for number, block in enumerate(BLOCKS) if "kill -9" in block)


@pytest.mark.skipif(missing("curl"), reason="no curl")
def test_the_tutorial_works(tmp_path: Path, mongod_installed: None) -> None:
    ports = Ports(tmp_path / "ports.json")
    env = environment(tmp_path / ".exemplar", ports)
    with reader(tmp_path, ports) as type_in:
        with up(env) as process:
            said = type_in("\n".join([*BLOCKS[: KILL + 1], "echo $ID"]))
            assert process.wait(30) == -signal.SIGKILL
        assert said.count("event: generation.completed") == 2
        assert "one generation, one charge" in said
        assert "generation.completed" in (tmp_path / "received.txt").read_text()
        with up(env):
            said = type_in("\n".join([BLOCKS[0], f"ID={said.split()[-1]}", *BLOCKS[KILL + 1 :]]))
    assert "state             validated" in said
    for name in ("harbour.png", "slow.png"):
        with Image.open(tmp_path / name) as picture:
            picture.verify()


@contextmanager
def reader(folder: Path, ports: Ports) -> Iterator[Callable[[str], str]]:
    """Prepare a folder like that of the Makefile; yield what types a script there and returns its output."""
    shutil.copytree(ROOT / "exemplar/demo/samples", folder / "exemplar/demo/samples")
    receiver = str(ports.of("receiver"))
    (folder / "receiver.py").write_text(RECEIVER.replace("3000", receiver))
    env = environment(folder / ".exemplar", ports)
    with served_commands(folder) as command:
        # Shorter waits than those of a person.
        replaced = {".venv/bin/exemplar": command, "3000": receiver, "slow=20": "slow=5", "sleep 4": "sleep 1"}

        def type_in(script: str) -> str:
            for old, new in replaced.items():
                script = script.replace(old, new)
            stop = "trap 'jobs -p | xargs -r kill' EXIT"
            return run(["bash", "-c", f"set -euo pipefail\n{stop}\n{script}"], folder, env)

        yield type_in
