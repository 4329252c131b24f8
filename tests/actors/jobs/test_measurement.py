"""What the scheduler measures of the whole system is what is there, and is read by indexes."""

from collections.abc import Callable, Mapping
from datetime import timedelta

from actors.jobs.measurement import measure_system
from actors.jobs.schedule import MEASUREMENT, scheduled_jobs
from actors.subscriptions import QUEUES
from domain.webhooks.delivery import delivery_of
from exemplar.metrics.catalogue import METRICS
from exemplar.metrics.prometheus import PrometheusMetrics
from rabbitmq.in_process_broker import InProcessBroker
from rabbitmq.topology import topology
from store.log.parking import Parked
from tests.actors.harness import Harness
from tests.builders.clock import Clock

LARGE = ("commits", "generations", "ledger", "log", "webhook_deliveries")
Read = Callable[..., float | None]


def measuring(harness: Harness, metrics: PrometheusMetrics) -> Harness:
    return harness.replace(metrics=metrics, publisher=InProcessBroker(topology(QUEUES)))


async def measured(harness: Harness) -> Read:
    metrics = PrometheusMetrics(METRICS)
    await measuring(harness, metrics).run_job(measure_system)

    def read(name: str, **labels: str) -> float | None:
        return metrics.registry.get_sample_value(f"exemplar_{name}", labels)

    return read


async def test_an_empty_system_has_nothing_to_tell_but_zeros(harness: Harness) -> None:
    read = await measured(harness)
    for name in ("log_position", "sealing_lag_seconds", "dead_letters", "quota_holds", "controls"):
        assert read(name) == 0
    assert read("parked_events", subscriber="delivery") == 0
    assert read("generation_oldest_age_seconds", state="requested") == 0
    assert read("webhook_backlog", age="over_10m") == 0
    assert read("queue_workers", queue="completion") == 1
    assert read("provider_paused", reason="provider_unauthorized") == 0
    assert (read("mongodb_disk_size_bytes") or 0) > (read("mongodb_storage_bytes") or 0) > 0


async def test_what_waits_is_told_with_its_age(harness: Harness, clock: Clock) -> None:
    for name in ("one", "two"):
        await harness.request(name)
    await harness.project("one", "two")
    await harness.store.parking.park(
        Parked(subscriber="usage", position=1, commit="s:1", error="E", tries=1, since=clock(), due_at=clock())
    )
    [event] = await harness.events("one")
    later = clock() + timedelta(days=1)
    delivery = delivery_of(event, "wh-1", ("dev-1", "prj-1"), host="h", now=clock(), expire_at=later, user="usr-1")
    await harness.dependencies.get("deliveries").add([delivery])
    clock.forward(minutes=3)
    read = await measured(harness)
    assert read("generations_unfinished", state="requested") == 2
    assert 180 <= (read("generation_oldest_age_seconds", state="requested") or 0) < 240
    assert 180 <= (read("sealing_lag_seconds") or 0) < 240
    assert read("quota_holds") == 2
    assert 180 <= (read("quota_hold_oldest_age_seconds") or 0) < 240
    assert read("parked_events", subscriber="usage") == 1
    assert [read("webhook_backlog", age=age) for age in ("scheduled", "under_1m", "under_10m")] == [0, 0, 1]


async def test_the_log_and_its_subscribers_are_told(harness: Harness) -> None:
    await harness.request("one")
    await harness.store.sealed_log.seal()
    read = await measured(harness)
    assert (read("log_position"), read("subscriber_lag_commits", subscriber="usage")) == (1, 1)
    await harness.catch_up("usage")
    read = await measured(harness)
    assert [read("subscriber_lag_commits", subscriber=name) for name in ("usage", "delivery")] == [0, 1]


async def test_no_large_collection_is_read_without_an_index(harness: Harness) -> None:
    await harness.request("one")
    database = harness.store.database
    await database.command("profile", 2)
    await measured(harness)
    await database.command("profile", 0)
    plans = await database["system.profile"].find({"planSummary": {"$exists": True}}).to_list(None)
    read = [(plan["ns"].partition(".")[2], plan["planSummary"]) for plan in plans]
    await database["system.profile"].drop()
    assert {name for name, _ in read} >= set(LARGE)
    assert [one for one in read if one[0] in LARGE and "COLLSCAN" in one[1]] == []


def test_the_job_runs_where_metrics_are_enabled() -> None:
    def bind(function: Callable[..., object], *, given: object = ()) -> Callable[..., object]:
        return lambda **_: bound

    class Bound:
        name = "bound"
        run = staticmethod(lambda: None)

    bound = Bound()
    names: Mapping[bool, list[str]] = {
        False: [job.name for job in scheduled_jobs(bind)],
        True: [job.name for job in scheduled_jobs(bind, PrometheusMetrics(METRICS))],
    }
    assert MEASUREMENT.name not in names[False]
    assert MEASUREMENT.name in names[True]
