"""Every command finds the store and the keys of an `exemplar up`, running or stopped, by itself."""

import asyncio
import inspect
import json
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
import typer
from pymongo import MongoClient

from domain.accounts.keys import Peppers
from exemplar.cli import app
from exemplar.commands import accounts, audit, backup, control, erase, failed, quota
from exemplar.commands.options import AsJson, Home
from exemplar.diagnosis.doctor import examine
from exemplar.diagnosis.status import show_status
from exemplar.environment import ConfigurationError
from exemplar.local.home import mongodb_of
from exemplar.local.home_lock import locked
from exemplar.local.pids import PidFiles
from exemplar.local.secrets_file import Secrets, open_secrets
from store.audit.settings import CheckpointSettings
from store.mongo.replica_set import initiate_replica_set
from tests.docs.reading import blocks
from tests.store.audit.conftest import AuditHarness
from tests.stores import open_store
from tests.systems.commands import Done, run_command, served_commands

ROOT = Path(__file__).parents[3]
NOTHING_RUNS = "nothing runs, with 0 unfinished generations: make run (or: exemplar up)"
READERS = (
    "accounts list",
    "audit key",
    "audit checkpoint",
    "audit verify",
    "audit prove a:1",
    "audit grown 9",
    "audit replay --against",
    "audit invariants",
    "quota check",
    "rebuild --check",
    "subscribers",
)
PROCESSES = {"up", "mcp", "gateway", "worker", "scheduler", "solo", "sandbox", "topology", "settings", "probe"}
FOR_USERS = {"generate", "watch", "list", "open", "listen", "trigger", "login"}
DIAGNOSIS: dict[str, Callable[..., object]] = {"status": show_status, "doctor": examine}
GROUPS = {
    "accounts": accounts.app,
    "audit": audit.app,
    "backup": backup.app,
    "control": control.app,
    "erase": erase.app,
    "failed": failed.app,
    "quota": quota.app,
}


def exemplar(command: str, *options: str, cwd: Path, **environ: str) -> Done:
    """Run a command in an environment without settings."""
    env = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), **environ}
    return run_command(*command.split(), *options, env=env, cwd=cwd)


@contextmanager
def mongodb(home: Path) -> Iterator[str]:
    with mongodb_of(home, initiate_replica_set, lambda _: None) as url:
        yield url


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory, mongod_installed: None) -> Path:
    """The folder of a stopped `exemplar up`, whose log has nine commits and a checkpoint."""
    home = tmp_path_factory.mktemp("made") / ".exemplar"
    home.mkdir()
    signer = CheckpointSettings.model_validate(
        {"checkpoint_key": open_secrets(home / "secrets.json").checkpoint_key}
    ).signer
    assert signer is not None

    async def fill(url: str) -> None:
        async with open_store(url, prepared=True) as store:
            log = AuditHarness(store)
            await log.fill()
            await log.sign(key=signer)

    with mongodb(home) as url:
        asyncio.run(fill(url))
    return home


@pytest.fixture(scope="module")
def running(home: Path) -> Iterator[Path]:
    """The same folder, locked by another process and with its MongoDB running."""
    with mongodb(home):
        yield home


def commands() -> Mapping[str, Callable[..., object]]:
    """Map every command that reads the store to its function, those of groups under both names."""
    found = {name: function for name, function in _commands(app) if name not in {*PROCESSES, *FOR_USERS, *GROUPS}}
    within = ((f"{group} {name}", function) for group, one in GROUPS.items() for name, function in _commands(one))
    return {name: one for name, one in {**found, **DIAGNOSIS, **dict(within)}.items() if name != "backup check"}


def _commands(within: typer.Typer) -> Iterator[tuple[str, Callable[..., object]]]:
    for command in within.registered_commands:
        assert command.callback is not None
        yield command.name or command.callback.__name__, command.callback


@pytest.mark.parametrize("function", commands().values(), ids=commands())
def test_a_command_on_the_store_takes_a_home_and_prints_json(function: Callable[..., object]) -> None:
    options = inspect.signature(function, eval_str=True).parameters
    assert (options["home"].annotation, options["as_json"].annotation) == (Home, AsJson)


@pytest.mark.parametrize("command", READERS)
def test_a_command_beside_a_running_system_needs_its_folder_only(running: Path, command: str, tmp_path: Path) -> None:
    done = exemplar(command, "--home", str(running), "--json", cwd=tmp_path)
    assert done.code == 0, done.error
    assert json.loads(done.out)
    assert "stopped" not in done.error


def test_the_commands_of_the_documentation_find_the_folder(running: Path) -> None:
    documented = {block.strip() for block in blocks("docs/audit.md", "sh")}
    assert {"exemplar audit replay", "exemplar audit verify"} <= documented
    replayed, verified = (exemplar(one, cwd=running.parent) for one in ("audit replay", "audit verify"))
    assert verified.out.startswith("as they were sealed: 9 commits in 3 streams")
    assert replayed.code == 3, "the streams of this log begin with no request"
    assert "0 events of 0 streams folded as they are now; the hash is of the state up to position 9" in replayed.out


def test_an_export_is_made_and_verified_as_documented(running: Path, tmp_path: Path) -> None:
    [program] = [block for block in blocks("docs/audit.md", "sh") if block.startswith("exemplar audit export")]
    kept = exemplar("audit checkpoint", "--home", str(running), cwd=tmp_path)
    (tmp_path / "kept.txt").write_text(kept.out)
    (tmp_path / "exemplar").touch(0o755)
    env = {
        "PATH": f"{tmp_path}:{os.environ['PATH']}",
        "PYTHONPATH": str(ROOT),
        "EXEMPLAR_HOME": str(running),
    }
    shell = ["bash", "-c", f"set -euo pipefail\n{program}"]
    with served_commands(tmp_path) as served:
        (tmp_path / "exemplar").write_text(f'#!/bin/sh\nexec {served} "$@"\n')
        run = subprocess.run(shell, env=env, cwd=tmp_path, capture_output=True, text=True, timeout=120, check=False)
    assert run.returncode == 0, run.stderr
    assert run.stdout.count("are as they were signed") == 2
    assert "the log has only grown since it had" in run.stdout
    assert "WARNING" not in run.stdout
    assert {path.name for path in (tmp_path / "log-export").iterdir()} >= {"MANIFEST", "index.html", "verify.py"}


def test_the_variable_of_exemplar_up_names_the_folder(running: Path, tmp_path: Path) -> None:
    assert exemplar("audit verify", cwd=tmp_path, EXEMPLAR_HOME=str(running)).code == 0


def test_the_address_of_a_server_comes_before_a_folder_that_is_not_named(running: Path) -> None:
    elsewhere = "mongodb://127.0.0.1:1/exemplar?serverSelectionTimeoutMS=100"
    done = exemplar("subscribers", cwd=running.parent, EXEMPLAR_MONGODB_URL=elsewhere)
    assert (done.code, done.error.startswith("exemplar: EXEMPLAR_MONGODB_URL: MongoDB cannot")) == (2, True)


def test_the_key_is_that_of_the_folder(home: Path, tmp_path: Path) -> None:
    seed = json.loads((home / "secrets.json").read_bytes())["checkpoint_key"]
    signer = CheckpointSettings.model_validate({"checkpoint_key": seed}).signer
    assert signer is not None
    other = Secrets().checkpoint_key
    for environ in ({}, {"EXEMPLAR_CHECKPOINT_KEY": other}):
        assert exemplar("audit key", "--home", str(home), cwd=tmp_path, **environ).out == f"{signer.public}\n"


def test_keys_are_hashed_with_the_pepper_of_the_folder(running: Path, tmp_path: Path) -> None:
    made = []
    for command in ("create-developer ada@example.com", "create-key ada@example.com"):
        done = exemplar(f"accounts {command}", "--home", str(running), "--json", cwd=tmp_path)
        assert done.code == 0, done.error
        made.append(json.loads(done.out))
    pepper = json.loads((running / "secrets.json").read_bytes())["key_pepper"]
    with mongodb(running) as url, MongoClient[dict[str, object]](url) as client:
        stored = client.get_default_database()["keys"].find_one({"_id": made[1]["id"]})
    assert stored is not None
    assert stored["hash"] == Peppers({1: pepper}).hash(made[1]["key"])


@pytest.mark.parametrize("command", ["audit key", "audit checkpoint", "audit verify", "audit prove a:1"])
def test_without_a_key_no_new_one_is_suggested(command: str, tmp_path: Path) -> None:
    done = exemplar(command, cwd=tmp_path, EXEMPLAR_MONGODB_URL="mongodb://127.0.0.1:1/exemplar")
    assert (done.code, done.out) == (2, "")
    assert done.error.startswith("exemplar: no key: EXEMPLAR_CHECKPOINT_KEY is not set. Of an `exemplar up` name")
    assert "openssl" not in done.error


@pytest.mark.parametrize("options", [("--home", "nowhere"), ("--home", ".")])
def test_a_folder_of_no_system_is_refused_and_left_as_it_is(options: tuple[str, ...], tmp_path: Path) -> None:
    done = exemplar("audit verify", *options, cwd=tmp_path)
    assert (done.code, done.out) == (2, "")
    assert "is no folder of an `exemplar up`" in done.error
    assert list(tmp_path.iterdir()) == []


def test_without_folder_and_address_the_command_names_both(tmp_path: Path) -> None:
    done = exemplar("subscribers", cwd=tmp_path)
    assert (done.code, done.error) == (
        2,
        "exemplar: EXEMPLAR_MONGODB_URL is not set; for an `exemplar up` name its folder: --home .exemplar\n",
    )


@pytest.fixture(scope="module")
def stopped(tmp_path_factory: pytest.TempPathFactory, mongod_installed: None) -> Path:
    """The folder of a stopped `exemplar up` without accounts."""
    home = tmp_path_factory.mktemp("stopped")
    open_secrets(home / "secrets.json")
    with mongodb(home) as url:
        asyncio.run(_prepared(url))
    return home


class TestStopped:
    """Beside no running system."""

    def test_the_server_of_a_stopped_system_runs_for_the_command_alone(self, stopped: Path, tmp_path: Path) -> None:
        for command, expected in (("accounts list", (0, None)), ("status --once", (1, [NOTHING_RUNS]))):
            done = exemplar(command, "--home", str(stopped), "--json", cwd=tmp_path)
            assert (done.code, json.loads(done.out).get("attention")) == expected
            assert f"exemplar: {stopped} is stopped: its MongoDB runs until this command ends\n" == done.error
            assert PidFiles(stopped).read() == []
        with locked(stopped):
            pass

    def test_on_a_full_disk_it_is_not_started(self, stopped: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("exemplar.local.home.LEAST_FREE", shutil.disk_usage(stopped).total + 1)
        with pytest.raises(ConfigurationError, match=r"nothing runs in .* nearly full"), ExitStack() as stack:
            stack.enter_context(mongodb_of(stopped, initiate_replica_set, print))
        assert PidFiles(stopped).read() == []

    def test_it_ends_also_when_the_command_fails(self, stopped: Path, tmp_path: Path) -> None:
        done = exemplar("accounts show", "nobody@example.com", "--home", str(stopped), cwd=tmp_path)
        assert (done.code, "no developer is" in done.error) == (2, True)
        assert PidFiles(stopped).read() == []


async def _prepared(url: str) -> None:
    async with open_store(url, prepared=True):
        pass
