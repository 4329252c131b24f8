"""The first receiver of docs/webhooks.md, as a reader starts it."""

import json
import sys
from pathlib import Path

from tests.docs.reading import ROOT, blocks
from tests.docs.recipes.pages import run
from tests.systems.account import Account
from tests.systems.system import System

[PROGRAM] = [block for block in blocks("docs/webhooks.md", "python") if block.startswith("# hook.py\n")]


def test_the_documented_receiver_gets_its_webhook(solo: System, account: Account, tmp_path: Path) -> None:
    (tmp_path / "exemplar").symlink_to(ROOT / "exemplar")
    (tmp_path / ".exemplar").mkdir()
    personal_data = account.environment(solo.base_url)
    demo = {
        "base_url": personal_data["BASE"],
        **{
            name: personal_data[name.upper()]
            for name in ("email", "password", "project_id", "developer_key", "api_key")
        },
    }
    (tmp_path / ".exemplar/demo.json").write_text(json.dumps(demo))
    (tmp_path / "hook.py").write_text(PROGRAM)
    said = run([sys.executable, "hook.py"], tmp_path, {"PYTHONPATH": str(ROOT / "clients/python")})
    kind, _, status = said.split()
    assert (kind, status) == ("generation.completed", "completed")
