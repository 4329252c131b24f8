"""Verification of webhooks."""

import base64
import json
import time
from collections.abc import Iterator, Mapping
from typing import Any, Protocol

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from standardwebhooks import Webhook, WebhookVerificationError

__all__ = ["WebhookVerificationError", "verify_webhook"]

_PUBLIC_PREFIX = "whpk_"
_TOLERANCE_S = 300


def verify_webhook(secret: str, headers: Mapping[str, str], body: bytes | str) -> dict[str, Any]:
    """Check signature and age (five minutes) of a webhook and return its message.

    `secret` is a secret (`whsec_...`, which checks signatures `v1`) or a public key (`whpk_...`, which checks `v1a`),
    `body` the received bytes, unchanged. Raises WebhookVerificationError for an invalid webhook, ValueError for a
    secret or a key that is none. A webhook may be delivered twice: compare `webhook-id`.
    Source: the Standard Webhooks specification.
    """
    webhook: _Verifier = PublicKeyWebhook(secret) if secret.startswith(_PUBLIC_PREFIX) else Webhook(secret)
    try:
        message = webhook.verify(body, dict(headers))
    except ValueError as error:  # no base64, UTF-8 or JSON
        raise WebhookVerificationError("The webhook is malformed") from error
    if not isinstance(message, dict):
        raise WebhookVerificationError("The webhook is not a JSON object")
    return message


class _Verifier(Protocol):
    def verify(self, data: bytes | str, headers: dict[str, str]) -> Any: ...


class PublicKeyWebhook:
    """Verifies the signatures `v1a` with a public key; ValueError for one that is none."""

    def __init__(self, public_key: str) -> None:
        content = base64.b64decode(public_key.removeprefix(_PUBLIC_PREFIX), validate=True)
        self._key = Ed25519PublicKey.from_public_bytes(content)

    def verify(self, data: bytes | str, headers: dict[str, str]) -> Any:
        """Return the parsed body; raises WebhookVerificationError, or ValueError for no JSON."""
        sent = {name.lower(): value for name, value in headers.items()}
        identifier, timestamp = sent.get("webhook-id", ""), sent.get("webhook-timestamp", "")
        if not (timestamp.isascii() and timestamp.isdigit()) or abs(time.time() - int(timestamp)) > _TOLERANCE_S:
            raise WebhookVerificationError("The timestamp is missing, too old or too new")
        body = data.encode() if isinstance(data, str) else data
        content = f"{identifier}.{timestamp}.".encode() + body
        if not any(self._signed(signature, content) for signature in _signatures(sent)):
            raise WebhookVerificationError("No matching signature found")
        return json.loads(body)

    def _signed(self, signature: bytes, content: bytes) -> bool:
        try:
            self._key.verify(signature, content)
        except InvalidSignature:
            return False
        return True


def _signatures(headers: Mapping[str, str]) -> Iterator[bytes]:
    for signature in headers.get("webhook-signature", "").split(" "):
        version, _, text = signature.partition(",")
        if version == "v1a":
            yield base64.b64decode(text)
