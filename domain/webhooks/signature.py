"""Signing secrets and signatures by Standard Webhooks.

https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
"""

import base64
import hmac
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

from domain.webhooks.signing_keys import SigningKey

SECRET_BYTES: Final = 32
SECRET_PREFIX: Final = "whsec_"  # noqa: S105 - the prefix of a secret
ROTATION_OVERLAP: Final = timedelta(hours=24)
MOST_SECRETS: Final = 4  # that sign at the same time; each lengthens the header of every attempt


def new_secret(randomness: bytes) -> str:
    """Encode 24 to 64 random bytes as a signing secret."""
    return SECRET_PREFIX + base64.b64encode(randomness).decode()


def user_secret(secret: str, user: str) -> str:
    """Derive the secret of one user from that of the project: it signs the webhooks of that user's requests alone."""
    return new_secret(hmac.digest(_key(secret), b"user:" + user.encode(), "sha256"))


def signed_headers(
    message_id: str,
    *,
    body: bytes,
    secrets: Sequence[str],
    keys: Sequence[SigningKey] = (),
    version: int,
    now: datetime,
) -> dict[str, str]:
    """Return the headers of one attempt, signed with every secret and key that is valid during a rotation."""
    timestamp = str(int(now.timestamp()))
    content = f"{message_id}.{timestamp}.".encode() + body
    signatures = [signature_of(secret, content) for secret in secrets] + [key.sign(content) for key in keys]
    return {
        "Content-Type": "application/json",
        "User-Agent": "Exemplar-Webhooks/1.0",
        "webhook-id": message_id,
        "webhook-timestamp": timestamp,
        "webhook-signature": " ".join(signatures),
        "webhook-sequence": str(version),
    }


def signature_of(secret: str, content: bytes) -> str:
    """Sign what a message signs: its id, its timestamp and its body, joined by dots."""
    return f"v1,{base64.b64encode(hmac.digest(_key(secret), content, 'sha256')).decode()}"


def _key(secret: str) -> bytes:
    return base64.b64decode(secret.removeprefix(SECRET_PREFIX) + "==")  # padding may be missing; more is skipped
