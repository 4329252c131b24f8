"""Verification of webhooks."""

import base64
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from standardwebhooks import Webhook
from standardwebhooks.webhooks import EmptyWebhookSecretError

from exemplar_client import WebhookVerificationError, verify_webhook

SECRET, OTHER = (f"whsec_{base64.b64encode(letter * 24).decode()}" for letter in (b"k", b"o"))
BODY = b'{"type": "generation.completed", "data": {"id": "g"}}'


PRIVATE = Ed25519PrivateKey.from_private_bytes(b"k" * 32)
PUBLIC = f"whpk_{base64.b64encode(PRIVATE.public_key().public_bytes_raw()).decode()}"


def signed(at: datetime, body: bytes = BODY, secret: str = SECRET) -> dict[str, str]:
    return {
        "Webhook-Id": "msg_1",
        "Webhook-Timestamp": str(int(at.timestamp())),
        "Webhook-Signature": Webhook(secret).sign("msg_1", at, body.decode()),
    }


def now() -> datetime:
    return datetime.now(UTC)


def test_a_valid_webhook_is_returned() -> None:
    assert verify_webhook(SECRET, signed(now()), BODY)["data"] == {"id": "g"}


def test_one_valid_signature_of_two_is_enough() -> None:
    headers = signed(now())
    headers["Webhook-Signature"] = f"{signed(now(), secret=OTHER)['Webhook-Signature']} {headers['Webhook-Signature']}"
    assert verify_webhook(SECRET, headers, BODY)


def signed_with_key(at: datetime, body: bytes = BODY, private: Ed25519PrivateKey = PRIVATE) -> dict[str, str]:
    """Sign as the specification writes it; the symmetric signature in front is another one's."""
    headers = signed(at, body, OTHER)
    content = f"msg_1.{headers['Webhook-Timestamp']}.".encode() + body
    headers["Webhook-Signature"] += f" v1a,{base64.b64encode(private.sign(content)).decode()}"
    return headers


def test_a_webhook_verifies_with_a_public_key() -> None:
    assert verify_webhook(PUBLIC, signed_with_key(now()), BODY)["data"] == {"id": "g"}
    assert verify_webhook(PUBLIC, signed_with_key(now()), BODY.decode())["data"] == {"id": "g"}


Sent = tuple[dict[str, str], bytes]
FORGERIES: dict[str, Callable[[], Sent]] = {  # made when they are sent: they age
    "another body": lambda: (signed(now()), BODY.replace(b"completed", b"failed")),
    "too old": lambda: (signed(now() - timedelta(minutes=6)), BODY),
    "from the future": lambda: (signed(now() + timedelta(minutes=6)), BODY),
    "another secret": lambda: (signed(now(), secret=OTHER), BODY),
    "another id": lambda: (signed(now()) | {"Webhook-Id": "msg_2"}, BODY),
    "no signature": lambda: (signed(now()) | {"Webhook-Signature": "nonsense"}, BODY),
    "no base64": lambda: (signed(now()) | {"Webhook-Signature": "v1,***"}, BODY),
    "no time": lambda: (signed(now()) | {"Webhook-Timestamp": "yesterday"}, BODY),
    "no headers": lambda: ({}, BODY),
    "no text": lambda: (signed(now()), b"\xff\xfe"),
    "no object": lambda: (signed(now(), b"[1]"), b"[1]"),
}


OTHER_PRIVATE = Ed25519PrivateKey.from_private_bytes(b"o" * 32)
FORGERIES_WITH_KEY: dict[str, Callable[[], Sent]] = {
    "another body": lambda: (signed_with_key(now()), BODY.replace(b"completed", b"failed")),
    "too old": lambda: (signed_with_key(now() - timedelta(minutes=6)), BODY),
    "from the future": lambda: (signed_with_key(now() + timedelta(minutes=6)), BODY),
    "another key": lambda: (signed_with_key(now(), private=OTHER_PRIVATE), BODY),
    "another id": lambda: (signed_with_key(now()) | {"Webhook-Id": "msg_2"}, BODY),
    "only v1": lambda: (signed(now()), BODY),
    "no base64": lambda: (signed(now()) | {"Webhook-Signature": "v1a,*"}, BODY),
    "no time": lambda: (signed_with_key(now()) | {"Webhook-Timestamp": "\u0661"}, BODY),
    "no headers": lambda: ({}, BODY),
    "no object": lambda: (signed_with_key(now(), b"[1]"), b"[1]"),
    "no JSON": lambda: (signed_with_key(now(), b"[1"), b"[1"),
}


@pytest.mark.parametrize("forgery", FORGERIES_WITH_KEY.values(), ids=FORGERIES_WITH_KEY)
def test_an_invalid_webhook_is_rejected_with_a_public_key(forgery: Callable[[], Sent]) -> None:
    headers, body = forgery()
    with pytest.raises(WebhookVerificationError):
        verify_webhook(PUBLIC, headers, body)


@pytest.mark.parametrize("key", ["whpk_", "whpk_***", "whpk_AAAA"])
def test_a_key_that_is_none_is_an_error_of_its_own(key: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        verify_webhook(key, signed_with_key(now()), BODY)


@pytest.mark.parametrize("forgery", FORGERIES.values(), ids=FORGERIES)
def test_an_invalid_webhook_is_rejected(forgery: Callable[[], Sent]) -> None:
    headers, body = forgery()
    with pytest.raises(WebhookVerificationError):
        verify_webhook(SECRET, headers, body)


def test_an_empty_secret_is_an_error_of_its_own() -> None:
    with pytest.raises(EmptyWebhookSecretError):
        verify_webhook("whsec_", signed(now()), BODY)
