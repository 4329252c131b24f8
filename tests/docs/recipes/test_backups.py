"""The programs of docs/backups.md and docs/secrets.md, as an operator types them."""

import asyncio
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from domain.audit.checkpoint_key import VerificationKey
from tests.docs.reading import blocks
from tests.docs.recipes.pages import run
from tests.systems.account import open_account
from tests.systems.commands import served_commands
from tests.systems.secret_sets import SecretSet
from tests.systems.signing import sign_log
from tests.systems.system import System
from tests.systems.tenants import now

Type = Callable[[str, dict[str, str]], str]


@pytest.fixture
def typed(tmp_path: Path) -> Iterator[Type]:
    """Type a block into a shell that stops at the first error; return its output."""
    with served_commands(tmp_path) as command:

        def answer(block: str, env: dict[str, str]) -> str:
            script = f'set -euo pipefail\nexemplar() {{ {command} "$@"; }}\n{block}'
            return run(["bash", "-c", script], tmp_path, {"PATH": os.environ["PATH"], **env})

        yield answer


def test_a_system_is_backed_up_checked_restored_and_verified(solo: System, typed: Type, unprepared_url: str) -> None:
    make, restore = blocks("docs/backups.md", "sh")
    open_account(solo)
    asyncio.run(sign_log(solo))
    named = {name: solo.env[name] for name in ("EXEMPLAR_MONGODB_URL", "EXEMPLAR_CHECKPOINT_KEY")}
    said = typed(make, named)
    assert said.count("restorable_to") == 3
    said = typed(restore, {**named, "EXEMPLAR_MONGODB_URL": unprepared_url})
    assert f"{now():%Y-%m-%d}" in said
    assert "as they were sealed: " in said
    assert "as they were sealed: 0 commits" not in said


def test_the_verification_key_of_a_new_key_is_printed_without_a_system(typed: Type) -> None:
    new = SecretSet(2)
    lines = blocks("docs/secrets.md", "sh")[0].splitlines()
    printed = [
        typed(line, {"NEW": key}).strip() for line, key in zip(lines, (new.checkpoint, new.receipt), strict=True)
    ]
    assert list(map(VerificationKey.parse, printed)) == [new.checkpoint_key.public, new.receipt_key.public]
