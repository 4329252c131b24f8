import json
from pathlib import Path

import pytest

from tests.clients.commands.terminal import Terminal
from tests.systems.account import Account
from tests.systems.system import System
from tests.systems.tenants import small


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder in which commands are called, with a picture."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "cup.jpg").write_bytes(small())
    return tmp_path


@pytest.fixture
def terminal(folder: Path, solo: System, access_key: str) -> Terminal:
    """A terminal of a user who has set the address and an access key."""
    return Terminal(XDG_CONFIG_HOME=str(folder / "config"), EXEMPLAR_URL=solo.base_url, EXEMPLAR_ACCESS_KEY=access_key)


@pytest.fixture
def home(folder: Path, solo: System, account: Account, access_key: str) -> Path:
    """The folder of an `exemplar up` that runs, as far as commands for users see it."""
    home = folder / ".exemplar"
    home.mkdir()
    kept = {
        "base_url": solo.base_url,
        "access_key": access_key,
        "email": account.email,
        "password": account.password,
        "project_id": account.project_id,
        "developer_key": account.developer_key,
        "api_key": account.api_key,
        "developer_email": account.developer_email,
        "developer_password": account.password,
    }
    (home / "demo.json").write_text(json.dumps(kept))
    return home
