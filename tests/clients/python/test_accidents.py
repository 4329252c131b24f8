"""What the client does when answers are lost, late or refused."""

import re
import socket
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from exemplar_client import (
    AuthenticationError,
    Client,
    ConnectionFailedError,
    DamagedPictureError,
    Keys,
    LimitExceededError,
    Retries,
    ServiceError,
)
from tests.clients.python.conftest import Making
from tests.clients.python.passage import Passage, answer
from tests.systems.tenants import small

ONE = "GET /api/v1/generation/generations-v2"


def submitted(client: Client) -> str:
    return client.submit([small()], {"prompt": "a lighthouse"}).id


def test_a_submission_whose_answer_is_lost_is_made_once(
    client: Client, passage: Passage, pauses: list[float]
) -> None:
    passage.happen("generate-v2", after=0)
    accepted = client.submit([small()], {"prompt": "once"})
    sent = passage.seen("generate-v2")
    keys = {re.findall(rb"(?i)idempotency-key: (\S+)", head)[0].decode() for head in sent}
    assert (len(sent), keys) == (2, {accepted.idempotency_key})
    assert accepted.replayed
    client.wait(accepted.id, timeout=60)
    assert (client.page()["total"], len(pauses)) == (1, 1)


def test_two_submissions_have_two_keys(client: Client) -> None:
    assert submitted(client) != submitted(client)


def test_a_retry_after_is_kept_to_the_second(client: Client, passage: Passage, pauses: list[float]) -> None:
    client.log_in()
    passage.happen("generate-v2", instead=answer(503, b'{"code": "store_unavailable"}', Retry_After="7"))
    passage.happen("generate-v2", instead=answer(429, b'{"code": "busy"}', Retry_After="3"))
    submitted(client)
    assert pauses == [7.0, 3.0]


def test_a_limit_that_lasts_longer_than_ones_patience_is_raised_at_once(
    client: Client, passage: Passage, pauses: list[float]
) -> None:
    client.log_in()
    body = b'{"code": "generation_limit_exceeded", "detail": "later", "request_id": "r-1"}'
    passage.happen("generate-v2", instead=answer(429, body, Retry_After="3600"))
    with pytest.raises(LimitExceededError) as caught:
        submitted(client)
    error = caught.value
    assert (error.retry_after, error.code, error.request_id) == (3600, "generation_limit_exceeded", "r-1")
    assert not pauses


def test_pauses_grow_and_end(making: Making, passage: Passage, pauses: list[float]) -> None:
    client = making(attempts=4)
    client.log_in()
    for _ in range(4):
        passage.happen("generations-v2", instead=answer(502, b"<html>a proxy's page</html>"))
    with pytest.raises(ServiceError, match="502"):
        client.page()
    assert [0.25, 0.5, 1] <= pauses <= [0.5, 1, 2]
    assert len(pauses) == 3


def test_nobody_there_is_told_after_the_last_attempt(pauses: list[float]) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound and not listening: refused
        url = f"http://127.0.0.1:{taken.getsockname()[1]}"
        keys = Keys("p", "d", "a")
        with (
            Client(
                url, keys, email="e", password="p", retries=Retries(attempts=3), sleep=pauses.append
            ) as it,
            pytest.raises(ConnectionFailedError, match="3 attempts"),
        ):
            it.page()
    assert len(pauses) == 2


def test_a_token_that_is_over_is_refreshed_without_logging_in_again(client: Client, passage: Passage) -> None:
    client.log_in()
    passage.happen(ONE, instead=answer(401))
    assert client.page()["total"] == 0
    assert (len(passage.seen("auth/refresh")), len(passage.seen("auth/login"))) == (1, 1)
    passage.happen(ONE, instead=answer(401))
    assert client.page()["total"] == 0  # the second refresh token is a new one
    assert (len(passage.seen("auth/refresh")), len(passage.seen("auth/login"))) == (2, 1)


def test_a_refresh_whose_answer_is_lost_is_not_sent_again(client: Client, passage: Passage) -> None:
    client.log_in()
    passage.happen(ONE, instead=answer(401))
    passage.happen("auth/refresh", after=0)
    assert client.page()["total"] == 0
    assert (len(passage.seen("auth/refresh")), len(passage.seen("auth/login"))) == (1, 2)


def test_a_session_that_was_ended_costs_all_threads_together_one_login(
    client: Client, passage: Passage
) -> None:
    client.page()
    found = re.search(rb"(?i)authorization: (\S+ \S+)", passage.seen(ONE)[0])
    assert found
    url = f"{passage.to}/api/v1/auth/logout"
    assert httpx.post(url, headers={"Authorization": found[1].decode()}).status_code == 204
    with ThreadPoolExecutor(8) as threads:
        pages = list(threads.map(lambda _: client.page(), range(8)))
    assert [page["total"] for page in pages] == [0] * 8
    assert len(passage.seen("auth/login")) == 2


def test_a_wrong_password_is_told_and_not_tried_again(making: Making, pauses: list[float]) -> None:
    with pytest.raises(AuthenticationError) as caught:
        making(password="wrong").page()
    assert caught.value.code == "invalid_login"
    assert not pauses


def test_a_picture_with_other_bytes_is_refused(client: Client, passage: Passage) -> None:
    generation = submitted(client)
    client.wait(generation, timeout=60)
    passage.happen("/images/0", instead=answer(200, b"\x89PNG and something else"))
    with pytest.raises(DamagedPictureError, match=generation):
        client.picture(generation)


def test_a_picture_that_is_cut_off_is_fetched_again(client: Client, passage: Passage) -> None:
    generation = submitted(client)
    client.wait(generation, timeout=60)
    passage.happen("/images/0", after=5000)
    assert len(client.picture(generation).content) > 5000
    assert len(passage.seen("/images/0")) == 2


def test_keys_and_passwords_do_not_show(client: Client) -> None:
    keys = Keys("project", "ak_developer", "pk_project")
    assert "ak_" not in repr(keys)
    assert "pk_" not in repr(keys)
