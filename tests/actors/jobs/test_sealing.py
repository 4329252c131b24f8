"""The scheduler's job, without the rest of the scheduler."""

import base64
from typing import Any

import pytest
from structlog.testing import capture_logs

from actors.jobs.schedule import JOBS
from actors.jobs.sealing import checkpoint
from exemplar.local.secrets_file import Secrets
from store.audit.checkpointing import Checkpointer, open_checkpointer
from store.audit.settings import CheckpointSettings
from tests.store.audit.conftest import AuditHarness


def checkpointer_with(audit_log: AuditHarness, **settings: Any) -> Checkpointer | None:
    signing = CheckpointSettings.model_validate(settings)
    return open_checkpointer(signing, audit_log.store.checkpoints, clock=audit_log.tick)


@pytest.fixture
def checkpointer(audit_log: AuditHarness) -> Checkpointer | None:
    return checkpointer_with(audit_log, checkpoint_key=Secrets().checkpoint_key)


def test_the_log_is_signed_every_minute() -> None:
    assert [job.period for job in JOBS if job.run is checkpoint] == [60.0]


async def test_the_job_signs_new_commits(audit_log: AuditHarness, checkpointer: Checkpointer | None) -> None:
    assert await checkpoint(checkpointer=checkpointer) == 0
    await audit_log.fill()
    assert [await checkpoint(checkpointer=checkpointer), await checkpoint(checkpointer=checkpointer)] == [
        9,
        0,
    ]
    assert await audit_log.signed_sizes() == [9]


async def test_a_contradiction_is_logged_as_critical_and_nothing_is_signed(
    audit_log: AuditHarness, checkpointer: Checkpointer | None
) -> None:
    await audit_log.fill()
    await checkpoint(checkpointer=checkpointer)
    await audit_log.database["log"].delete_many({"_id": {"$gt": 7}})
    with capture_logs() as logs:
        assert await checkpoint(checkpointer=checkpointer) == 0
    assert [(line["log_level"], line["event"]) for line in logs] == [("critical", "log_contradicts_checkpoints")]
    assert await audit_log.signed_sizes() == [9]


async def test_without_a_key_disabled_checkpoints_are_logged(audit_log: AuditHarness) -> None:
    await audit_log.fill()
    with capture_logs() as logs:
        checkpointer = checkpointer_with(audit_log, checkpoint_key=None)
        assert [await checkpoint(checkpointer=checkpointer), await checkpoint(checkpointer=checkpointer)] == [
            0,
            0,
        ]
    assert [line["event"] for line in logs] == ["checkpoints_disabled"]
    assert await audit_log.signed_sizes() == []


def test_the_generated_key_is_a_seed_and_is_not_shown() -> None:
    secrets = Secrets()
    assert len(base64.b64decode(secrets.checkpoint_key)) == 32
    assert secrets.checkpoint_key not in repr(secrets)
    assert Secrets().checkpoint_key != secrets.checkpoint_key
