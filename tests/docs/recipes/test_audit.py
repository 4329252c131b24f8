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
from store.accounts.writes import NewPerson
from tests.docs.reading import blocks
from tests.docs.recipes.pages import missing, run
from tests.systems.system import System
from tests.systems.tenants import CAUSE, PASSWORD, make_tenant, now
from tests.systems.waiting import until


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

        async def sealed() -> bool:
            return not await store.sealed_log.unsealed(now(), limit=1)

        await until(sealed, "all is sealed")
    return {
        "BASE": system.base_url,
        "EMAIL": email,
        "PASSWORD": PASSWORD,
        "GENERATION_ID": generation,
        "PROJECT_ID": tenant.project,
        "REQUEST_ID": accepted.headers["X-Request-ID"],
        "USER_TOKEN": tenant.headers["Authorization"].removeprefix("Bearer "),
        "FROM": (began - timedelta(seconds=1)).isoformat(),
        "UNTIL": (began + timedelta(hours=1)).isoformat(),
    }


@pytest.mark.skipif(missing("curl"), reason="no curl")
def test_the_programs_of_the_audit_page_work(solo: System, tmp_path: Path) -> None:
    env = asyncio.run(prepare(solo))
    programs = blocks("docs/audit.md", "sh")
    said = run(["bash", "-c", "set -euo pipefail\n" + "\n".join(programs)], tmp_path, env)
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
    seek, acknowledged, consumers, accesses = answers[-4:]
    assert seek["name"] == "billing"
    assert acknowledged["position"] > seek["position"]
    assert consumers == {"consumers": [acknowledged | {"behind": consumers["consumers"][0]["behind"]}]}
    assert {"user", "project", "all"} <= {access["scope"] for access in accesses["accesses"]}


def objects(text: str) -> list[Any]:
    """Read the JSON objects of answers, which follow each other without a separator."""
    decoder, found, at = json.JSONDecoder(), [], 0
    while (at := text.find("{", at)) >= 0:
        value, at = decoder.raw_decode(text, at)
        if ("type" not in value and "position" not in value) or "name" in value:
            found.append(value)
    return found
