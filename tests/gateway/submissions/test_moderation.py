"""Input is refused before anything is held: by words, by a classifier, and when nobody can judge."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from aiohttp import FormData, web
from aiohttp.test_utils import TestClient, TestServer

from exemplar.environment import ConfigurationError
from exemplar.gateway_wiring import create_gateway
from gateway.moderation import word_list_file
from gateway.moderation.settings import ModerationSettings
from tests.systems.documented import documented
from tests.systems.gateway import gateway_dependencies
from tests.systems.gateway_harness import ONE, GatewayHarness, Person, answered

pytestmark = pytest.mark.asyncio(loop_scope="module")

GENERATE = "/api/v1/generation/generate-v2"
REFUSED = "a heliotrope walrus"
Client = TestClient[web.Request, web.Application]


@asynccontextmanager
async def moderated(gateway: GatewayHarness, **chosen: object) -> AsyncIterator[Client]:
    """Serve one more gateway on the store, with settings of the moderation."""
    settings = ModerationSettings.model_validate(chosen)
    dependencies = gateway_dependencies(gateway.store, gateway.clock, moderation_settings=settings)
    async with TestClient(TestServer(documented(create_gateway(dependencies)))) as client:
        yield client


class ClassifierServer:
    """A classifier that flags walruses; `answer` replaces what it says, and None lets it hang."""

    def __init__(self) -> None:
        self.asked: list[tuple[Any, str | None]] = []
        self.answer: tuple[int, str] | None = (200, "")

    async def judge(self, request: web.Request) -> web.Response:
        body = await request.json()
        self.asked.append((body, request.headers.get("Authorization")))
        if self.answer is None:
            await asyncio.sleep(60)
        status, text = self.answer or (200, "")
        flagged = {"results": [{"flagged": "walrus" in body["input"]}]}
        return web.Response(status=status, text=text or json.dumps(flagged), content_type="application/json")


@asynccontextmanager
async def classifier() -> AsyncIterator[tuple[ClassifierServer, str]]:
    made, app = ClassifierServer(), web.Application()
    app.router.add_post("/moderations", made.judge)
    async with TestServer(app) as server:
        yield made, str(server.make_url("/moderations"))


async def submit(
    client: Client, gateway: GatewayHarness, person: Person, prompt: str, query: str = "", **more: str
) -> tuple[int, Any]:
    form = FormData()
    form.add_field("example_images", gateway.picture, filename="a.jpg")
    form.add_field("instructions", json.dumps({"prompt": prompt, "negative_prompt": "walrus", **more}))
    return await answered(await client.post(GENERATE + query, data=form, headers=person.headers))


def code(answer: tuple[int, Any]) -> tuple[int, str | None]:
    return answer[0], answer[1].get("code")


async def test_refused_words_hold_store_and_log_nothing(
    gateway: GatewayHarness, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "words.txt"
    file.write_text("# animals\nwalrus*\n", encoding="utf-8")
    person = await gateway.person(await gateway.owned_project(await gateway.owner("cloud_starter")))
    async with moderated(gateway, word_list=file) as client:
        before = await gateway.store.database["personal_data"].count_documents({})
        for query in ("", "?dry_run=true"):
            refused = await submit(client, gateway, person, REFUSED, query)
            assert code(refused) == (422, "content_refused")
            assert refused[1]["errors"] == [
                {"loc": ["body", "instructions"], "code": "content_refused", "msg": refused[1]["detail"]}
            ]
        assert code(await submit(client, gateway, person, "a cat", style="walruses")) == (422, "content_refused")
        assert await gateway.store.database["personal_data"].count_documents({}) == before
        said = "".join(capsys.readouterr())
        assert "content_refused" in said
        assert "walrus" not in said
        assert (await submit(client, gateway, person, "a cat", "?dry_run=true"))[1]["quota"]["used"] == 1
        assert code(await submit(client, gateway, person, "a cat")) == (202, None)


async def test_a_changed_list_is_read_and_a_wrong_one_is_not(
    gateway: GatewayHarness, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(word_list_file, "CHECK_EVERY", 0.0)
    file = tmp_path / "words.txt"
    file.write_text("walrus", encoding="utf-8")
    person = await gateway.person()
    async with moderated(gateway, word_list=file) as client:
        assert code(await submit(client, gateway, person, REFUSED))[0] == 422
        for wrong in ("***", "caf\xe9"):
            file.write_bytes(wrong.encode("latin-1"))
            assert code(await submit(client, gateway, person, REFUSED))[0] == 422
        file.write_text("dragon", encoding="utf-8")
        assert code(await submit(client, gateway, person, REFUSED))[0] == 202
        file.unlink()
        assert code(await submit(client, gateway, person, "a dragon"))[0] == 422
    with pytest.raises(ConfigurationError, match="EXEMPLAR_MODERATION_WORD_LIST"):
        async with moderated(gateway, word_list=file):
            pass


async def test_a_classifier_judges_the_prompt_alone(gateway: GatewayHarness) -> None:
    person = await gateway.person()
    async with classifier() as (server, url), moderated(gateway, url=url, token="secret-of-it") as client:
        assert code(await submit(client, gateway, person, REFUSED)) == (422, "content_refused")
        assert code(await submit(client, gateway, person, "a cat", style="ink")) == (202, None)
        assert server.asked == [
            ({"input": REFUSED}, "Bearer secret-of-it"),
            ({"input": "a cat, style: ink"}, "Bearer secret-of-it"),
        ]


@pytest.mark.parametrize(
    "answer", [None, (500, ""), (302, ""), (200, "[]"), (200, "nonsense"), (200, '{"flagged": "no"}'), (200, "{}")]
)
@pytest.mark.parametrize(("failure", "expected"), [("refuse", (503, "moderation_unavailable")), ("allow", (202, None))])
async def test_without_an_answer_the_operators_choice_counts(
    gateway: GatewayHarness, answer: tuple[int, str] | None, failure: str, expected: tuple[int, str | None]
) -> None:
    person = await gateway.person()
    async with (
        classifier() as (server, url),
        moderated(gateway, url=url, failure=failure, timeout=0.2 if answer is None else 5) as client,
    ):
        server.answer = answer
        assert code(await submit(client, gateway, person, "a cat")) == expected


async def test_an_address_without_a_server_refuses_by_default(gateway: GatewayHarness) -> None:
    person = await gateway.person()
    async with moderated(gateway, url="http://127.0.0.1:9/moderations") as client:
        assert code(await submit(client, gateway, person, "a cat")) == (503, "moderation_unavailable")


async def test_a_retry_is_judged_and_a_repeat_of_an_accepted_request_is_not(
    gateway: GatewayHarness, tmp_path: Path
) -> None:
    file = tmp_path / "words.txt"
    file.write_text("walrus", encoding="utf-8")
    person = await gateway.person()
    headers = {**person.headers, "Idempotency-Key": "once"}
    status, made = await submit(gateway.client, gateway, Person(**{**vars(person), "headers": headers}), REFUSED)
    assert status == 202
    await gateway.project(made["id"])
    await gateway.complete(made["id"])
    async with moderated(gateway, word_list=file) as client:
        again = await submit(client, gateway, Person(**{**vars(person), "headers": headers}), REFUSED)
        assert (again[0], again[1]["id"]) == (202, made["id"])
        retried = await client.post(f"{ONE}/{made['id']}/retry", headers=person.headers)
        assert code(await answered(retried)) == (422, "content_refused")
