"""Only what the service has signed, and lately, is a webhook."""

import base64
from datetime import UTC, datetime, timedelta

import pytest
from standardwebhooks import Webhook

from exemplar_client import WebhookVerificationError, verify_webhook

SECRET = "whsec_" + base64.b64encode(b"k" * 24).decode()
BODY = b'{"type": "generation.completed", "data": {"id": "g"}}'


def signed(at: datetime, body: bytes = BODY, secret: str = SECRET) -> dict[str, str]:
    return {
        "Webhook-Id": "msg_1",
        "Webhook-Timestamp": str(int(at.timestamp())),
        "Webhook-Signature": Webhook(secret).sign("msg_1", at, body.decode()),
    }


def now() -> datetime:
    return datetime.now(UTC)


def test_a_genuine_webhook_is_read() -> None:
    assert verify_webhook(SECRET, signed(now()), BODY)["data"] == {"id": "g"}


def test_a_signature_of_the_old_secret_beside_one_of_the_new_is_enough() -> None:
    other = "whsec_" + base64.b64encode(b"o" * 24).decode()
    headers = signed(now())
    headers["Webhook-Signature"] = (
        f"{signed(now(), secret=other)['Webhook-Signature']} {headers['Webhook-Signature']}"
    )
    assert verify_webhook(SECRET, headers, BODY)


@pytest.mark.parametrize(
    ("headers", "body"),
    [
        (signed(now()), BODY.replace(b"completed", b"failed")),
        (signed(now() - timedelta(minutes=6)), BODY),
        (signed(now() + timedelta(minutes=6)), BODY),
        (signed(now(), secret="whsec_" + base64.b64encode(b"x" * 24).decode()), BODY),
        (signed(now()) | {"Webhook-Id": "msg_2"}, BODY),
        (signed(now()) | {"Webhook-Signature": "nonsense"}, BODY),
        (signed(now()) | {"Webhook-Signature": "v1,***"}, BODY),
        (signed(now()) | {"Webhook-Timestamp": "yesterday"}, BODY),
        ({}, BODY),
        (signed(now()), b"\xff\xfe"),
        (signed(now(), b"[1]"), b"[1]"),
    ],
    ids=[
        "body",
        "old",
        "future",
        "secret",
        "id",
        "no signature",
        "no base64",
        "time",
        "bare",
        "bytes",
        "list",
    ],
)
def test_what_is_not_genuine_is_refused(headers: dict[str, str], body: bytes) -> None:
    with pytest.raises(WebhookVerificationError):
        verify_webhook(SECRET, headers, body)
