"""Verification of webhooks."""

from collections.abc import Mapping
from typing import Any

from standardwebhooks import Webhook, WebhookVerificationError

__all__ = ["WebhookVerificationError", "verify_webhook"]


def verify_webhook(secret: str, headers: Mapping[str, str], body: bytes | str) -> dict[str, Any]:
    """Check signature and age (five minutes) of a webhook and return its message.

    `secret` is `whsec_...`, `body` the received bytes, unchanged. Raises WebhookVerificationError for an
    invalid webhook, ValueError for a secret that is none. A webhook may be delivered twice: compare `webhook-id`.
    Source: the Standard Webhooks specification.
    """
    webhook = Webhook(secret)
    try:
        message = webhook.verify(body, dict(headers))
    except ValueError as error:  # no base64, UTF-8 or JSON
        raise WebhookVerificationError("The webhook is malformed") from error
    if not isinstance(message, dict):
        raise WebhookVerificationError("The webhook is not a JSON object")
    return message
