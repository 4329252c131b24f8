import json
import os
import shutil
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.clients.faulty_proxy import FaultyProxy
from tests.conftest import missing
from tests.systems.account import Account

CLIENT = Path(__file__).parents[3] / "clients" / "js"
HEAD = f"""
import * as exemplar from "{CLIENT.as_uri()}/src/index.js";
const {{ Client, PasswordLogin, Retries, Tokens, AccessKey, verifyWebhook }} = exemplar;
const show = (value) => console.log(JSON.stringify(value));
const {{ BASE, EMAIL, PASSWORD, PROJECT_ID, DEVELOPER_KEY, API_KEY }} = process.env;
const keys = {{ projectId: PROJECT_ID, developerKey: DEVELOPER_KEY, apiKey: API_KEY }};
const opened = (options = {{}}, base = BASE) =>
  new Client(base, new PasswordLogin(base, {{ email: EMAIL, password: PASSWORD, ...keys, ...options }}), {{
    retries: new Retries({{ first: 0.01, attempts: 4 }}),
  }});
"""

RunNode = Callable[..., list[Any]]


def run_node(program: str, env: Mapping[str, str] | None = None) -> list[Any]:
    """Run a program with the client in Node; return what it showed, value by value."""
    command = ["node", "--input-type=module", "--eval", HEAD + program]
    ended = subprocess.run(command, env=os.environ | (env or {}), capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr
    return [json.loads(line) for line in ended.stdout.split("\n") if line]


@pytest.fixture(scope="session", autouse=True)
def node_installed() -> None:
    if shutil.which("node") is None:
        missing("no Node: apt install nodejs")


@pytest.fixture
def node(proxy: FaultyProxy, account: Account) -> RunNode:
    """Run programs as the account, through the proxy that can inject faults."""
    return lambda program, **env: run_node(program, {**account.environment(proxy.url), **env})
