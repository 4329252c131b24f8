"""A new signing secret for an endpoint or a project."""

from datetime import datetime

from domain.errors import ErrorCode, ExemplarError
from store.webhooks.secrets import TooManySecretsError
from store.webhooks.webhooks import Webhooks


async def rotated(webhooks: Webhooks, endpoint: str) -> tuple[str, datetime]:
    """Make a new secret; return it and when the old one ends. 409 while too many overlap."""
    try:
        return await webhooks.rotate(endpoint)
    except TooManySecretsError:
        raise ExemplarError(ErrorCode.ROTATION_LIMIT) from None
