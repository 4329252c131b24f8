"""What `exemplar up` does where the bundled mongod, RabbitMQ or Linux is missing."""

import stat
from pathlib import Path

import pytest

from exemplar.diagnosis.machine_checks import _start_findings
from exemplar.environment import ConfigurationError
from exemplar.local import rabbitmq_node
from exemplar.local.home import mongodb_of
from exemplar.local.hooks import Hooks
from exemplar.local.machine import Machine
from exemplar.local.mongod import NO_MONGOD, find_mongod
from exemplar.local.options import Options
from exemplar.local.rabbitmq_node import RabbitNode, find_server
from exemplar.local.secrets_file import Secrets
from exemplar.local.up import up

URL = "mongodb://elsewhere.example:27017/exemplar?replicaSet=rs0"


def program(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("#!/bin/sh\n")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return path


@pytest.fixture
def bare_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine without the bundled mongod and without servers; return the folder on its PATH."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))
    monkeypatch.delenv("EXEMPLAR_MONGODB_URL", raising=False)
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    monkeypatch.setattr(rabbitmq_node, "SERVER", tmp_path / "none")
    return folder


def machine(tmp_path: Path, **environ: str) -> Machine:
    options = Options(home=tmp_path / "home", environ=environ)
    return Machine(options, Hooks.__new__(Hooks), Secrets(), lambda _: None)


def test_without_a_mongod_one_line_says_what_to_install_or_to_set(bare_machine: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError) as refused:
        machine(tmp_path)
    assert str(refused.value) == NO_MONGOD
    assert "EXEMPLAR_MONGODB_URL=" in NO_MONGOD
    assert "PATH" in NO_MONGOD
    assert NO_MONGOD.partition(": ")[2] in [finding.remedy for finding in _start_findings()]


def test_a_mongod_on_the_path_is_used(bare_machine: Path) -> None:
    assert find_mongod() is None
    assert find_mongod() != program(bare_machine / "mongod")
    assert find_mongod() == bare_machine / "mongod"


def test_the_named_mongodb_is_used_only_where_there_is_no_mongod(
    bare_machine: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert machine(tmp_path, EXEMPLAR_MONGODB_URL=URL)._addresses.mongodb_url == URL
    monkeypatch.setenv("EXEMPLAR_MONGODB_URL", URL)
    with mongodb_of(tmp_path, lambda *_: None, lambda _: None) as url:
        assert url == URL
    program(bare_machine / "mongod")
    assert machine(tmp_path, EXEMPLAR_MONGODB_URL=URL)._addresses.mongodb_url.startswith("mongodb://127.0.0.1:")


def test_a_rabbitmq_of_debian_or_on_the_path_is_used(bare_machine: Path) -> None:
    assert not RabbitNode.available()
    on_path = program(bare_machine / "rabbitmq-server")
    assert find_server() == on_path
    assert not RabbitNode.available(), "there is no epmd"
    program(bare_machine / "epmd")
    assert RabbitNode.available()
    packaged = program(rabbitmq_node.SERVER)
    assert find_server() == packaged


async def test_elsewhere_than_on_linux_one_line_says_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.platform", "darwin")
    with pytest.raises(ConfigurationError, match=r"exemplar up needs Linux.*docker compose.*exemplar solo"):
        await up(Options(home=tmp_path / "home"), hooks=Hooks.__new__(Hooks))
    assert not (tmp_path / "home").exists()
