"""Write a log that is worth exporting, and verify exports as a stranger does."""

import hashlib
import io
import subprocess
import sys
from collections.abc import Sequence
from contextlib import redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from unittest.mock import patch

from domain.audit.checkpoint_key import WitnessKey
from exemplar.export import verify
from store.audit.witnessing import keep_cosignatures
from tests.builders.stored_generation import StoredGeneration
from tests.builders.witness import WITNESS
from tests.store.audit.conftest import AuditHarness

VERIFIER = Path(verify.__file__)
GENERATIONS = tuple(f"0193f5e0-0000-7000-8000-00000000000{number}" for number in range(3))
PROJECT = "prj-1"  # of all three
PART = 6


@dataclass(frozen=True, slots=True)
class History:
    """A log of 22 commits in seven streams; `older`: its checkpoint of the first nine."""

    log: AuditHarness
    generations: Sequence[StoredGeneration]
    older: str
    note: str


async def write_history(log: AuditHarness) -> History:
    """Write nine commits, sign them, then generations and more, and sign again with a witness."""
    await log.fill()
    older = await log.sign()
    generations = [
        await log.complete(name, 2000 + number, 900, copies=1 + number) for number, name in enumerate(GENERATIONS)
    ]
    for version in range(7):
        await log.write("d", after=version)
    await log.seal()
    made = await log.sign()
    assert older is not None
    assert made is not None
    await keep_cosignatures(WITNESS.cosigned(made.note), [WitnessKey.parse(WITNESS.key)], log.checkpoints)
    return History(log, generations, older.note, made.note)


@dataclass(frozen=True, slots=True)
class Verified:
    """What the verifier answered."""

    code: int
    said: str
    fault: str


def verified(folder: Path, *options: str, verifier: Path = VERIFIER) -> Verified:
    """Run a verifier without the product, without any package of this environment."""
    command = [sys.executable, "-I", "-S", str(verifier), str(folder), *options]
    done = subprocess.run(command, cwd="/", env={}, capture_output=True, text=True, timeout=60, check=False)
    assert "Traceback" not in done.stderr, done.stderr
    return Verified(done.returncode, done.stdout, done.stderr.strip())


def judged(folder: Path, *options: str) -> Verified:
    """Run the verifier in this process, which costs a tenth of a process of its own; raises what it does not catch."""
    said = io.StringIO()
    with patch.object(sys, "argv", ["verify.py", str(folder), *options]), redirect_stdout(said):
        answer = verify.main()
    return Verified(1, "", answer) if isinstance(answer, str) else Verified(answer, said.getvalue(), "")


def files_in(folder: Path) -> dict[str, bytes]:
    """Read every file by its path."""
    paths = sorted(path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in paths}


def list_again(folder: Path) -> None:
    """Write the MANIFEST of the files as they are now, as whoever changed them can."""
    found = {name: content for name, content in files_in(folder).items() if name != "MANIFEST"}
    lines = [f"{hashlib.sha256(content).hexdigest()}  {name}\n" for name, content in sorted(found.items())]
    (folder / "MANIFEST").write_text("".join(lines))
