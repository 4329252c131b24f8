"""The tables of the documents equal those of the code."""

from datetime import timedelta

import pytest
from pymongo import MongoClient

from actors.jobs.subscribers import SUBSCRIBERS
from domain.webhooks.delivery import AttemptError, EndReason
from domain.webhooks.retry_schedule import PAUSES
from store.adapters import prepare
from store.mongo.connection import open_database
from tests.docs import tables
from tests.docs.reading import ROOT, columns, table
from tests.docs.write_tables import COPIED_PICTURES
from tests.stores import settings_for

ARCHITECTURE, LIFECYCLE, WEBHOOKS = "docs/architecture.md", "docs/lifecycle.md", "docs/webhooks.md"


def test_the_lifecycle_names_every_state_with_its_public_status() -> None:
    assert columns(LIFECYCLE, "## States", 0, 1) == tables.statuses()


def test_the_lifecycle_lists_the_states_in_which_an_event_is_allowed() -> None:
    assert table(LIFECYCLE, "## Moves") == tables.moves()


def test_the_lifecycle_lists_every_failure_code_and_whether_to_retry() -> None:
    assert columns(LIFECYCLE, "## Reasons to fail", 0, 1) == tables.failures()


def test_the_lifecycle_lists_every_reason_to_wait() -> None:
    assert columns(LIFECYCLE, "## Why it is not finished yet", 0) == tables.reasons()


def test_the_lifecycle_lists_the_states_of_every_phase() -> None:
    assert columns(LIFECYCLE, "## Timings and cost", 0, 1) == tables.phases()


def test_the_error_table_has_every_code_with_its_status_sentence_cause_and_remedy() -> None:
    assert table("docs/errors.md", "## Codes") == tables.errors()


def test_the_webhooks_page_lists_every_failure_of_an_attempt() -> None:
    assert columns(WEBHOOKS, "## When it fails", 0) == tables.values(AttemptError)


def test_the_webhooks_page_lists_every_pause_between_attempts() -> None:
    text = " ".join((ROOT / WEBHOOKS).read_text().split())
    *pauses, last = tables.pauses()
    hours = sum(PAUSES, timedelta()) // timedelta(hours=1)
    assert f"Attempts are made at once, then after {', '.join(pauses)} and {last} (" in text
    assert f"ten over {hours} hours" in text
    assert len(PAUSES) == 10


def test_the_webhooks_page_lists_every_reason_why_a_delivery_has_ended() -> None:
    assert sorted(columns(WEBHOOKS, "### Why a delivery has ended", 0)) == sorted(tables.values(EndReason))


def test_the_architecture_lists_every_subscription() -> None:
    assert table(ARCHITECTURE, "### Subscriptions") == tables.subscriptions()


def test_the_architecture_lists_every_job_with_its_period() -> None:
    assert columns(ARCHITECTURE, "### Jobs", 0, 1) == tables.jobs()


def test_the_architecture_says_what_every_job_does() -> None:
    assert all(does for [does] in columns(ARCHITECTURE, "### Jobs", 2))


def test_the_architecture_lists_every_subscriber() -> None:
    assert columns(ARCHITECTURE, "### The sealed order", 0) == [[f"`{name}`"] for name in SUBSCRIBERS]


def test_the_architecture_names_the_writer_of_every_event() -> None:
    assert table(ARCHITECTURE, "### Who writes which event") == tables.writers()


async def test_the_architecture_lists_every_collection_with_its_indexes(unprepared_url: str) -> None:
    async with open_database(settings_for(unprepared_url)) as prepared:
        await prepare(prepared)
    with MongoClient[dict[str, object]](unprepared_url) as client:
        database = client.get_default_database()
        found = {name: database[name].index_information() for name in tables.collections()}
    assert columns(ARCHITECTURE, "## What MongoDB holds", 0, 3) == tables.indexes(found)


def test_the_settings_in_the_document_are_those_of_the_code() -> None:
    document = (ROOT / "docs/configuration.md").read_text()
    assert document.endswith(f"-->\n\n{tables.settings()}")


def test_the_example_environment_is_what_the_command_prints(capsys: pytest.CaptureFixture[str]) -> None:
    from exemplar.cli import print_settings

    print_settings()
    assert (ROOT / ".env.example").read_text() == capsys.readouterr().out


def test_the_console_has_the_pictures_of_the_documents() -> None:
    for picture, copy in COPIED_PICTURES.items():
        assert (ROOT / copy).read_bytes() == (ROOT / picture).read_bytes()
