"""The scheduler's job, without the rest of the scheduler."""

import base64
from types import SimpleNamespace
from typing import Any, cast

import pytest
from structlog.testing import capture_logs

from actors.jobs.desk import Desk
from actors.jobs.schedule import JOBS
from actors.jobs.sealing import checkpoint
from domain.audit.checkpoint_key import CheckpointSettings
from exemplar.local.secrets_file import Secrets
from tests.store.audit.conftest import Archive


def desk_with(archive: Archive, **settings: Any) -> Desk:
    """Make as much of a desk as the job looks at."""
    signing = CheckpointSettings.model_validate(settings)
    checkpoints = archive.store.checkpointer(signing, archive.tick)
    return cast("Desk", SimpleNamespace(checkpoints=checkpoints))


@pytest.fixture
def desk(archive: Archive) -> Desk:
    return desk_with(archive, checkpoint_key=Secrets().checkpoint_key)


def test_the_log_is_signed_every_minute() -> None:
    assert [job.period for job in JOBS if job.run is checkpoint] == [60.0]


async def test_the_job_signs_what_is_new(archive: Archive, desk: Desk) -> None:
    assert await checkpoint(desk) == 0
    await archive.fill()
    assert [await checkpoint(desk), await checkpoint(desk)] == [9, 0]
    assert await archive.signed_sizes() == [9]


async def test_a_contradiction_is_an_alarm_and_nothing_is_written(archive: Archive, desk: Desk) -> None:
    await archive.fill()
    await checkpoint(desk)
    await archive.database["log"].delete_many({"_id": {"$gt": 7}})
    with capture_logs() as logs:
        assert await checkpoint(desk) == 0
    assert [(line["log_level"], line["event"]) for line in logs] == [
        ("critical", "the log contradicts its checkpoints")
    ]
    assert await archive.signed_sizes() == [9]


async def test_without_a_key_one_line_says_that_checkpoints_are_off(archive: Archive) -> None:
    await archive.fill()
    with capture_logs() as logs:
        desk = desk_with(archive, checkpoint_key=None)
        assert [await checkpoint(desk), await checkpoint(desk)] == [0, 0]
    assert [line["event"] for line in logs] == ["checkpoints_disabled"]
    assert await archive.signed_sizes() == []


def test_the_key_that_exemplar_up_makes_is_a_seed_and_is_not_shown() -> None:
    secrets = Secrets()
    assert len(base64.b64decode(secrets.checkpoint_key)) == 32
    assert secrets.checkpoint_key not in repr(secrets)
    assert Secrets().checkpoint_key != secrets.checkpoint_key
