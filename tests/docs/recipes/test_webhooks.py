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


@pytest.mark.skipif(missing("node"), reason="no Node")
def test_the_documented_functions_for_node_verify_a_message_with_public_keys(solo: System, tmp_path: Path) -> None:
    [module] = [block for block in blocks(DOCUMENT, "js") if block.startswith("// public_key.mjs\n")]
    (tmp_path / "public_key.mjs").write_text(module)
    (tmp_path / "check.mjs").write_text(CHECK)
    env = asyncio.run(prepare(solo))
    private, now, body = Ed25519PrivateKey.generate(), int(time.time()), b'{"type": "x"}'
    own = {"kty": "OKP", "crv": "Ed25519", "x": url_safe(private.public_key().public_bytes_raw())}

    def message(stamp: int | str = now, version: str = "v1a", sent: bytes = body) -> dict[str, Any]:
        signature = base64.b64encode(private.sign(f"msg_1.{stamp}.".encode() + body)).decode()
        signatures = f"v1,{signature} v1a,c2hvcnQ= {version},{signature}"
        headers = {"webhook-id": "msg_1", "webhook-timestamp": str(stamp), "webhook-signature": signatures}
        return {"headers": headers, "body": sent.decode()}

    forged = [
        message(sent=b'{"type": "y"}'),
        message(now - 400),
        message(now + 400),
        message("now"),
        message(version="v1b"),
    ]
    asked = {"own": own, "messages": [message(), *forged, {"headers": {}, "body": "{}"}]}
    said = json.loads(run(["node", "check.mjs"], tmp_path, {**env, "ASKED": json.dumps(asked)}))
    assert said == {"verified": [{"type": "x"}, *[None] * 6], "by_others": None}


CHECK = """
import { createPublicKey } from "node:crypto";
import { publicKeys, verified } from "./public_key.mjs";

const { own, messages } = JSON.parse(process.env.ASKED);
const published = await publicKeys(process.env.BASE, process.env.PROJECT_ID);
const keys = [...published, createPublicKey({ key: own, format: "jwk" })];
const check = (some, one) => verified(some, one.headers, Buffer.from(one.body));
console.log(JSON.stringify({
  verified: messages.map((one) => check(keys, one)),
  by_others: check(published, messages[0]),
}));
"""


def url_safe(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


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
