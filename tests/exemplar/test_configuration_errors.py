"""Commands that cannot start say why in one line, on standard error, with exit code 2."""

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.systems.commands import run_command

ROOT = Path(__file__).parents[2]
SECRET = "s" * 40
RIGHT = {
    "EXEMPLAR_MONGODB_URL": "mongodb://127.0.0.1:1/exemplar?serverSelectionTimeoutMS=100",
    "EXEMPLAR_MONGODB_TIMEOUT_MS": "100",  # nothing listens there
    "EXEMPLAR_AMQP_URL": "amqp://guest:guest@127.0.0.1:1/",
    "EXEMPLAR_JWT_SECRET": SECRET,
    "EXEMPLAR_ID_SECRET": SECRET,
    "EXEMPLAR_CALLBACK_SECRET": SECRET,
    "EXEMPLAR_KEY_PEPPERS": f'{{"1": "{SECRET}"}}',
    "EXEMPLAR_WEBHOOK_MASTER_KEYS": f'{{"1": "{SECRET}"}}',
    "REPLICATE_API_TOKEN": "r8_nothing",
}
WRONG = {
    "no number": ("gateway", {"EXEMPLAR_PORT": "eighty"}, "EXEMPLAR_PORT"),
    "no JSON": ("gateway", {"EXEMPLAR_KEY_PEPPERS": "{"}, "EXEMPLAR_KEY_PEPPERS"),
    "a short secret": ("solo", {"EXEMPLAR_CALLBACK_SECRET": "short"}, "EXEMPLAR_CALLBACK_SECRET"),
    "a key of receipts that is none": ("gateway", {"EXEMPLAR_RECEIPT_KEY": "letmein"}, "EXEMPLAR_RECEIPT_KEY"),
    "a key without certificates": ("gateway", {"EXEMPLAR_C2PA_KEY": "key.pem"}, "EXEMPLAR_C2PA_KEY"),
    "a short operator key": ("gateway", {"EXEMPLAR_OPERATOR_KEYS": '["letmein"]'}, "EXEMPLAR_OPERATOR_KEYS"),
    "a timeout above the lease": (
        "scheduler",
        {"EXEMPLAR_WEBHOOK_TIMEOUT_SECONDS": "60"},
        "EXEMPLAR_WEBHOOK_LEASE_SECONDS",
    ),
    "no address": ("worker", {"EXEMPLAR_MONGODB_URL": "mongodb//nowhere"}, "EXEMPLAR_MONGODB_URL"),
    "an unknown provider": ("worker", {"EXEMPLAR_PROVIDER": "nobody"}, "EXEMPLAR_PROVIDER"),
    "a crash point beside a provider's token": (
        "worker",
        {"EXEMPLAR_CRASH_POINT": "validation:begin"},
        "EXEMPLAR_CRASH_POINT is for tests",
    ),
    "no server at the address": ("scheduler", {}, "EXEMPLAR_MONGODB_URL"),
    "an empty sandbox": ("sandbox", {"EXEMPLAR_SANDBOX_KEEP_MIB": "0"}, "EXEMPLAR_SANDBOX_KEEP_MIB"),
    "no folder's port": ("up", {"EXEMPLAR_PORT": "eighty"}, "EXEMPLAR_PORT"),
    "a rebuild of nothing": ("rebuild", {"EXEMPLAR_MONGODB_URL": "mongodb//nowhere"}, "EXEMPLAR_MONGODB_URL"),
    "subscribers without a server": ("subscribers", {}, "EXEMPLAR_MONGODB_URL"),
    "a ledger without a server": ("quota check", {}, "EXEMPLAR_MONGODB_URL"),
    "accounts without a server": ("accounts list", {}, "MongoDB"),
}


BY_ITSELF = "no server at the address"


def environment(wrong: Mapping[str, str]) -> dict[str, str]:
    return {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), **RIGHT, **wrong}


@pytest.mark.parametrize("name", WRONG)
def test_a_command_with_a_wrong_setting_names_it_in_one_line(name: str, tmp_path: Path) -> None:
    command, wrong, named = WRONG[name]
    done = run_command(*command.split(), env=environment(wrong), cwd=tmp_path)
    names_it_in_one_line(named, done.code, done.error)


def test_a_program_of_its_own_with_a_wrong_setting_ends_in_the_same_way(tmp_path: Path) -> None:
    command, wrong, named = WRONG[BY_ITSELF]
    program = [sys.executable, "-m", "exemplar", *command.split()]
    run = subprocess.run(
        program, env=environment(wrong), cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False
    )
    names_it_in_one_line(named, run.returncode, run.stderr)


def names_it_in_one_line(named: str, code: int, errors: str) -> None:
    lines = [line for line in errors.splitlines() if not line.startswith('{"service"')]
    assert code == 2, errors
    assert len(lines) == 1, errors
    assert lines[0].startswith("exemplar: ")
    assert named in lines[0]
