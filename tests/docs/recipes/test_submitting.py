"""The programs of docs/submitting.md, typed one after the other into one shell."""

from pathlib import Path

import pytest

from domain.generation.forecast import Obstacle
from domain.submission.warnings import WarningCode
from tests.docs.reading import ROOT, blocks, table
from tests.docs.recipes.pages import PAGE, missing, run
from tests.systems.account import Account
from tests.systems.system import System

DOCUMENT = "docs/submitting.md"


@pytest.mark.skipif(missing("curl"), reason="no curl")
def test_the_programs_work(solo: System, account: Account, tmp_path: Path) -> None:
    (tmp_path / "exemplar").symlink_to(ROOT / "exemplar")
    log_in, *_ = blocks(PAGE, "sh")
    script = "\n".join(["set -euo pipefail", log_in, *blocks(DOCUMENT, "sh")])
    said = run(["bash", "-c", script], tmp_path, account.environment(solo.base_url))
    assert said.splitlines()[:3] == [
        "body.instructions.prompt: invalid_instructions_prompt",
        "body.instructions.seed: invalid_instructions_value",
        "body.metadata: invalid_metadata",
    ]
    assert '"dry_run": true' in said
    assert said.splitlines()[-2:] == ["content_flagged", "completed"]


def test_every_warning_is_documented() -> None:
    assert [row[0] for row in table(DOCUMENT, "## Warnings")] == [f"`{code.value}`" for code in WarningCode]


def test_every_obstacle_is_documented() -> None:
    assert [row[0] for row in table(DOCUMENT, "### When it cannot start")] == [f"`{one.value}`" for one in Obstacle]
