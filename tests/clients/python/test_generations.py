"""The client against the real product, all its calls."""

import hashlib
from pathlib import Path

import pytest

from exemplar_client import Client, InvalidRequestError, NotFoundError, UnfinishedError
from tests.builders.pictures import SAMPLES
from tests.clients.python.conftest import Making
from tests.systems.tenants import small


def test_a_picture_is_made_of_paths_and_bytes_and_arrives_whole(client: Client, tmp_path: Path) -> None:
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


def test_pages_list_what_is_mine(client: Client) -> None:
    ids = [client.submit([small()], {"prompt": f"number {number}"}).id for number in range(3)]
    client.wait(ids[-1], timeout=60)  # by then the lists have followed the log
    page = client.page(1, per_page=2)
    assert [generation["id"] for generation in page["generations"]] == ids[:0:-1]
    assert (page["total"], client.page(2, per_page=2)["generations"][0]["id"]) == (3, ids[0])


def test_cancelling_ends_a_generation_and_may_be_repeated(client: Client) -> None:
    generation = client.submit([small()], {"prompt": "soon regretted"}).id
    assert client.cancel(generation)["state"] in ("canceling", "failed")
    ended = client.wait(generation, timeout=60)
    assert ended["failure"] is not None
    assert ended["failure"]["code"] == "canceled"
    assert client.cancel(generation)["version"] >= ended["version"]


def test_a_finished_generation_is_published_and_deleted_for_good(client: Client) -> None:
    generation = client.submit([small()], {"prompt": "for a while"}).id
    client.wait(generation, timeout=60)
    assert client.publish(generation)["is_public"]
    assert not client.publish(generation, is_public=False)["is_public"]
    client.delete(generation)
    client.delete(generation)
    with pytest.raises(NotFoundError) as caught:
        client.get(generation)
    assert (caught.value.status, caught.value.code) == (410, "gone")


def test_a_refusal_tells_code_status_and_the_requests_id(client: Client, pauses: list[float]) -> None:
    with pytest.raises(InvalidRequestError) as caught:
        client.submit([small()], {"style": "no prompt"})
    error = caught.value
    assert (error.status, error.code) == (422, "invalid_instructions_prompt")
    assert error.request_id
    assert error.request_id in str(error)
    assert not pauses


def test_waiting_ends_after_the_time_that_was_given(making: Making) -> None:
    client = making()
    generation = client.submit([small()], {"prompt": "slow"}).id
    with pytest.raises(UnfinishedError, match=generation):
        client.wait(generation, timeout=0)


def test_a_picture_that_is_not_there_is_a_plain_mistake(client: Client) -> None:
    generation = client.submit([small()], {"prompt": "one"}).id
    client.wait(generation, timeout=60)
    with pytest.raises(ValueError, match="1 pictures"):
        client.picture(generation, 1)
