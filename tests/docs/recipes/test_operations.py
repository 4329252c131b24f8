"""The program of docs/operations.md, as an operator, and its commands."""

import asyncio
import json
import re
import sys
from collections.abc import Mapping
from pathlib import Path

import aiohttp
import pytest
from structlog.testing import capture_logs
from typer.testing import CliRunner

from exemplar.commands import control, failed
from tests.docs.reading import blocks
from tests.docs.recipes.pages import missing, run
from tests.systems.system import System
from tests.systems.tenants import make_tenant

PAGE = "docs/operations.md"


GROUPS = {"control": control.app, "failed": failed.app}


async def prepare(system: System) -> Mapping[str, str]:
    async with aiohttp.ClientSession() as session:
        tenant = await make_tenant(system, session, "internal")
    names = {"PROJECT_ID": tenant.project, "REQUEST_ID": "some-request"}
    return {"BASE": system.base_url, "OPERATOR_KEY": system.secrets.operator_key, **names}


def lay_out_home(folder: Path, system: System) -> None:
    """Lay out what a program beside `make run` finds: the installed Python, and demo.json."""
    (folder / ".exemplar").mkdir()
    (folder / ".exemplar/demo.json").write_text(json.dumps({"mongodb_url": system.env["EXEMPLAR_MONGODB_URL"]}))
    python = folder / ".venv/bin/python"
    python.parent.mkdir(parents=True)
    python.write_text(f'#!/bin/sh\nexec {sys.executable} "$@"\n')
    python.chmod(0o755)


@pytest.mark.skipif(missing("curl"), reason="no curl")
def test_the_programs_of_the_page_work(solo: System, tmp_path: Path) -> None:
    env = asyncio.run(prepare(solo))
    lay_out_home(tmp_path, solo)
    said = run(["bash", "-c", "set -euo pipefail\n" + "\n".join(blocks(PAGE, "sh"))], tmp_path, env)
    for line in ("maintenance, refuse, maintenance", "provider, queue, incident", "project, refuse, abuse"):
        assert line in said
    assert "{'ok': 1.0" in said, "the validator is removed"
    assert '"request_id": "some-request"' in said
    listed = 'curl -sS -H "X-Operator-Key: $OPERATOR_KEY" "$BASE/api/v1/controls"'
    left = run(["bash", "-c", listed], tmp_path, env)
    assert left == '{"controls": []}'


def test_the_commands_of_the_page_work(mongodb_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EXEMPLAR_MONGODB_URL", mongodb_url)
    said = dict[str, str]()
    for line in "\n".join(blocks(PAGE, "console")).split("\n"):
        if not line:
            continue
        _, program, group, *arguments = line.split()
        assert (program, arguments[-2:]) == ("exemplar", ["--home", ".exemplar"])
        with capture_logs():
            done = CliRunner().invoke(GROUPS[group], arguments[:-2])
        assert done.exception is None, (line, done.output)
        said[line] = done.stdout
    shown = next(text for line, text in said.items() if "control show" in line)
    assert re.search(r"provider +replicate +queue +yes", shown)
    assert re.search(r"queue_cap +- +refuse +no +500", shown)
    lifted = next(text for line, text in said.items() if "control lift" in line)
    assert "2999" not in lifted, "maintenance is lifted"
