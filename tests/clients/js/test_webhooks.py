"""Verification of webhooks in the JavaScript client: the cases of the Python client, and public keys."""

import base64
import json
import time
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from tests.clients.js.conftest import run_node
from tests.clients.python.test_webhooks import BODY, FORGERIES, OTHER, SECRET, now, signed

VERIFY = """
for (const { key, headers, body } of JSON.parse(process.env.SENT)) {
  const bytes = Buffer.from(body, "base64");
  show(await verifyWebhook(key, headers, bytes).then((message) => message.type, (error) => error.name));
}
"""


def verified(*sent: tuple[str, dict[str, str], bytes]) -> list[Any]:
    """Verify webhooks; show the type of each message, or the name of the error."""
    cases = [{"key": key, "headers": headers, "body": base64.b64encode(body).decode()} for key, headers, body in sent]
    return run_node(VERIFY, {"SENT": json.dumps(cases)})


def test_a_valid_webhook_is_returned() -> None:
    both = signed(now())
    both["Webhook-Signature"] = f"{signed(now(), secret=OTHER)['Webhook-Signature']} {both['Webhook-Signature']}"
    assert verified((SECRET, signed(now()), BODY), (SECRET, both, BODY)) == ["generation.completed"] * 2


def test_forged_webhooks_are_refused() -> None:
    names = list(FORGERIES)
    shown = verified(*((SECRET, *FORGERIES[name]()) for name in names))
    assert dict(zip(names, shown, strict=True)) == dict.fromkeys(names, "WebhookVerificationError")


def test_a_public_key_verifies_what_its_private_key_signed() -> None:
    private = Ed25519PrivateKey.generate()
    public = "whpk_" + base64.b64encode(private.public_key().public_bytes_raw()).decode()
    other = "whpk_" + base64.b64encode(Ed25519PrivateKey.generate().public_key().public_bytes_raw()).decode()
    moment = str(int(time.time()))
    signature = base64.b64encode(private.sign(f"msg_1.{moment}.".encode() + BODY)).decode()
    headers = {"webhook-id": "msg_1", "webhook-timestamp": moment, "webhook-signature": f"v1,AAAA v1a,{signature}"}
    hmac_only = headers | {"webhook-signature": f"v1,{signature}"}
    shown = verified(
        (public, headers, BODY), (public, headers, BODY + b" "), (other, headers, BODY), (public, hmac_only, BODY)
    )
    assert shown == ["generation.completed", *["WebhookVerificationError"] * 3]


def test_a_key_that_is_none_is_a_fault_of_the_program() -> None:
    assert verified(("whsec_", signed(now()), BODY), ("whsec_***", signed(now()), BODY)) == ["TypeError", "TypeError"]
