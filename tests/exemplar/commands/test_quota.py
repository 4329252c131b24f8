"""`exemplar quota check`: its errors without a store, and a repair."""

from pathlib import Path

import pytest
from pymongo import MongoClient
from typer.testing import CliRunner

from exemplar.commands.quota import app
from exemplar.environment import ConfigurationError

NO_STORE: dict[str, str | None] = {"EXEMPLAR_MONGODB_URL": None}
NOBODY_THERE = "mongodb://127.0.0.1:1/exemplar"


def refusal(*options: str, **environ: str) -> str:
    """Run a check that cannot start; return its one error line."""
    done = CliRunner().invoke(app, ["check", *options], env=NO_STORE | environ)
    assert isinstance(done.exception, ConfigurationError), done.output
    assert "\n" not in str(done.exception)
    return str(done.exception)


def test_without_a_store_the_command_says_how_to_name_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert refusal().endswith("name its folder: --home .exemplar")


def test_an_unreachable_store_is_refused_in_one_line() -> None:
    out = refusal(EXEMPLAR_MONGODB_URL=NOBODY_THERE, EXEMPLAR_MONGODB_TIMEOUT_MS="200")
    assert out.startswith("EXEMPLAR_MONGODB_URL: MongoDB cannot be reached")


def test_a_damaged_ledger_is_reported_and_rebuilt_with_repair(limits_url: str) -> None:
    environ = NO_STORE | {"EXEMPLAR_MONGODB_URL": limits_url}
    with MongoClient[dict[str, object]](limits_url) as client:
        ledger = client.get_default_database().get_collection("ledger")
        ledger.insert_one({"_id": "dev-1", "slots": None, "used": "x"})
        try:
            checked = CliRunner().invoke(app, ["check"], env=environ)
            repaired = CliRunner().invoke(app, ["check", "--repair"], env=environ)
            after = CliRunner().invoke(app, ["check"], env=environ)
        finally:
            ledger.delete_many({})
    assert (checked.exit_code, repaired.exit_code, after.exit_code) == (1, 0, 0), checked.output
    assert "damaged" in checked.stdout
    assert "corrected: " in repaired.stdout
