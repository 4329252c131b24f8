from pathlib import Path

import pytest

from exemplar.export import exporter
from tests.exemplar.commands.audit_command import Run, run
from tests.exemplar.export.verifying import PART, History, write_history
from tests.store.audit.conftest import AuditHarness, audit_log

__all__ = ["audit_log", "run"]


@pytest.fixture(autouse=True)
def small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let an export of few commits have several parts."""
    monkeypatch.setattr(exporter, "PART", PART)


@pytest.fixture
async def history(audit_log: AuditHarness) -> History:
    return await write_history(audit_log)


@pytest.fixture
async def whole(history: History, run: Run, tmp_path: Path) -> Path:
    """An export of the whole history."""
    result = await run("export", str(tmp_path / "export"))
    assert result.returncode == 0, result.stderr
    return tmp_path / "export"
