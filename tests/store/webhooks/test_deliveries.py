"""One contract of deliveries, kept by the MongoDB adapter and the in-memory adapter."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from domain.webhooks.delivery import MOST_ATTEMPTS, Attempt, Delivery, pair_of
from domain.webhooks.delivery_filter import NOT_DELIVERED, DeliveryFilter
from store.webhooks.deliveries import AtLimit, DeliveryStore, Stats
from store.webhooks.memory_deliveries import MemoryDeliveries
from tests.builders.webhook import NOW, delivery
from tests.stores import open_store

TOKEN = "token"
LEASE = timedelta(minutes=1)


@pytest.fixture(params=["mongodb", "in memory"])
def url(request: pytest.FixtureRequest) -> str | None:
    """Return the URL of a database; None for the in-memory adapter."""
    return None if request.param == "in memory" else str(request.getfixturevalue("mongodb_url"))


@pytest.fixture
async def deliveries(url: str | None) -> AsyncIterator[DeliveryStore]:
    if url is None:
        yield MemoryDeliveries()
        return
    async with open_store(url) as store:
        yield store.deliveries


def attempt(number: int = 1, *, error: str | None = None, milliseconds: int = 40) -> Attempt:
    at, status = NOW + timedelta(seconds=number), 500 if error else 200
    return Attempt(number, at, status, error, milliseconds, "response")


async def found(deliveries: DeliveryStore, name: str = "msg_1") -> Delivery:
    row = await deliveries.get("prj-1", "ep-1", name)
    assert row is not None
    return row


async def due(deliveries: DeliveryStore, now: datetime = NOW, excluding: AtLimit | None = None) -> list[str]:
    rows = await deliveries.due(now, excluding=excluding or AtLimit(), limit=9)
    return [row.id for row in rows]


async def claimed(deliveries: DeliveryStore, row: Delivery, *, token: str = TOKEN) -> bool:
    return await deliveries.claim(row, now=NOW, until=NOW + LEASE, token=token)


async def test_a_delivery_is_read_as_it_was_added_and_added_once(deliveries: DeliveryStore) -> None:
    first, second = delivery(attempts=(attempt(),)), delivery("msg_2", version=2)
    await deliveries.add([first])
    await deliveries.add([replace(first, host="other"), second])
    assert await found(deliveries) == first
    assert await found(deliveries, "msg_2") == second
    assert await deliveries.get("prj-2", "ep-1", "msg_1") is None
    assert await deliveries.get("prj-1", "ep-2", "msg_1") is None


async def test_due_lists_the_longest_waiting_first_without_hosts_and_projects_at_limit(
    deliveries: DeliveryStore,
) -> None:
    late = delivery("late", due_at=NOW + timedelta(seconds=1))
    early = delivery("early", due_at=NOW - timedelta(seconds=1), host="host-2", project="prj-2")
    ended = delivery("ended", state="failed", due_at=None)
    await deliveries.add([late, delivery(user="usr-1"), early, ended])
    assert await due(deliveries) == ["early", "msg_1"]
    assert await due(deliveries, NOW + LEASE) == ["early", "msg_1", "late"]
    assert await due(deliveries, excluding=AtLimit(hosts=frozenset({"host-1"}))) == ["early"]
    assert await due(deliveries, excluding=AtLimit(projects=frozenset({"prj-2"}))) == ["msg_1"]
    assert await due(deliveries, excluding=AtLimit(users=frozenset({"usr-1"}))) == ["early"]
    pairs = frozenset({pair_of("prj-1", "host-1"), pair_of("prj-2", "host-1")})
    assert await due(deliveries, excluding=AtLimit(pairs=pairs)) == ["early"]
    assert len(await deliveries.due(NOW, excluding=AtLimit(), limit=1)) == 1


async def test_one_sender_claims_a_delivery_until_its_claim_ends(deliveries: DeliveryStore) -> None:
    await deliveries.add([delivery()])
    assert await claimed(deliveries, delivery(), token="one")
    assert not await claimed(deliveries, delivery(), token="two")
    assert await due(deliveries) == []
    later = NOW + LEASE
    assert await deliveries.claim(delivery(), now=later, until=later + LEASE, token="two")
    assert (await found(deliveries)).claim == "two"
    assert not await claimed(deliveries, delivery("unknown"))


async def test_what_a_clock_that_was_ahead_has_put_off_is_made_due(deliveries: DeliveryStore) -> None:
    ahead, soon = NOW + timedelta(hours=1), NOW + timedelta(minutes=10)
    tried = delivery("tried", due_at=ahead, attempts=(attempt(error="status"),))
    ended = delivery("ended", state="skipped", due_at=None)
    too_early = delivery("too early", due_at=ahead, attempts=(replace(attempt(error="status"), at=ahead),))
    waiting = delivery("waiting", due_at=ahead, blocked=True)
    await deliveries.add([delivery("ahead", due_at=ahead), delivery("soon", due_at=soon), tried, too_early])
    await deliveries.add([waiting, ended])
    await deliveries.add([delivery("claimed")])
    assert await deliveries.claim(delivery("claimed"), now=NOW, until=ahead, token=TOKEN)
    assert await due(deliveries) == []
    assert await deliveries.make_due(NOW, after=NOW + timedelta(minutes=15), limit=9) == 3
    assert sorted(await due(deliveries)) == ["ahead", "claimed", "too early"]
    assert await deliveries.make_due(NOW, after=NOW + timedelta(minutes=15), limit=9) == 0


async def test_what_is_due_later_is_compared_page_by_page(deliveries: DeliveryStore) -> None:
    after, tried = NOW + timedelta(minutes=15), attempt(error="status")
    waiting = [delivery(f"tried {n}", due_at=after + timedelta(minutes=1 + n), attempts=(tried,)) for n in range(4)]
    ahead = [delivery(f"ahead {n}", due_at=after + timedelta(hours=n // 2 + 1)) for n in range(4)]
    await deliveries.add([*waiting, *ahead])
    corrected = [await deliveries.make_due(NOW, after=after, limit=3) for _ in range(6)]
    assert sum(corrected) == 4
    assert sorted(await due(deliveries)) == [one.id for one in ahead]
    await deliveries.add([delivery("new", due_at=after + timedelta(seconds=1))])
    assert 1 in [await deliveries.make_due(NOW, after=after, limit=3) for _ in range(3)]


async def test_a_recorded_attempt_sets_what_follows(deliveries: DeliveryStore) -> None:
    await deliveries.add([delivery()])
    await claimed(deliveries, delivery())
    failed, retry_at = attempt(error="status"), NOW + timedelta(minutes=5)
    await deliveries.record_attempt(delivery(), "token", failed, retry_at)
    row = await found(deliveries)
    assert (row.state, row.failures, row.due_at, row.claim, row.attempts) == (
        "pending",
        1,
        retry_at,
        None,
        (failed,),
    )
    await deliveries.claim(row, now=retry_at, until=retry_at + LEASE, token="next")
    await deliveries.record_attempt(row, "next", attempt(2), None)
    row = await found(deliveries)
    assert (row.state, row.failures, row.due_at, len(row.attempts)) == ("delivered", 0, None, 2)


async def test_an_attempt_after_its_claim_is_kept_and_changes_nothing_else(
    deliveries: DeliveryStore,
) -> None:
    await deliveries.add([delivery()])
    await deliveries.record_attempt(delivery(), "lost", attempt(), None)
    assert await found(deliveries) == delivery(attempts=(attempt(),))
    await deliveries.erase_generation("prj-1", ["ep-1"], "g-1", NOW)
    await deliveries.record_attempt(delivery(), "lost", attempt(2), None)
    row = await found(deliveries)
    assert (row.state, [one.response for one in row.attempts]) == ("skipped", ["", ""])


async def test_the_newest_attempts_are_kept(deliveries: DeliveryStore) -> None:
    await deliveries.add([delivery()])
    for number in range(1, MOST_ATTEMPTS + 3):
        row = await deliveries.resend("prj-1", "ep-1", "msg_1", NOW)
        assert row is not None
        assert row.next_number == number
        assert await claimed(deliveries, row)
        await deliveries.record_attempt(row, TOKEN, attempt(number, error="status"), None)
    kept = (await found(deliveries)).attempts
    assert [one.number for one in kept] == list(range(3, MOST_ATTEMPTS + 3))


async def test_earlier_lists_pending_ordered_deliveries_of_the_queue_without_attempts(
    deliveries: DeliveryStore,
) -> None:
    await deliveries.add(
        [
            delivery("one", version=1, attempts=(attempt(),)),
            delivery("ended", version=2, state="delivered"),
            delivery("resent", version=3, unordered=True),
            delivery("elsewhere", version=4, generation="g-2"),
            delivery("other endpoint", version=5, endpoint="ep-2"),
            delivery("later", version=7),
        ]
    )
    earlier = await deliveries.earlier(delivery("this", version=6))
    assert [(row.id, row.attempts) for row in earlier] == [("one", ())]


async def test_a_postponed_delivery_is_woken_or_becomes_due(deliveries: DeliveryStore) -> None:
    await deliveries.add([delivery(), delivery("msg_2", generation="g-2")])
    for name in ("msg_1", "msg_2"):
        row = await found(deliveries, name)
        await claimed(deliveries, row)
        await deliveries.postpone(row, "stale", NOW)
        assert (await found(deliveries, name)).claim == "token"
        await deliveries.postpone(row, "token", NOW + LEASE)
    assert await due(deliveries) == []
    await deliveries.wake(delivery("earlier"), NOW)
    assert await due(deliveries) == ["msg_1"]
    assert await due(deliveries, NOW + LEASE) == ["msg_1", "msg_2"]


async def test_waking_does_not_make_a_delivery_due_that_was_postponed_and_is_claimed_again(
    deliveries: DeliveryStore,
) -> None:
    await deliveries.add([delivery()])
    await claimed(deliveries, delivery())
    await deliveries.postpone(delivery(), TOKEN, NOW)
    assert await claimed(deliveries, delivery(), token="second")
    await deliveries.wake(delivery("earlier"), NOW)
    assert await due(deliveries) == []
    assert (await found(deliveries)).claim == "second"


async def test_waking_changes_no_claimed_and_no_retried_delivery(deliveries: DeliveryStore) -> None:
    retry_at = NOW + timedelta(hours=1)
    await deliveries.add([delivery(), delivery("retried", due_at=retry_at)])
    await claimed(deliveries, delivery())
    await deliveries.wake(delivery("other"), NOW)
    assert await due(deliveries) == []
    assert (await found(deliveries, "retried")).due_at == retry_at


async def test_a_response_gone_is_found_in_the_queue_and_since_a_restart(deliveries: DeliveryStore) -> None:
    gone = delivery("gone", state="failed", reason="gone", due_at=None, attempts=(attempt(error="gone"),))
    await deliveries.add([gone])
    assert await deliveries.is_gone(delivery())
    assert not await deliveries.is_gone(delivery(generation="g-2"))
    assert await deliveries.is_gone(delivery(restarted_at=NOW))
    assert not await deliveries.is_gone(delivery(restarted_at=NOW + LEASE))


@pytest.mark.parametrize(
    ("reason", "host", "response"), [("endpoint_removed", "host-1", "response"), ("user_deleted", "", "")]
)
async def test_a_skipped_delivery_of_a_deleted_owner_keeps_neither_host_nor_response(
    deliveries: DeliveryStore, reason: Any, host: str, response: str
) -> None:
    await deliveries.add([delivery(attempts=(attempt(),))])
    await deliveries.skip(delivery(), "not claimed", reason)
    assert (await found(deliveries)).state == "pending"
    await claimed(deliveries, delivery())
    await deliveries.skip(delivery(), "token", reason)
    row = await found(deliveries)
    assert (row.state, row.reason, row.due_at, row.claim) == ("skipped", reason, None, None)
    assert (row.host, row.attempts[0].response) == (host, response)


async def test_pages_list_the_newest_first(deliveries: DeliveryStore) -> None:
    rows = [delivery(f"msg_{n}", created_at=NOW + timedelta(seconds=n // 2)) for n in range(5)]
    await deliveries.add([*rows, delivery("foreign", endpoint="ep-2"), delivery("other", project="prj-2")])

    async def page(before: str | None = None, **chosen: Any) -> list[str] | None:
        listed = await deliveries.page("prj-1", "ep-1", DeliveryFilter(**chosen), before=before, limit=3)
        return None if listed is None else [row.id for row in listed]

    assert await page() == ["msg_4", "msg_3", "msg_2"]
    assert await page(before="msg_2") == ["msg_1", "msg_0"]
    assert await page(states=["failed"]) == []
    assert await page(states=["pending"], ids=["msg_1", "foreign"]) == ["msg_1"]
    assert await page(before="foreign") is None


async def test_a_resend_restarts_one_delivery_unordered(deliveries: DeliveryStore) -> None:
    ended = delivery(state="failed", reason="exhausted", due_at=None, failures=10, attempts=(attempt(),))
    await deliveries.add([ended])
    again = await deliveries.resend("prj-1", "ep-1", "msg_1", NOW)
    assert again == await found(deliveries)
    assert again == delivery(attempts=(attempt(),), unordered=True, restarted_at=NOW)
    assert await deliveries.resend("prj-2", "ep-1", "msg_1", NOW) is None


async def test_recovery_restarts_what_failed_or_was_skipped_since(deliveries: DeliveryStore) -> None:
    before = NOW - timedelta(seconds=1)
    await deliveries.add(
        [
            delivery("failed", state="failed", reason="exhausted", due_at=None, unordered=True),
            delivery("skipped", state="skipped", reason="gone", due_at=None),
            delivery("old", state="failed", event_time=before),
            delivery("example", state="failed", example=True),
            delivery("delivered", state="delivered"),
        ]
    )
    assert await deliveries.restart("prj-1", "ep-1", DeliveryFilter(states=NOT_DELIVERED, since=NOW), NOW) == 2
    assert sorted(await due(deliveries)) == ["failed", "skipped"]
    assert await found(deliveries, "failed") == delivery("failed", restarted_at=NOW)
    assert await deliveries.restart("prj-1", "ep-1", DeliveryFilter(states=NOT_DELIVERED, since=NOW), NOW) == 0


async def test_all_pending_deliveries_of_an_endpoint_or_a_generation_are_skipped(
    deliveries: DeliveryStore,
) -> None:
    await deliveries.add(
        [delivery(), delivery("msg_2", generation="g-2"), delivery("done", state="delivered", due_at=None)]
    )
    assert await deliveries.skip_all("ep-1", "gone", generation="g-1") == 1
    assert (await found(deliveries)).reason == "gone"
    assert await deliveries.skip_all("ep-1", "endpoint_disabled") == 1
    assert (await found(deliveries, "msg_2")).reason == "endpoint_disabled"
    assert (await found(deliveries, "done")).state == "delivered"


async def test_a_new_host_counts_for_all_but_forgotten_deliveries(deliveries: DeliveryStore) -> None:
    await deliveries.add([delivery(), delivery("forgotten", host="")])
    await deliveries.set_host("prj-1", "ep-1", "host-2")
    assert (await found(deliveries)).host == "host-2"
    assert (await found(deliveries, "forgotten")).host == ""
    pairs = frozenset({pair_of("prj-1", "host-2")})
    assert await due(deliveries, excluding=AtLimit(pairs=pairs)) == ["forgotten"]


async def test_forgetting_a_generation_ends_its_deliveries_and_wakes_its_erasure(
    deliveries: DeliveryStore,
) -> None:
    erased = delivery("erased", version=9, type="generation.erased")
    sent = delivery("sent", state="delivered", due_at=None, attempts=(attempt(),))
    await deliveries.add([delivery(), sent, erased, delivery("other", generation="g-2")])
    await claimed(deliveries, erased)
    await deliveries.postpone(erased, "token", NOW + LEASE)
    for _ in range(2):
        await deliveries.erase_generation("prj-1", ["ep-1", "ep-2"], "g-1", NOW)
    row = await found(deliveries)
    assert (row.state, row.reason, row.host) == ("skipped", "generation_deleted", "")
    row = await found(deliveries, "sent")
    assert (row.state, row.host, row.attempts[0].response) == ("delivered", "", "")
    assert await found(deliveries, "erased") == erased
    assert sorted(await due(deliveries)) == ["erased", "other"]


async def test_erasing_an_endpoint_deletes_its_deliveries(deliveries: DeliveryStore) -> None:
    await deliveries.add([delivery(), delivery("other", endpoint="ep-2")])
    await deliveries.erase("ep-1")
    assert await deliveries.get("prj-1", "ep-1", "msg_1") is None
    assert await deliveries.get("prj-1", "ep-2", "other") is not None


async def test_stats_count_states_and_attempts(deliveries: DeliveryStore) -> None:
    assert await deliveries.stats("prj-1", "ep-1", since=NOW) == Stats()
    attempts = (attempt(1, error="status", milliseconds=60), attempt(2), attempt(3, error="timeout"))
    old = delivery("old", created_at=NOW - LEASE, attempts=attempts)
    await deliveries.add([old, delivery(attempts=attempts), delivery("msg_2", state="failed")])
    stats = await deliveries.stats("prj-1", "ep-1", since=NOW)
    assert dict(stats.states) == {"pending": 1, "failed": 1}
    assert stats.attempts == 3
    assert stats.mean_milliseconds == pytest.approx(140 / 3)
    assert stats.last_success_at == NOW + timedelta(seconds=2)
    assert stats.last_failure_at == NOW + timedelta(seconds=3)


FILTERS: dict[str, tuple[DeliveryFilter, set[str]]] = {
    "any": (DeliveryFilter(), {"failed", "skipped", "delivered", "other"}),
    "states": (DeliveryFilter(states=["delivered"]), {"delivered"}),
    "pending": (DeliveryFilter(states=["pending"]), set()),
    "types": (DeliveryFilter(types=["generation.failed"]), {"other"}),
    "generations": (DeliveryFilter(generations=["g-2"]), {"other"}),
    "no generation": (DeliveryFilter(generations=[]), set()),
    "ids": (DeliveryFilter(ids=["failed", "waiting", "foreign"]), {"failed"}),
    "since": (DeliveryFilter(since=NOW), {"failed", "skipped", "delivered"}),
    "before": (DeliveryFilter(before=NOW), {"other"}),
    "several": (DeliveryFilter(states=NOT_DELIVERED, since=NOW, types=["generation.started"]), {"failed", "skipped"}),
}


@pytest.mark.parametrize(("chosen", "ids"), FILTERS.values(), ids=FILTERS)
async def test_what_a_filter_includes_is_counted_and_then_restarted(
    deliveries: DeliveryStore, chosen: DeliveryFilter, ids: set[str]
) -> None:
    early, other = NOW - timedelta(seconds=1), {"generation": "g-2", "type": "generation.failed"}
    await deliveries.add(
        [
            delivery("failed", state="failed", reason="exhausted", due_at=None),
            delivery("skipped", state="skipped", reason="gone", due_at=None),
            delivery("delivered", state="delivered", due_at=None),
            delivery("other", state="failed", due_at=None, event_time=early, **other),
            delivery("waiting", due_at=NOW + timedelta(hours=1)),
            delivery("example", state="failed", due_at=None, example=True),
            delivery("erased", state="skipped", reason="generation_deleted", due_at=None),
            delivery("foreign", endpoint="ep-2", state="failed", due_at=None),
        ]
    )
    assert await deliveries.count("prj-1", "ep-1", chosen) == len(ids)
    assert await due(deliveries) == []
    assert await deliveries.restart("prj-1", "ep-1", chosen, NOW) == len(ids)
    assert set(await due(deliveries)) == ids
    assert await deliveries.states(["failed", "waiting", "unknown"]) == {
        "failed": "pending" if "failed" in ids else "failed",
        "waiting": "pending",
    }
