"""The recurring jobs: name, period in seconds, function."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from typing import Any

from actors.jobs import invariants, measurement, row_rebuild
from actors.jobs.catch_up import CatchUp
from actors.jobs.dead_letters import replay_dead_letters
from actors.jobs.deadlines import expire
from actors.jobs.delivery_times import correct_delivery_times
from actors.jobs.holds import release_leaked_holds
from actors.jobs.late_predictions import find_late_predictions
from actors.jobs.orphans import erase_orphans
from actors.jobs.polling import poll
from actors.jobs.reconciliation import reconcile
from actors.jobs.redelivery import redeliver
from actors.jobs.retention import delete_old_personal_data, delete_old_pictures
from actors.jobs.sealing import checkpoint, seal
from actors.jobs.slots import call_waiting
from actors.jobs.subscribers import SUBSCRIBERS
from metrics.metrics import NO_METRICS, Metrics

SUBSCRIBER_PERIOD = 1.0


@dataclass(frozen=True, slots=True)
class Job:
    """A recurring job. Each has its own lease, so that many schedulers share the work.

    A `shared` job runs in all of them at once, because it claims its work piece by piece. A job that has found
    nothing for ten seconds runs every `idle_period` seconds, until it finds something.
    """

    name: str
    period: float
    run: Callable[..., Awaitable[int]]
    shared: bool = False
    idle_period: float | None = None


JOBS: tuple[Job, ...] = (
    Job("sealing", 0.5, seal, idle_period=1.0),
    Job("checkpoints", 60.0, checkpoint),
    Job("redelivery", 1.0, redeliver),
    Job("reconciliation", 2.0, reconcile),
    Job("late_predictions", 30.0, find_late_predictions),
    Job("polling", 1.0, poll),
    Job("deadlines", 5.0, expire),
    Job("webhooks", 0.25, lambda sender: sender.send_due(), shared=True, idle_period=1.0),
    Job("delivery_times", 30.0, correct_delivery_times),
    Job("dead_letters", 2.0, replay_dead_letters),
    Job("holds", 30.0, release_leaked_holds),
    Job("slots", 1.0, call_waiting),
    Job(invariants.NAME, 2.0, invariants.check_invariants),
    Job("drift_reports", 60.0, invariants.request_drift_report),
    Job(row_rebuild.NAME, 2.0, row_rebuild.rebuild_rows),
    Job("accounts", 5.0, lambda account_erasure: account_erasure.run()),
    Job("orphans", 300.0, erase_orphans),
    Job("retention", 3600.0, delete_old_pictures),
    Job("personal_data", 3600.0, delete_old_personal_data),
    Job("secrets", 600.0, lambda webhook_secrets: webhook_secrets.reencrypt()),
)


MEASUREMENT = Job(measurement.NAME, measurement.PERIOD, measurement.measure_system)
"""Runs where metrics are enabled."""


def scheduled_jobs(bind: Callable[..., Any], metrics: Metrics = NO_METRICS) -> list[Job]:
    """Bind every job, and a catch-up subscription for each subscriber, to what its function names."""
    jobs = (*JOBS, MEASUREMENT) if metrics.enabled else JOBS
    catch_up = bind(CatchUp, given=["name", "handle"])
    subscriptions = [
        catch_up(name=name, handle=bind(function, given=["entries"])) for name, function in SUBSCRIBERS.items()
    ]
    return [
        *(replace(job, run=bind(job.run)) for job in jobs),
        *(Job(f"subscriber:{one.name}", SUBSCRIBER_PERIOD, one.run, idle_period=2.0) for one in subscriptions),
    ]
