"""The recurring jobs: name, period in seconds, function."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from actors.jobs.deadlines import expire
from actors.jobs.holds import release_leaked_holds
from actors.jobs.orphans import erase_orphans
from actors.jobs.polling import poll
from actors.jobs.reconciliation import reconcile
from actors.jobs.redelivery import redeliver
from actors.jobs.relay import relay
from actors.jobs.retention import delete_old_pictures
from actors.jobs.sealing import checkpoint, seal
from actors.webhooks.sender import Sender
from store.accounts.erasure import AccountErasure
from store.webhooks.secrets import WebhookSecrets

SUBSCRIBER_PERIOD = 1.0


@dataclass(frozen=True, slots=True)
class Job:
    """A recurring job. Each has its own lease, so that many schedulers share the work.

    A `shared` job runs in all of them at once, because it claims its work piece by piece.
    """

    name: str
    period: float
    run: Callable[..., Awaitable[int]]
    shared: bool = False


async def send_webhooks(*, sender: Sender) -> int:
    """Begin the webhook deliveries that are due; return how many."""
    return await sender.send_due()


async def erase_accounts(*, account_erasure: AccountErasure) -> int:
    """Erase the data of deleted users; return how many users and generations."""
    return await account_erasure.run()


async def reencrypt_secrets(*, webhook_secrets: WebhookSecrets) -> int:
    """Encrypt webhook secrets with the current master key; return how many cannot be decrypted."""
    return await webhook_secrets.reencrypt()


JOBS: tuple[Job, ...] = (
    Job("relay", 1.0, relay),
    Job("sealing", 0.5, seal),
    Job("checkpoints", 60.0, checkpoint),
    Job("redelivery", 1.0, redeliver),
    Job("reconciliation", 2.0, reconcile),
    Job("polling", 1.0, poll),
    Job("deadlines", 5.0, expire),
    Job("webhooks", 0.25, send_webhooks, shared=True),
    Job("holds", 30.0, release_leaked_holds),
    Job("accounts", 5.0, erase_accounts),
    Job("orphans", 300.0, erase_orphans),
    Job("retention", 3600.0, delete_old_pictures),
    Job("secrets", 600.0, reencrypt_secrets),
)
