"""Webhooks: whether a request that came in is really the service's."""

from collections.abc import Mapping
from typing import Any

from standardwebhooks import Webhook, WebhookVerificationError

__all__ = ["WebhookVerificationError", "verify_webhook"]


def verify_webhook(secret: str, headers: Mapping[str, str], body: bytes | str) -> dict[str, Any]:
    """Check signature and age (five minutes) of a webhook and return its message.

    `secret` is `whsec_...`, `body` the request's bytes exactly as they came. Raises
    WebhookVerificationError for whatever is not genuine. A genuine one may come twice: keep `webhook-id`.
    Source: the Standard Webhooks specification.
    """
    webhook = Webhook(secret)
    try:
        message = webhook.verify(body, dict(headers))
    except ValueError as error:  # no base64, no UTF-8, no JSON: nothing that the service would send
        raise WebhookVerificationError("The webhook is malformed") from error
    if not isinstance(message, dict):
        raise WebhookVerificationError("The webhook is no JSON object")
    return message
