"""Checks of the servers: gateway, MongoDB, RabbitMQ, scheduler, and their clocks."""

from collections.abc import AsyncIterator, Callable
from datetime import datetime
from pathlib import Path
from typing import Final

from events.envelope import parse_time
from exemplar.commands.store_access import open_store
from exemplar.diagnosis.database_checks import collections_with_validator, judge_validators
from exemplar.diagnosis.deployment import Deployment
from exemplar.diagnosis.finding import Finding, fault, ok, warning
from exemplar.diagnosis.health import Health, read_health
from exemplar.diagnosis.status_report import StatusReport, collect_of
from exemplar.environment import ConfigurationError
from store.errors import DataFormatError
from store.mongo.safe_now import ServerTime

_ODD_S: Final = 2.0
_WRONG_S: Final = 60.0


async def server_findings(
    deployment: Deployment, home: Path | None, *, clock: Callable[[], datetime], version: str
) -> AsyncIterator[Finding]:
    """Check every server of a system that runs."""
    if deployment.kind in ("stopped", "none"):
        yield warning("servers", f"{deployment.name}: nothing runs", "make run (or: exemplar up)")
        return
    health = await read_health(deployment.url or "")
    yield judge_gateway(health, deployment, version)
    if "timestamp" in health.body:
        yield judge_clock("the gateway", parse_time(health.body["timestamp"]), clock())
    try:
        async with open_store(home, holder="doctor") as store:
            server_time: ServerTime = store.get("server_time")
            yield judge_clock("MongoDB", await server_time(), clock())
            for finding in judge_report(await collect_of(store, deployment)):
                yield finding
            for finding in judge_validators(await store.call(collections_with_validator)):
                yield finding
    except (ConfigurationError, DataFormatError) as error:
        yield fault("MongoDB", str(error), _start(deployment, "MongoDB"))


def judge_gateway(health: Health, deployment: Deployment, version: str) -> Finding:
    """Judge what the gateway says of itself."""
    if health.fault:
        return fault("gateway", f"{deployment.url}: {health.fault}", _start(deployment, "exemplar gateway"))
    if health.status != "healthy":
        return fault("gateway", f"{deployment.url} is {health.status}", "see its database below; read its log")
    if health.body["version"] != version:
        told = f"{deployment.url} is version {health.body['version']}, this command {version}"
        return warning("gateway", told, "restart it after an update; use the command of the same version")
    database = health.body.get("database", {}).get("version", "of unknown version")
    return ok("gateway", f"{deployment.url} is healthy, its MongoDB is {database}")


def judge_clock(whose: str, theirs: datetime, ours: datetime) -> Finding:
    """Judge the difference of two clocks."""
    seconds = (theirs - ours).total_seconds()
    told = f"the clock of {whose} is {abs(seconds):.1f} s {'ahead of' if seconds > 0 else 'behind'} this machine's"
    if abs(seconds) < _ODD_S:
        return ok("clocks", told)
    remedy = "synchronize both: timedatectl set-ntp true"
    return warning("clocks", told, remedy) if abs(seconds) < _WRONG_S else fault("clocks", told, remedy)


def judge_report(report: StatusReport) -> list[Finding]:
    """Judge queues, workers, scheduler and failed work."""
    findings = [ok("MongoDB", f"it answers; the log has {report.subscribers.head} positions")]
    if report.broker_fault:
        findings.append(fault("RabbitMQ", report.broker_fault, "start it, then check EXEMPLAR_AMQP_URL"))
    elif report.queues:
        waiting = sum(depth.messages for depth in report.queues.values())
        findings.append(ok("RabbitMQ", f"{len(report.queues)} queues, {waiting} messages wait"))
    findings += [fault("provider", *_parts(concern)) for concern in report.concerns("provider")]
    findings += [warning("work", *_parts(concern)) for concern in report.concerns("workers", "scheduler", "failed")]
    return findings


def _parts(concern: str) -> tuple[str, str]:
    """Divide a concern into what is wrong and what to do."""
    told, _, remedy = concern.partition(": ")
    return told, remedy


def _start(deployment: Deployment, what: str) -> str:
    return "make run" if deployment.kind == "running" else f"start it: {what}"
