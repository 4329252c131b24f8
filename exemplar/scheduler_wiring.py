"""Opens what the scheduler's jobs need, and runs them."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta

from actors.hands import Hands
from actors.jobs.backoff import Backoff
from actors.jobs.desk import Desk
from actors.jobs.scheduler import Scheduler
from actors.webhooks.sender import open_sender
from events.commit import Commit
from exemplar.environment import read_signing
from exemplar.wiring import Bus, Core, now
from rabbitmq.relay import relay
from store.accounts.erasure import AccountErasure
from store.accounts.project_erasure import ProjectErasure

RELAY_AFTER = timedelta(seconds=2)
RELAY_BATCH = 500


@asynccontextmanager
async def scheduling(core: Core, hands: Hands, bus: Bus) -> AsyncIterator[None]:
    """Run the schedule."""

    async def unpublished() -> list[Commit]:
        return await core.store.events.unpublished(before=now() - RELAY_AFTER, limit=RELAY_BATCH)

    polls = timedelta(seconds=2) if core.actors.public_url is None else core.timeouts.timeouts.redelivery
    async with open_sender(hands) as sender:
        scheduler = Scheduler(
            Desk(
                hands=hands,
                events=core.store.events,
                log=core.store.log,
                checkpoints=core.store.checkpointer(read_signing(), now),
                subscribers=core.store.subscribers,
                parking=core.store.parking,
                leases=core.store.leases,
                relay=lambda: relay(unpublished, bus),
                tries=Backoff(first=core.timeouts.timeouts.redelivery, longest=timedelta(minutes=5)),
                questions=Backoff(first=polls, longest=timedelta(seconds=30)),
                lists={},
                unknown={},
                cursors={},
                sender=sender,
                accounts=_account_erasure(core),
            )
        )
        scheduler.start()
        try:
            yield
        finally:
            await scheduler.stop()


def _account_erasure(core: Core) -> AccountErasure:
    """Make what erases the data of deleted users and projects."""
    changes = core.store.account_changes(now)
    return AccountErasure(
        deletions=core.store.deletions,
        account_changes=changes,
        project_erasure=ProjectErasure(
            deletions=core.store.deletions,
            account_changes=changes,
            webhooks=core.webhooks,
            after=timedelta(days=core.actors.keep_deleted_projects_days),
            clock=now,
        ),
        sessions=core.store.accounts.sessions,
        generations=core.generations,
        lists=core.store.lists,
        personal_data=core.store.personal_data,
        blobs=core.store.blobs,
        clock=now,
    )
