"""The programs of docs/webhooks.md, typed one after the other into one shell as a developer."""

import asyncio
import base64
import json
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from tests.docs.reading import blocks
from tests.docs.recipes.pages import missing, run
from tests.systems.system import System
from tests.systems.tenants import make_tenant

DOCUMENT = "docs/webhooks.md"


async def prepare(system: System) -> Mapping[str, str]:
    async with aiohttp.ClientSession() as session:
        tenant = await make_tenant(system, session, "internal")
        token = await tenant.developer_token()
    return {"BASE": system.base_url, "TOKEN": token, "PROJECT_ID": tenant.project}


def answers(text: str) -> Iterator[Any]:
    """Read JSON objects that follow each other without a separator."""
    decoder, at = json.JSONDecoder(), 0
    while (at := text.find("{", at)) >= 0:
        value, at = decoder.raw_decode(text, at)
        yield value


@pytest.mark.skipif(missing("curl"), reason="no curl")
def test_the_programs_of_the_webhooks_page_work(solo: System, tmp_path: Path) -> None:
    _, *programs = blocks(DOCUMENT, "sh")  # the first starts hook.py
    script = "\n".join(["set -euo pipefail", *programs])
    said = run(["bash", "-c", script], tmp_path, asyncio.run(prepare(solo)))
    keys, event_type, schema, replay, resend, deliveries, feed = answers(said)
    assert keys["keys"][0]["key"].startswith("whpk_")
    assert event_type["name"] == schema["title"] == "generation.completed"
    assert event_type["schema"] == schema
    assert replay == {"dry_run": True, "replayed": 0, "more": False, "cursor": None}
    assert resend == {"dry_run": True, "resent": 0}
    assert (deliveries["deliveries"], feed["events"]) == ([], [])


def test_the_documented_functions_verify_a_message_with_public_keys(solo: System) -> None:
    [program] = [block for block in blocks(DOCUMENT, "python") if block.startswith("# public_key.py\n")]
    names: dict[str, Any] = {}
    exec(compile(program, "public_key.py", "exec"), names)  # noqa: S102 - the documented program
    env = asyncio.run(prepare(solo))
    published = names["public_keys"](env["BASE"], env["PROJECT_ID"])
    private, stamp, body = Ed25519PrivateKey.generate(), str(int(time.time())), b'{"type": "x"}'
    own = f"whpk_{base64.b64encode(private.public_key().public_bytes_raw()).decode()}"
    signature = base64.b64encode(private.sign(f"msg_1.{stamp}.".encode() + body)).decode()
    headers = {"webhook-id": "msg_1", "webhook-timestamp": stamp, "webhook-signature": f"v1a,{signature}"}
    assert names["verified"]([*published, own], headers, body) == {"type": "x"}
    assert names["verified"](published, headers, body) is None
