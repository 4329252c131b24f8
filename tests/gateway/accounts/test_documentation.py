"""The commands and requests of docs/accounts.md work as printed."""

import json
import shlex
from pathlib import Path

import pytest
from structlog.testing import capture_logs
from typer.testing import CliRunner

from exemplar.commands.accounts import app
from exemplar.local.home import mongodb_of
from store.mongo.replica_set import initiate_replica_set
from tests.docs.reading import blocks
from tests.systems.gateway import OPERATOR_KEY
from tests.systems.gateway_harness import GatewayHarness

DOCUMENT = "docs/accounts.md"


def test_the_documented_commands_work_in_order(tmp_path: Path, mongod_installed: None) -> None:
    (tmp_path / "secrets.json").write_text(json.dumps({"key_pepper": "p" * 32}))
    [commands] = blocks(DOCUMENT, "console")
    output = ""
    with mongodb_of(tmp_path, initiate_replica_set, lambda _: None):  # so that each command finds it running
        for line in commands.splitlines():
            prompt, program, group, *arguments = shlex.split(line)
            assert (prompt, program, group) == ("$", "exemplar", "accounts")
            arguments[arguments.index(".exemplar")] = str(tmp_path)
            with capture_logs():
                done = CliRunner().invoke(app, arguments, env={"EXEMPLAR_PASSWORD_MEMORY_KIB": "8"})
            assert done.exception is None, (line, repr(done.exception))
            output = done.stdout
    assert output.count("developer.") == 6


@pytest.mark.asyncio(loop_scope="module")
async def test_the_documented_requests_work_in_order(gateway: GatewayHarness) -> None:
    known = {"operator_key": OPERATOR_KEY}
    for block in blocks(DOCUMENT, "http"):
        head, _, body = block.partition("\n\n")
        line, *fields = head.splitlines()
        method, path = line.split()
        headers = dict(field.format(**known).split(": ", 1) for field in fields)
        status, answer = await gateway.call(method, path, headers, json.loads(body))
        assert status == 201, answer
        known |= answer["provisioning"] or {}
        token = {"Authorization": f"Bearer {answer['access_token']}"}
        assert (await gateway.get("/api/v1/auth/me", token))[0] == 200
