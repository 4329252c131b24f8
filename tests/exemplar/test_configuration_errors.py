"""Commands that cannot start say why in one line, on standard error, with exit code 2."""

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SECRET = "s" * 40
RIGHT = {
    "EXEMPLAR_MONGODB_URL": "mongodb://127.0.0.1:1/exemplar?serverSelectionTimeoutMS=100",
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


@pytest.mark.parametrize(("command", "wrong", "named"), WRONG.values(), ids=WRONG)
def test_a_command_with_a_wrong_setting_names_it_in_one_line(
    command: str, wrong: Mapping[str, str], named: str, tmp_path: Path
) -> None:
    env = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), **RIGHT, **wrong}
    run = subprocess.run(
        [sys.executable, "-m", "exemplar", *command.split()],
        env=env,
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    lines = [line for line in run.stderr.splitlines() if not line.startswith('{"service"')]
    assert run.returncode == 2, run.stderr
    assert len(lines) == 1, run.stderr
    assert lines[0].startswith("exemplar: ")
    assert named in lines[0]
