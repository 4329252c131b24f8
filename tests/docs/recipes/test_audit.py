"""The programs of docs/audit.md for readers of the log, typed one after the other into one shell."""

import asyncio
import json
import secrets
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from domain.accounts.access import Role
from domain.accounts.passwords import Passwords
from domain.receipts.containers import extract
from store.accounts.writes import NewPerson
from tests.builders.rfc6962 import leaf_of, root_by_inclusion
from tests.builders.tlog import read_checkpoint, read_growth, read_proof
from tests.docs.reading import blocks, section_blocks
from tests.docs.recipes.pages import missing, run
from tests.systems.commands import served_commands
from tests.systems.signing import key_of, sign_log
from tests.systems.system import System
from tests.systems.tenants import CAUSE, PASSWORD, make_tenant, now


async def prepare(system: System) -> Mapping[str, str]:
    """Make an auditor and a completed generation; return the variables that the programs name."""
    email, began = f"{secrets.token_hex(6)}@auditors.example", now()
    async with aiohttp.ClientSession() as session:
        tenant = await make_tenant(system, session, "internal")
        accepted = await tenant.submit()
        generation = str(accepted.body["id"])
        await tenant.completed(generation)
    async with system.open_store() as store:
        person = NewPerson(email, await Passwords(memory_kib=1024, passes=1).hash(PASSWORD))
        await store.platform_changes.create_staff(person, Role.AUDITOR, cause=CAUSE)
    await sign_log(system)
    return {
        "BASE": system.base_url,
        "EMAIL": email,
        "PASSWORD": PASSWORD,
        "GENERATION_ID": generation,
        "PROJECT_ID": tenant.project,
        "DEVELOPER_ID": tenant.developer,
        "MOMENT": now().isoformat(),
        "REQUEST_ID": accepted.headers["X-Request-ID"],
        "USER_TOKEN": tenant.headers["Authorization"].removeprefix("Bearer "),
        "FROM": (began - timedelta(seconds=1)).isoformat(),
        "KEY": str(key_of(system).public),
        "UNTIL": (began + timedelta(hours=1)).isoformat(),
    }


@pytest.mark.skipif(missing("curl"), reason="no curl")
def test_the_programs_of_the_audit_page_work(solo: System, tmp_path: Path) -> None:
    env = asyncio.run(prepare(solo))
    # The product's own command is run beside its home, in tests/exemplar/commands/test_home.py.
    # The ten questions are asked in test_audit_questions.py; their set-up is that of the whole page.
    set_up, *questions = section_blocks("docs/audit.md", "## Ten questions", "sh")
    others = [block for block in blocks("docs/audit.md", "sh") if block not in (set_up, *questions)]
    programs = [set_up, *(block for block in others if not block.startswith("exemplar "))]
    with served_commands(tmp_path) as command:
        script = "\n".join(["set -euo pipefail", f'exemplar() {{ {command} "$@"; }}', *programs])
        said = run(["bash", "-c", script], tmp_path, env)
    check_proofs(tmp_path, str(key_of(solo).public), env["GENERATION_ID"])
    check_receipts(tmp_path, said)
    answers = list(objects(said))
    newest, history, failures, request = [answer["events"] for answer in answers[:4]]
    assert len(newest) >= 5
    assert {event["stream"] for event in history} == {f"generation-{env['GENERATION_ID']}"}
    assert history[0]["type"] == "generation.requested"
    assert failures == []
    assert {event["request_id"] for event in request} == {env["REQUEST_ID"]}
    assert '"type":"caught_up"' in said
    assert "event: caught_up" in said
    log = [json.loads(line) for line in (tmp_path / "log.ndjson").read_text().splitlines()]
    assert log[0]["type"] == "opened"
    assert any(event.get("stream") == f"generation-{env['GENERATION_ID']}" for event in log)
    seek, acknowledged, consumers, accesses = answers[4:8]
    assert seek["name"] == "billing"
    assert acknowledged["position"] > seek["position"]
    assert consumers == {"consumers": [acknowledged | {"behind": consumers["consumers"][0]["behind"]}]}
    assert {"user", "project", "all"} <= {access["scope"] for access in accesses["accesses"]}
    check_time_travel(answers[8:12], env)


def check_receipts(folder: Path, said: str) -> None:
    """Compare the picture without its receipt with the plain one."""
    found = extract((folder / "travelling.png").read_bytes())
    assert found is not None
    assert found.original == (folder / "picture.png").read_bytes()
    assert "ok     event" in said
    assert "FAULT" not in said
    assert "heliotrope walrus" in (folder / "checks.txt").read_text()


def check_time_travel(answers: list[Any], env: Mapping[str, str]) -> None:
    quota, quota_changes, generation, changes = answers
    assert (quota["kind"], quota["id"], quota["state"]["slots"]) == ("quota", env["DEVELOPER_ID"], [])
    assert list(quota["state"]["used"].values()) == [1]
    assert [slot["generation"] for slot in quota_changes["changes"]["slots"]["from"]] == [env["GENERATION_ID"]]
    assert "generation.completed" in {cause["type"] for cause in quota_changes["events"]}
    assert (generation["as_of"]["version"], generation["state"]["status"]) == (3, "pending")
    assert changes["changes"]["status"] == {"from": "pending", "to": "completed"}


def check_proofs(folder: Path, key: str, generation: str) -> None:
    """Verify what the programs have saved as a stranger would."""
    texts = [(folder / f"{name}.txt").read_text() for name in ("checkpoint", "proof", "consistency")]
    latest, proof = read_checkpoint(texts[0], key), read_proof(texts[1])
    signed = read_checkpoint(proof.note, key)
    assert root_by_inclusion(leaf_of(proof.extra), proof.index, signed.size, proof.hashes) == signed.root
    assert json.loads(proof.extra)[0]["id"] == f"generation-{generation}:1"
    old, hashes, note = read_growth(texts[2])
    assert (old, bool(hashes)) == (1, True)
    assert latest.size <= signed.size <= read_checkpoint(note, key).size


def objects(text: str) -> list[Any]:
    """Read the JSON objects of answers, which follow each other without a separator."""
    decoder, found, at = json.JSONDecoder(), [], 0
    while (at := text.find("{", at)) >= 0:
        value, at = decoder.raw_decode(text, at)
        if ("type" not in value and "position" not in value) or "name" in value:
            found.append(value)
    return found
