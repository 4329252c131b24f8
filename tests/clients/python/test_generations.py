"""All calls of the client against a running system."""

import asyncio
import hashlib
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from exemplar_client import (
    ApiError,
    Client,
    FromExample,
    FromGeneration,
    InvalidRequestError,
    NotFoundError,
    Options,
    Source,
    UnfinishedError,
)
from tests.builders.pictures import SAMPLES
from tests.clients.faulty_proxy import FaultyProxy
from tests.clients.python.conftest import MakeClient
from tests.systems.signing import sign_log
from tests.systems.system import System
from tests.systems.tenants import small


def test_a_picture_is_generated_from_paths_and_bytes_and_downloaded(client: Client, tmp_path: Path) -> None:
    accepted = client.submit(
        [SAMPLES / "coffee.png", str(SAMPLES / "chelsea.png"), small()],
        {"prompt": "ein Café über den Dächern", "style": "watercolour"},
        metadata={"order": "7"},
    )
    assert not accepted.replayed
    generation = client.wait(accepted.id, timeout=60)
    assert (generation["status"], generation["metadata"]) == ("completed", {"order": "7"})
    assert "Café über" in generation["instructions"]
    picture = client.picture(accepted.id)
    assert picture.sha256 == hashlib.sha256(picture.content).hexdigest()
    target = client.download(accepted.id, tmp_path / "picture.png")
    assert target.read_bytes() == picture.content
    assert [path.name for path in tmp_path.iterdir()] == ["picture.png"]


def test_options_are_sent_and_a_dry_run_takes_them_too(client: Client, proxy: FaultyProxy) -> None:
    given = client.submit([small()], {"prompt": "a lighthouse"}).id
    client.wait(given, timeout=60)
    pictures: list[Source] = [FromGeneration(given), FromExample(given), small()]
    start_by = datetime.now(UTC) + timedelta(minutes=2)
    sent: Options = {
        "queue": True,
        "expected_hashes": [None, hashlib.sha256(small()).hexdigest()],
        "start_by": start_by,
        "cancel_after": "20m",
        "idempotency_key": "optional",
    }
    told = client.dry_run(pictures, {"prompt": "again"}, **sent)
    accepted = client.submit(pictures, {"prompt": "again"}, **sent)
    assert (told["replayed"], accepted.replayed, accepted.queued) == (False, False, False)
    generation = client.get(accepted.id)
    assert len(told["input"]["example_images"]) == len(generation["example_images"]) == 3
    assert abs(datetime.fromisoformat(generation["start_by"]) - start_by) < timedelta(seconds=1)
    assert generation["warnings"] == accepted.warnings == told["warnings"]
    assert client.dry_run(pictures, {"prompt": "again"}, **sent)["replayed"]
    assert all(b"prefer: queue" in head.lower() for head in proxy.heads("generate-v2")[1:])
    with pytest.raises(ApiError, match="SHA-256") as refused:
        client.submit([small()], {"prompt": "again"}, expected_hashes=["0" * 64])
    assert refused.value.code == "hash_mismatch"


def test_a_submission_without_pictures_says_that_they_are_missing(client: Client) -> None:
    with pytest.raises(InvalidRequestError) as refused:
        client.submit([], {"prompt": "a lighthouse"})
    assert refused.value.code == "missing_images"


def test_the_receipt_of_a_picture_is_read_once_the_log_is_signed(client: Client, solo: System) -> None:
    generation = client.submit([small()], {"prompt": "a lighthouse"}).id
    client.wait(generation, timeout=60)
    asyncio.run(sign_log(solo))
    receipt = client.receipt(generation)
    assert (receipt["generation"], receipt["picture"]["sha256"]) == (generation, client.picture(generation).sha256)
    assert "a lighthouse" in receipt["personal_data"]["instructions"]
    assert client.receipt(generation, personal_data=False)["personal_data"] is None


def test_a_receipt_that_cannot_be_made_yet_says_when_to_ask_again(client: Client) -> None:
    with pytest.raises(ApiError) as refused:
        client.receipt(client.submit([small()], {"prompt": "a lighthouse"}).id)
    assert (refused.value.code, refused.value.retry_after) == ("receipt_pending", 60)


def test_pages_list_the_users_generations(client: Client) -> None:
    ids = [client.submit([small()], {"prompt": f"number {number}"}).id for number in range(3)]
    client.wait(ids[-1], timeout=60)  # by then the lists are up to date
    page = client.page(1, per_page=2)
    assert [generation["id"] for generation in page["generations"]] == ids[:0:-1]
    assert (page["total"], client.page(2, per_page=2)["generations"][0]["id"]) == (3, ids[0])


def test_a_generation_can_be_cancelled_repeatedly(client: Client) -> None:
    generation = client.submit([small()], {"prompt": "soon regretted"}).id
    assert client.cancel(generation)["state"] in ("canceling", "failed")
    ended = client.wait(generation, timeout=60)
    assert ended["failure"] is not None
    assert ended["failure"]["code"] == "canceled"
    assert client.cancel(generation)["version"] >= ended["version"]


def test_a_finished_generation_can_be_published_and_deleted(client: Client) -> None:
    generation = client.submit([small()], {"prompt": "for a while"}).id
    client.wait(generation, timeout=60)
    assert client.publish(generation)["is_public"]
    assert not client.publish(generation, is_public=False)["is_public"]
    client.delete(generation)
    client.delete(generation)
    with pytest.raises(NotFoundError) as caught:
        client.get(generation)
    assert (caught.value.status, caught.value.code) == (410, "gone")


def test_an_error_has_status_code_and_request_id(client: Client, pauses: list[float]) -> None:
    with pytest.raises(InvalidRequestError) as caught:
        client.submit([small()], {"style": "no prompt"})
    error = caught.value
    assert (error.status, error.code) == (422, "invalid_instructions_prompt")
    assert error.request_id
    assert error.request_id in str(error)
    assert not pauses


def test_waiting_ends_after_its_timeout(make_client: MakeClient) -> None:
    client = make_client()
    generation = client.submit([small()], {"prompt": "slow"}).id
    with pytest.raises(UnfinishedError, match=generation):
        client.wait(generation, timeout=0)


def test_a_picture_number_that_does_not_exist_raises_value_error(client: Client) -> None:
    generation = client.submit([small()], {"prompt": "one"}).id
    client.wait(generation, timeout=60)
    with pytest.raises(ValueError, match="1 pictures"):
        client.picture(generation, 1)


def test_a_finished_generation_is_made_once_more(client: Client) -> None:
    original = client.submit([small()], {"prompt": "a lighthouse"}).id
    client.wait(original, timeout=60)
    again = client.retry(original, seed="same", idempotency_key="once")
    assert (client.retry(original, seed="same", idempotency_key="once").id, again.replayed) == (again.id, False)
    assert client.wait(again.id, timeout=60)["retry_of"] == original
    assert client.picture(again.id).sha256 == client.picture(original).sha256


def test_lists_are_filtered_and_followed_by_cursor(client: Client) -> None:
    ids = [client.submit([small()], {"prompt": "one of three"}, metadata={"n": n}).id for n in range(3)]
    assert [one["id"] for one in client.all()] == ids[::-1]
    first = client.after(limit=2)
    rest = client.after(first["next_cursor"], limit=2)
    assert [one["id"] for page in (first, rest) for one in page["generations"]] == ids[::-1]
    assert [one["id"] for one in client.all(**{"metadata.n": 1})] == [ids[1]]


def test_a_dry_run_records_nothing(client: Client) -> None:
    assert client.dry_run([small()], {"prompt": "a lighthouse"})["dry_run"]
    assert client.page()["total"] == 0


def test_a_failure_is_explained_and_a_deadline_is_set(client: Client) -> None:
    failed = client.submit([small()], {"prompt": "[sandbox:fail] a lighthouse"}, cancel_after="5m")
    assert client.wait(failed.id, timeout=60)["failure"]["code"] == "provider_failed"  # type: ignore[index]
    assert client.explain(failed.id)["sentence"]
    assert client.usage()["totals"]
