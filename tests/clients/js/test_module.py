"""What the JavaScript client is made of."""

import json
import re
import shutil
import subprocess
from pathlib import Path

from tests.clients.js.conftest import CLIENT
from tests.docs.reading import blocks
from tests.systems.account import Account
from tests.systems.system import System

ROOT = CLIENT.parents[1]


def test_it_has_no_dependencies() -> None:
    sources = list((CLIENT / "src").glob("*.js"))
    imported = {name for source in sources for name in re.findall(r'(?:from|import) "([^"]+)"', source.read_text())}
    assert len(sources) > 5
    assert {name for name in imported if not name.startswith("./")} == set()
    assert not [key for key in json.loads((CLIENT / "package.json").read_text()) if key.endswith("ependencies")]


def test_the_readme_makes_a_picture(solo: System, account: Account, tmp_path: Path) -> None:
    packages = tmp_path / "node_modules"
    packages.mkdir()
    (packages / "exemplar-client").symlink_to(CLIENT, target_is_directory=True)
    (tmp_path / "exemplar").symlink_to(ROOT / "exemplar", target_is_directory=True)
    first, webhook = blocks("clients/js/README.md", "js")
    (tmp_path / "first.mjs").write_text(first)
    (tmp_path / "webhook.mjs").write_text(webhook)
    node = shutil.which("node") or "node"
    env = {"PATH": "/usr/bin:/bin", **account.environment(solo.base_url)}
    subprocess.run([node, "webhook.mjs"], cwd=tmp_path, env=env, check=True)
    shown = subprocess.run([node, "first.mjs"], cwd=tmp_path, env=env, check=True, capture_output=True, text=True)
    assert "generation.completed" in shown.stdout
    assert (tmp_path / "picture.png").stat().st_size > 1000
