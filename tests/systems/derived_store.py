"""A store with every read model that is derived from the log, written by the product's own code."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from domain.accounts.access import Role
from domain.accounts.platform import PersonalDataGrant
from domain.generation.lifecycle import Timeouts
from domain.webhooks.endpoint import remove
from events.envelope import Cause
from events.generation import Owner
from exemplar.injection import Dependencies
from store.accounts.changes import AccountChanges
from store.accounts.writes import NewAccessKey, NewKey, NewPassword, NewPerson
from store.quota.ledger import Bounds
from store.replay.fold_comparison import FoldComparison, ReplayReport
from tests.builders.clock import Clock
from tests.store.quota.conftest import QuotaHarness
from tests.store.quota.test_usage import count_log
from tests.systems.webhook_receiver import open_receiver
from tests.systems.webhook_system import PROJECT, WebhookSystem, open_system

CAUSE = Cause(actor="operator")
DEVELOPER = "dev-1"
WIDE = Bounds(monthly=None, concurrent=None)


@dataclass
class DerivedStore:
    """What was written, and comparisons of it with the log; `endpoint` is registered, `removed` was."""

    system: WebhookSystem
    endpoint: str
    removed: str

    @property
    def process(self) -> Dependencies:
        process = self.system.process()
        process.set(pause=_at_once, timeouts=Timeouts())
        return process

    async def compare(self, **given: object) -> ReplayReport:
        return await self.process.call(FoldComparison).run(**given)  # type: ignore[arg-type]

    async def differences(self) -> list[tuple[str, str, str, object, object]]:
        """List model, key, field, what the log says, and what is stored."""
        found = (await self.compare()).differences
        return [(one.model, one.key, one.field, one.log, one.stored) for one in found]

    async def seal(self) -> None:
        while await self.system.store.sealed_log.seal():
            pass


async def _at_once() -> None: ...


@dataclass(frozen=True, slots=True)
class Written:
    """The endpoints of a derived store, and the time of its clock."""

    endpoint: str
    removed: str
    now: datetime


async def write_derived_store(mongodb_url: str) -> Written:
    """Write accounts, generations in several states, webhooks with attempts, staff, sums, and seal all of it."""
    async with open_system(mongodb_url) as system, open_receiver() as receiver:
        await _write_accounts(system)
        await _write_staff(system)
        endpoint, _ = await system.register(receiver.url)
        removed, _ = await system.register(receiver.url)
        await system.webhooks.decide(removed, remove, cause=CAUSE)
        await _write_generations(system)
        await system.deliver_due()
        await DerivedStore(system, endpoint, removed).seal()
        return Written(endpoint, removed, system.clock.now)


@asynccontextmanager
async def open_derived_store(mongodb_url: str, written: Written) -> AsyncIterator[DerivedStore]:
    """Open what was written, with processes that have read nothing of it."""
    async with open_system(mongodb_url, Clock(written.now)) as system:
        yield DerivedStore(system, written.endpoint, written.removed)


async def _make_access_keys(changes: AccountChanges, user: Owner) -> None:
    """Make two access keys of a user, one of them revoked."""
    for name in ("kept", "revoked"):
        key = NewKey(f"1:{user.user}-{name}", "ek_12345", id=f"{user.user}-{name}")
        new = NewAccessKey(key, ("generate", "read"), datetime(2099, 1, 1, tzinfo=UTC))
        await changes.access_keys.create(user, new, cause=CAUSE)
    await changes.access_keys.revoke(user, f"{user.user}-revoked", cause=CAUSE)


async def _write_accounts(system: WebhookSystem) -> None:
    changes = system.account_changes
    await changes.register_developer(NewPerson("d@example.com", "hash", id=DEVELOPER), tier="internal", cause=CAUSE)
    await changes.change_tier(DEVELOPER, "cloud_starter", cause=CAUSE)
    for project in (PROJECT, "prj-2"):
        await changes.create_project(DEVELOPER, name=project, limit=None, project_id=project, cause=CAUSE)
    system.advance(seconds=1.234567)
    await changes.update_project(DEVELOPER, PROJECT, {"name": "garden"}, cause=CAUSE)
    owners: dict[str, str | None] = {"key-1": PROJECT, "key-2": "prj-2", "key-3": None}
    for key, owner in owners.items():
        await changes.create_key(DEVELOPER, owner, NewKey(f"1:{key}", "pk_12345", id=key), cause=CAUSE)
    await changes.revoke_key(DEVELOPER, "key-3", cause=CAUSE)
    for user in ("usr-1", "usr-2", "usr-3"):
        await changes.register_user(DEVELOPER, PROJECT, NewPerson(f"{user}@example.com", "hash", id=user), cause=CAUSE)
        await _make_access_keys(changes, Owner(developer=DEVELOPER, project=PROJECT, user=user))
    await changes.set_user_password(DEVELOPER, PROJECT, "usr-1", NewPassword("hash-2"), cause=CAUSE)
    for user in ("usr-2", "usr-3"):
        await changes.delete_user(DEVELOPER, PROJECT, user, cause=CAUSE)
    await changes.record_user_erased(DEVELOPER, PROJECT, "usr-3", cause=CAUSE)
    await changes.delete_project(DEVELOPER, "prj-2", cause=CAUSE)
    await changes.record_project_erased(DEVELOPER, "prj-2", cause=CAUSE)


async def _write_staff(system: WebhookSystem) -> None:
    changes = system.platform_changes
    for staff, role in (("stf-1", Role.AUDITOR), ("stf-2", Role.PLATFORM_OPERATOR)):
        await changes.create_staff(NewPerson(f"{staff}@example.com", "hash", id=staff), role, cause=CAUSE)
    until = system.clock.now + timedelta(hours=8, microseconds=700)
    for grant in ("grt-1", "grt-2"):
        await changes.grant_access("stf-1", PersonalDataGrant(grant, until, "incident", "INC-7"), cause=CAUSE)
    await changes.end_grant("stf-1", "grt-2", cause=CAUSE)
    await changes.delete_staff("stf-2", cause=CAUSE)


async def _write_generations(system: WebhookSystem) -> None:
    store = system.store
    harness = QuotaHarness(store.events, store.ledger, system.clock, store.projection)
    for name, end in (("g0", "completed"), ("g1", "failed"), ("g2", "running")):
        await harness.admit(name, WIDE, project=PROJECT, user="usr-1")
        for prediction in (await harness.live(name, end)).predictions:
            assert await store.predictions.claim(prediction, name)
        if end != "running":
            await harness.settle(name)
        await system.schedule(name)
    await count_log(store)
