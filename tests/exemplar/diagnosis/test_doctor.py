"""`exemplar doctor`: what it judges, and what it says of systems in three states."""

import json
import socket
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import typer
from pymongo import MongoClient
from typer.testing import CliRunner

from exemplar.client_commands.account_check import AccountCheck
from exemplar.diagnosis.account_checks import judge_account
from exemplar.diagnosis.deployment import Deployment
from exemplar.diagnosis.doctor import examine
from exemplar.diagnosis.health import Health
from exemplar.diagnosis.machine_checks import judge_disk, judge_packages, judge_python, wrong_packages
from exemplar.diagnosis.provider_checks import judge_public_url, judge_token, no_token
from exemplar.diagnosis.server_checks import judge_clock, judge_gateway, judge_report
from exemplar.diagnosis.settings_checks import judge_names, unknown_names
from exemplar.local.secrets_file import open_secrets
from store.leases.pauses import Pause
from tests.exemplar.diagnosis.test_status import WELL

HERE = Path()
CLEARED = ("REPLICATE_API_TOKEN", "EXEMPLAR_MONGODB_URL", "EXEMPLAR_PUBLIC_URL")
NOON = datetime(2026, 11, 28, 12, tzinfo=UTC)
SERVICES = Deployment("services", HERE, "http://127.0.0.1:8000")


@pytest.mark.parametrize(
    ("version", "state"), [((3, 10), "fault"), ((3, 11), "ok"), ((3, 13), "ok"), ((3, 14), "fault")]
)
def test_python_must_be_supported(version: tuple[int, ...], state: str) -> None:
    assert judge_python(version).state == state


def test_packages_are_compared_with_their_pins() -> None:
    pins = ["rich==15.0.0", "httpx==0.28.1 ; python_version > '3'", "mypy==2.4.1 ; extra == 'dev'", "jsonschema"]
    found = wrong_packages(pins, {"rich": "14.0.0"})
    assert found == {"rich": "rich 14.0.0, not 15.0.0", "httpx": "httpx missing, not 0.28.1"}
    assert (judge_packages(found).state, judge_packages({}).state) == ("warning", "ok")


@pytest.mark.parametrize(
    ("free", "total", "state"),
    [(0.1, 10, "fault"), (1, 5, "warning"), (3, 10, "ok"), (12, 100, "warning"), (16, 100, "ok")],
)
def test_a_full_disk_is_a_fault(free: float, total: int, state: str) -> None:
    assert judge_disk(HERE, int(free * 1024**3), total * 1024**3).state == state


@pytest.mark.parametrize(("seconds", "state"), [(1, "ok"), (-5, "warning"), (61, "fault")])
def test_clocks_that_disagree_are_named(seconds: float, state: str) -> None:
    found = judge_clock("MongoDB", NOON + timedelta(seconds=seconds), NOON)
    assert (found.state, "ahead of" in found.message) == (state, seconds > 0)


def test_a_misspelled_setting_is_corrected() -> None:
    known = {"EXEMPLAR_PORT", "EXEMPLAR_HOME"}
    unknown = unknown_names({"EXEMPLAR_PROT": "", "EXEMPLAR_HOME": "", "PATH": ""}, known)
    assert unknown == ["EXEMPLAR_PROT"]
    assert judge_names(unknown, known).remedy == "did you mean EXEMPLAR_PORT?"
    assert judge_names([], known).state == "ok"


@pytest.mark.parametrize(
    ("health", "state", "said"),
    [
        (Health({}, "connection refused"), "fault", "connection refused"),
        (Health({"status": "unhealthy", "version": "1"}), "fault", "unhealthy"),
        (Health({"status": "healthy", "version": "0"}), "warning", "version 0"),
        (Health({"status": "healthy", "version": "1"}), "ok", "healthy"),
    ],
)
def test_the_gateway_is_judged_by_its_health(health: Health, state: str, said: str) -> None:
    found = judge_gateway(health, SERVICES, "1")
    assert (found.state, said in found.message) == (state, True)


@pytest.mark.parametrize(("status", "state"), [(200, "ok"), (401, "fault"), (402, "fault"), (500, "warning")])
def test_the_token_is_judged_by_the_answer(status: int, state: str) -> None:
    assert judge_token(status).state == state


@pytest.mark.parametrize(
    ("deployment", "state", "said"),
    [
        (SERVICES, "fault", "not set in this shell"),
        (Deployment("running", HERE, demo={"sandbox_url": "http://127.0.0.1:1"}), "ok", "the sandbox"),
        (Deployment("running", HERE, demo={"sandbox_url": None}), "warning", "what runs uses Replicate"),
        (Deployment("stopped", HERE), "ok", "a start uses the sandbox"),
    ],
)
def test_without_a_token_in_the_shell_what_runs_decides(deployment: Deployment, state: str, said: str) -> None:
    found = no_token(deployment)
    assert (found.state, said in found.message) == (state, True)


def test_a_provider_that_refuses_what_runs_is_a_fault() -> None:
    for change in ({"provider": Pause("provider_unauthorized", 30.0)}, {"token_refused": True}):
        [refused] = [one for one in judge_report(replace(WELL, **change)) if one.check == "provider"]
        assert (refused.state, "provider_unauthorized" in refused.message) == ("fault", True)
    assert not [one for one in judge_report(WELL) if one.check == "provider"]


def test_the_public_address_must_be_https_and_answer() -> None:
    fine, silent = Health({"status": "healthy"}), Health({}, "no such host")
    judged = [
        judge_public_url(None, None),
        judge_public_url("http://a.example", fine),
        judge_public_url("https://a.example", silent),
        judge_public_url("https://a.example", fine),
    ]
    assert [one.state for one in judged] == ["warning", "fault", "fault", "ok"]


def test_credentials_that_are_refused_are_told() -> None:
    judged = [judge_account(AccountCheck(accepted, "ada@example.com")) for accepted in (True, False)]
    assert [(one.state, one.remedy is None) for one in judged] == [("ok", True), ("warning", False)]


def doctor(**environ: str) -> tuple[int, Mapping[str, Any]]:
    """Examine what an environment names."""
    app = typer.Typer(add_completion=False)
    app.command()(examine)
    cleared = dict.fromkeys((*CLEARED, "EXEMPLAR_ACCESS_KEY"))
    environ = {"XDG_CONFIG_HOME": environ["EXEMPLAR_HOME"], **environ}
    done = CliRunner().invoke(app, ["--json"], env={**cleared, **environ})
    assert done.stdout, repr(done.exception)
    return done.exit_code, json.loads(done.stdout)


def found(body: Mapping[str, Any], check: str) -> list[str]:
    return [one["state"] for one in body["findings"] if one["check"] == check]


def test_before_the_first_start_it_says_whether_one_can_be_made(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        code, body = doctor(EXEMPLAR_HOME=str(tmp_path / "new"), EXEMPLAR_PORT=port)
    assert (code, body["ok"]) == (1, False)
    assert found(body, "ports") == ["fault"]
    assert found(body, "servers") == found(body, "account") == ["warning"]
    [remedy] = [one["remedy"] for one in body["findings"] if one["check"] == "ports"]
    assert remedy.startswith(f"EXEMPLAR_PORT={int(port) + 1} make run")
    assert not (tmp_path / "new").exists()


def test_a_stopped_system_is_not_started(tmp_path: Path) -> None:
    open_secrets(tmp_path / "secrets.json")
    _, body = doctor(EXEMPLAR_HOME=str(tmp_path), EXEMPLAR_PORT="0")
    assert body["system"].endswith("stopped")
    assert found(body, "ports") == ["ok"]
    assert not found(body, "MongoDB")


def test_services_are_asked_and_their_settings_read(mongodb_url: str, tmp_path: Path) -> None:
    with MongoClient[dict[str, Any]](mongodb_url) as client:
        database = client.get_default_database()
        database.create_collection("usage_extra", validator={"a": {"$exists": True}})
        code, body = doctor(EXEMPLAR_MONGODB_URL=mongodb_url, EXEMPLAR_HOME=str(tmp_path), EXEMPLAR_PORT="1")
        database.drop_collection("usage_extra")  # a lent database keeps its collections
    assert code == 1
    assert found(body, "MongoDB") == ["ok", "warning"]
    assert any("the collection usage_extra has a validator" in one["message"] for one in body["findings"])
    assert found(body, "clocks") == ["ok"]
    assert found(body, "gateway") == ["fault"]
    faults = {one["message"] for one in body["findings"] if (one["check"], one["state"]) == ("settings", "fault")}
    assert "gateway: EXEMPLAR_CALLBACK_SECRET is not set" in faults


def test_an_unreachable_store_is_a_finding_among_others(tmp_path: Path) -> None:
    url, home = "mongodb://127.0.0.1:1/exemplar", str(tmp_path)
    _, body = doctor(EXEMPLAR_MONGODB_URL=url, EXEMPLAR_MONGODB_TIMEOUT_MS="100", EXEMPLAR_HOME=home)
    assert found(body, "MongoDB") == ["fault"]
    assert found(body, "provider") == ["fault"]
