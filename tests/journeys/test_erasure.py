"""After an erasure nothing is left of texts and pictures, and every proof holds."""

import gzip
from collections.abc import AsyncIterator, Collection, Iterator, Sequence
from functools import partial
from pathlib import Path

import pika
import pytest
import pytest_asyncio
from pymongo import MongoClient

from events.owner import GenerationErased
from exemplar.local.mongod import Mongod
from tests.journeys.erasure_scene import COPIES, Scene, erase, export, opened_scene, overwrite, populate, search
from tests.journeys.invariants import history
from tests.journeys.marked import MarkedGeneration
from tests.journeys.searched import pictures_of
from tests.systems.needles import Needles, new_word
from tests.systems.remains import Found
from tests.systems.servers import Servers, started
from tests.systems.signing import key_of
from tests.systems.tenants import ONE, fetch

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(1200)]


@pytest.fixture(scope="module")
def servers(
    mongod_installed: None, rabbitmq_installed: None, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Servers]:
    with pytest.MonkeyPatch.context() as patch:
        usual = Mongod._arguments
        patch.setattr(Mongod, "_arguments", lambda server: _with_small_oplog(usual(server)))
        with started(Servers(tmp_path_factory.mktemp("erasure") / "servers")) as servers:
            yield servers


def _with_small_oplog(usual: Sequence[str]) -> tuple[str, ...]:
    """Let less be overwritten and searched, and free the old part every second instead of every minute."""
    arguments = [*usual, "--syncdelay", "1"]
    arguments[arguments.index("--oplogSize") + 1] = "16"
    return tuple(arguments)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def scene(servers: Servers) -> AsyncIterator[Scene]:
    home = servers.mongod.data.parents[1]
    async with opened_scene(home, servers) as scene:
        await populate(scene)
        code, note = await scene.exemplar("audit", "checkpoint")
        assert code == 0, note
        (home / "kept.txt").write_text(note)
        scene.kept_before, scene.shown_before = await search(scene, Needles(scene.erased))
        scene.answers["receipt"] = await one_of(scene, "receipt")
        scene.answers["picture"] = await one_of(scene, "images/0?receipt=embedded")
        tagged = [await pictures_of(scene.session, base, first_of(scene)) for base in scene.gateways]
        scene.answers["etags"] = {one.headers["ETag"] for answers in tagged for one in answers}
        await erase(scene)
        await export(scene)
        await overwrite(scene)
        plant(scene)
        wanted = {**scene.erased, **scene.not_erased, **scene.planted}
        scene.kept_after, scene.shown_after = await search(scene, Needles(wanted), times=2)
        yield scene


def plant(scene: Scene) -> None:
    """Put a word in a queue, in a log, and compressed in a collection."""
    texts = [scene.planted.setdefault(f"planted in {kept}", new_word("planted")) for kept in ("queue", "log", "blob")]
    with pika.BlockingConnection(pika.URLParameters(scene.servers.rabbit.url)) as connection:
        connection.channel().basic_publish("", COPIES, texts[0].encode())
    with (scene.system.log_file("worker")).open("a") as log:
        log.write(texts[1])
    with MongoClient[dict[str, object]](scene.servers.mongod.url) as client:
        client["exemplar"]["planted"].insert_one({"data": gzip.compress(texts[2].encode())})


async def one_of(scene: Scene, below: str) -> bytes:
    """Return what the owner of the first generation reads below it."""
    answer = await scene.users[0].tenant.get(f"{ONE}/{first_of(scene).id}/{below}")
    assert answer.status == 200, answer.data
    return answer.data


def first_of(scene: Scene) -> MarkedGeneration:
    return scene.users[0].generations[0]


async def test_the_search_finds_every_mark_before(scene: Scene) -> None:
    found = set[str]().union(*scene.kept_before.values())
    assert found == set(scene.erased)
    collections = {"personal_data", "blobs", "users", "projects", "webhook_endpoints", "webhook_deliveries"}
    assert {f"exemplar.{name}" for name in collections} | {"local.oplog.rs"} <= set(scene.kept_before)
    assert any(source.startswith("system/sandbox/predictions.sqlite") for source in scene.kept_before)
    shown = set[str]().union(*scene.shown_before.values())
    assert {f"one: {source}" for source in ("prompt", "value", "file", "hook", "example", "result", "answer")} <= shown


async def test_nothing_is_kept(scene: Scene) -> None:
    assert only(scene.erased, scene.kept_after) == {}


async def test_nothing_is_shown(scene: Scene) -> None:
    assert only(scene.erased, scene.shown_after) == {}


def only(names: Collection[str], found: Found) -> Found:
    """Leave out what was found of others."""
    return {source: kept for source, all_names in found.items() if (kept := all_names & {*names})}


async def test_what_was_not_erased_is_kept_and_shown(scene: Scene) -> None:
    kept_now = scene.kept_after
    assert set[str]().union(*kept_now.values()) >= set(scene.not_erased) - _gone_from_sandbox(scene)
    exported = set[str]().union(*(names for source, names in kept_now.items() if source.startswith("export/")))
    assert {"kept one: result", "other: result 0"} <= exported, "the export has the pictures that are left"
    shown = set[str]().union(*scene.shown_after.values())
    assert {"kept one: prompt", "kept one: result", "other: person", "other: prompt 0", "other: result 0"} <= shown


def _gone_from_sandbox(scene: Scene) -> set[str]:
    """Name the pictures that only the provider had."""
    return {name for name in scene.not_erased if "composed" in name}


async def test_no_cache_answers_for_an_erased_picture(scene: Scene) -> None:
    for base in scene.gateways:
        for etag in scene.answers["etags"]:
            for headers in ({}, {"If-None-Match": etag}, {"Range": "bytes=0-99"}):
                answers = await pictures_of(scene.session, base, first_of(scene), headers)
                assert {answer.status for answer in answers} <= {404, 410}


async def test_views_of_the_past_say_erased(scene: Scene) -> None:
    one, user, _, _ = scene.users
    for owner, made in ((one, one.generations[0]), *((user, made) for made in user.generations)):
        ask = partial(fetch, scene.session, scene.system.base_url, headers=owner.as_developer)
        answer = await ask(f"/api/v1/audit/generations/{made.id}?as_of=1")
        assert (answer.status, answer.body["state"]["personal_data"]) == (200, "erased")
        query = f"/api/v1/audit/events?generation_id={made.id}&personal_data=true"
        [requested, *_] = (await ask(query)).body["events"]
        assert requested["personal_data"] == {"state": "erased"}


async def test_each_erasure_names_who_and_why(scene: Scene) -> None:
    one, user, project, _ = scene.users
    [by_operator] = await _erasures(scene, one.generations[0])
    assert (by_operator[0], by_operator[1].model_dump(exclude_none=True)) == (
        "operator",
        {"grounds": {"reason": "complaint", "case": "C-1"}},
    )
    developer = f"developer-{user.tenant.developer}"
    async with scene.system.open_store() as store:
        events = [event for commit in await store.events.read(developer) for event in commit.events]
    [deleted] = [one for one in events if one.type == "developer.user_deleted"]
    assert deleted.cause.actor == f"developer:{user.tenant.developer}"
    for made in user.generations:
        [(actor, event, cause)] = await _erasures(scene, made)
        assert actor in ("actor:accounts", "actor:erasure")
        assert event.grounds is not None
        assert event.grounds.reason == "data_request"
        assert actor == "actor:erasure" or cause == deleted.id
    [(actor, event, _)] = await _erasures(scene, project.generations[0])
    assert event.grounds is not None
    assert (event.grounds.reason, actor in ("operator", "actor:accounts")) == ("legal", True)


async def _erasures(scene: Scene, made: MarkedGeneration) -> list[tuple[str, GenerationErased, str | None]]:
    recorded = [event for commit in await history(scene.system, made.id) for event in commit.events]
    return [
        (one.cause.actor, one.event, one.cause.causation_id)
        for one in recorded
        if isinstance(one.event, GenerationErased)
    ]


async def test_what_ran_is_cancelled_at_the_provider(scene: Scene) -> None:
    running = scene.users[1].generations[-1]
    types = [event.type for commit in await history(scene.system, running.id) for event in commit.events]
    assert types.index("generation.cancel_requested") < types.index("generation.failed")
    assert types.index("generation.failed") < types.index("generation.erased")


async def test_verification_stays_green_also_against_an_older_checkpoint(scene: Scene) -> None:
    code, printed = await scene.exemplar("audit", "verify", "--against", str(scene.home / "kept.txt"))
    assert code == 0, printed
    code, printed = await scene.exemplar("audit", "prove", f"generation-{first_of(scene).id}:1")
    assert code == 0, printed


async def test_receipts_from_before_stay_valid(scene: Scene, tmp_path: Path) -> None:
    embedded, receipt, plain = (tmp_path / name for name in ("embedded", "receipt.json", "plain"))
    embedded.write_bytes(scene.answers["picture"])
    receipt.write_bytes(scene.answers["receipt"])
    result = first_of(scene).pictures["result"]
    assert isinstance(result, bytes)
    plain.write_bytes(result)
    key = ("--key", str(key_of(scene.system).public))
    for arguments in ((str(embedded),), (str(plain), "--receipt", str(receipt))):
        code, printed = await scene.exemplar("audit", "check-receipt", *arguments, *key)
        assert code == 0, printed


async def test_the_search_that_finds_nothing_of_them_finds_what_is_planted(scene: Scene) -> None:
    found = only(scene.planted, scene.kept_after)
    assert set(scene.planted) == set[str]().union(*found.values())
    assert {f"queue {COPIES}", "exemplar.planted", "system/logs/worker.log"} <= set(found)
