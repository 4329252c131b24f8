"""The programs of docs/backups.md and docs/secrets.md, as an operator types them."""

import asyncio
import os
from pathlib import Path

from domain.audit.checkpoint_key import VerificationKey
from tests.docs.reading import blocks
from tests.docs.recipes.pages import run
from tests.systems.commands import served_commands
from tests.systems.secret_sets import SecretSet
from tests.systems.signing import sign_log
from tests.systems.system import System
from tests.systems.tenants import now


def typed(block: str, folder: Path, env: dict[str, str]) -> str:
    """Type a block into a shell that stops at the first error."""
    with served_commands(folder) as command:
        script = f'set -euo pipefail\nexemplar() {{ {command} "$@"; }}\n{block}'
        return run(["bash", "-c", script], folder, {"PATH": os.environ["PATH"], **env})


def test_a_system_is_backed_up_checked_restored_and_verified(solo: System, tmp_path: Path, unprepared_url: str) -> None:
    make, restore = blocks("docs/backups.md", "sh")
    asyncio.run(sign_log(solo))
    named = {name: solo.env[name] for name in ("EXEMPLAR_MONGODB_URL", "EXEMPLAR_CHECKPOINT_KEY")}
    said = typed(make, tmp_path, named)
    assert said.count("restorable_to") == 3
    said = typed(restore, tmp_path, {**named, "EXEMPLAR_MONGODB_URL": unprepared_url})
    assert f"{now():%Y-%m-%d}" in said
    assert "verified" in said


def test_the_verification_key_of_a_new_key_is_printed_without_a_system(tmp_path: Path) -> None:
    new = SecretSet(2)
    lines = blocks("docs/secrets.md", "sh")[0].splitlines()
    printed = [
        typed(line, tmp_path, {"NEW": key}).strip()
        for line, key in zip(lines, (new.checkpoint, new.receipt), strict=True)
    ]
    assert list(map(VerificationKey.parse, printed)) == [new.checkpoint_key.public, new.receipt_key.public]
