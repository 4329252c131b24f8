"""Extract programs from documents and run them as a reader would."""

import os
import re
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from tests.docs.reading import ROOT, blocks

PAGE = "docs/recipes.md"


def lay_out(folder: Path) -> Path:
    """Save every JavaScript block under the name in its first line, beside the sample pictures."""
    (folder / "exemplar").symlink_to(ROOT / "exemplar")
    for block in blocks(PAGE, "js"):
        named = re.match(r"// ([a-z]+\.mjs)\n", block)
        assert named, f"a program without a name: {block[:40]!r}"
        (folder / named[1]).write_text(block)
    return folder


def environment(more: Mapping[str, str]) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("EXEMPLAR_")}
    return kept | {"POLL_SECONDS": "0.2"} | dict(more)


def run(command: Sequence[str], folder: Path, env: Mapping[str, str]) -> str:
    """Run a program, which must succeed; return its output."""
    done = subprocess.run(
        command, cwd=folder, env=environment(env), capture_output=True, text=True, timeout=90, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def missing(program: str) -> bool:
    return shutil.which(program) is None
