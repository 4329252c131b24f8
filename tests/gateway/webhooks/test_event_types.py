"""The catalogue of event types over HTTP."""

from collections.abc import AsyncIterator
from typing import Any

import jsonschema
import pytest

from events.catalogue import CATALOGUE
from gateway import event_types
from gateway.webhooks.checks import EVENT_TYPES
from tests.gateway.webhooks.api import Api, open_api
from tests.systems.webhook_system import WebhookSystem

TYPES = "/api/v1/event-types"


@pytest.fixture
async def api(system: WebhookSystem) -> AsyncIterator[Api]:
    async with open_api(system) as api:
        yield api


async def catalogue(api: Api) -> dict[str, dict[str, Any]]:
    response = await api.raw("GET", TYPES, None, {})
    assert response.status == 200
    return {row["name"]: row for row in response.body["event_types"]}


async def test_the_catalogue_names_every_type_with_schema_and_sample(api: Api) -> None:
    found = await catalogue(api)
    assert set(found) == set(CATALOGUE.names)
    for name, row in found.items():
        assert row["description"], name
        shown = row["sample"] if "feed" in row["subscribers"] else row["sample"]["data"]
        jsonschema.Draft202012Validator(row["schema"]).validate(shown)
        assert (await api("GET", f"{TYPES}/{name}")).body == row
    assert [name for name, row in found.items() if row["final"]] == ["generation.completed", "generation.failed"]


async def test_the_catalogue_is_serialised_once(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    paths = (TYPES, f"{TYPES}/generation.completed")
    first = [await api.raw("GET", path, None, {}) for path in paths]
    monkeypatch.setattr(event_types, "_write", None)
    assert [await api.raw("GET", path, None, {}) for path in paths] == first
    assert (await api.raw("GET", f"{TYPES}/nothing", None, {})).status == 404


async def test_the_catalogue_tells_who_may_subscribe(api: Api) -> None:
    found = await catalogue(api)
    assert {name for name, row in found.items() if "endpoint" in row["subscribers"]} == set(EVENT_TYPES)
    assert found["generation.completed"]["webhook_filters"] == ["completed", "output"]
    assert found["generation.completed"]["subscribers"]["request_webhook"] == ["end_user"]
    assert found["generation.validated"]["webhook_filters"] == []
    assert found["generation.quota_reserved"]["subscribers"] == {"log": ["developer", "auditor", "platform_operator"]}
    assert found["platform.staff_created"]["subscribers"] == {"log": ["auditor", "platform_operator"]}


async def test_schemas_have_addresses_of_their_own(api: Api) -> None:
    for row in (await catalogue(api)).values():
        for url in {row["schema_url"], row["log_schema_url"]}:
            async with api.harness.client.get(url) as answer:
                assert answer.status == 200
                assert answer.content_type == "application/schema+json"
                schema, known = await answer.json(content_type=None), {"If-None-Match": answer.headers["ETag"]}
                immutable = "immutable" in answer.headers["Cache-Control"]
            assert immutable is ("/log-schemas/" not in url)
            assert schema == row["schema"] or url != row["schema_url"]
            async with api.harness.client.get(url, headers=known) as answer:
                assert answer.status == 304


@pytest.mark.parametrize(
    "path",
    [
        "generation.imagined",
        "generation.completed/schemas/0",
        "generation.completed/schemas/999",
        "generation.completed/schemas/01",
        "generation.completed/log-schemas/999",
        "generation.quota_reserved/schemas/1",
    ],
)
async def test_what_there_is_not_gets_404(api: Api, path: str) -> None:
    assert (await api.raw("GET", f"{TYPES}/{path}", None, {})).status == 404
