"""Lost, late and refused responses."""

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
from tests.clients.faulty_proxy import FaultyProxy, response
from tests.clients.python.conftest import MakeClient
from tests.systems.tenants import small

LIST = "GET /api/v1/generation/generations-v2"


def submitted(client: Client) -> str:
    return client.submit([small()], {"prompt": "a lighthouse"}).id


def test_a_submission_with_a_lost_response_makes_one_generation(
    client: Client, proxy: FaultyProxy, pauses: list[float]
) -> None:
    proxy.inject("generate-v2", after=0)
    accepted = client.submit([small()], {"prompt": "once"})
    sent = proxy.heads("generate-v2")
    keys = {re.findall(rb"(?i)idempotency-key: (\S+)", head)[0].decode() for head in sent}
    assert (len(sent), keys) == (2, {accepted.idempotency_key})
    assert accepted.replayed
    client.wait(accepted.id, timeout=60)
    assert (client.page()["total"], len(pauses)) == (1, 1)


def test_two_submissions_have_two_keys(client: Client) -> None:
    assert submitted(client) != submitted(client)


def test_a_retry_after_is_obeyed_to_the_second(client: Client, proxy: FaultyProxy, pauses: list[float]) -> None:
    client.log_in()
    proxy.inject("generate-v2", instead=response(503, b'{"code": "store_unavailable"}', Retry_After="7"))
    proxy.inject("generate-v2", instead=response(429, b'{"code": "busy"}', Retry_After="3"))
    submitted(client)
    assert pauses == [7.0, 3.0]


def test_a_retry_after_above_max_wait_raises_at_once(client: Client, proxy: FaultyProxy, pauses: list[float]) -> None:
    client.log_in()
    body = b'{"code": "generation_limit_exceeded", "detail": "later", "request_id": "r-1"}'
    proxy.inject("generate-v2", instead=response(429, body, Retry_After="3600"))
    with pytest.raises(LimitExceededError) as caught:
        submitted(client)
    error = caught.value
    assert (error.retry_after, error.code, error.request_id) == (3600, "generation_limit_exceeded", "r-1")
    assert not pauses


def test_pauses_double_until_the_last_attempt(make_client: MakeClient, proxy: FaultyProxy, pauses: list[float]) -> None:
    client = make_client(attempts=4)
    client.log_in()
    for _ in range(4):
        proxy.inject("generations-v2", instead=response(502, b"<html>a proxy's page</html>"))
    with pytest.raises(ServiceError, match="502"):
        client.page()
    assert [0.25, 0.5, 1] <= pauses <= [0.5, 1, 2]
    assert len(pauses) == 3


def test_a_refused_connection_raises_after_the_last_attempt(pauses: list[float]) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound and not listening: refused
        url = f"http://127.0.0.1:{taken.getsockname()[1]}"
        keys = Keys("p", "d", "a")
        with (
            Client(url, keys, email="e", password="p", retries=Retries(attempts=3), sleep=pauses.append) as it,
            pytest.raises(ConnectionFailedError, match="3 attempts"),
        ):
            it.page()
    assert len(pauses) == 2


def test_an_expired_token_is_refreshed_without_a_login(client: Client, proxy: FaultyProxy) -> None:
    client.log_in()
    proxy.inject(LIST, instead=response(401))
    assert client.page()["total"] == 0
    assert (len(proxy.heads("auth/refresh")), len(proxy.heads("auth/login"))) == (1, 1)
    proxy.inject(LIST, instead=response(401))
    assert client.page()["total"] == 0  # the second refresh token is a new one
    assert (len(proxy.heads("auth/refresh")), len(proxy.heads("auth/login"))) == (2, 1)


def test_a_refresh_with_a_lost_response_is_not_repeated(client: Client, proxy: FaultyProxy) -> None:
    client.log_in()
    proxy.inject(LIST, instead=response(401))
    proxy.inject("auth/refresh", after=0)
    assert client.page()["total"] == 0
    assert (len(proxy.heads("auth/refresh")), len(proxy.heads("auth/login"))) == (1, 2)


def test_threads_share_one_login_after_a_logout(client: Client, proxy: FaultyProxy) -> None:
    client.page()
    found = re.search(rb"(?i)authorization: (\S+ \S+)", proxy.heads(LIST)[0])
    assert found
    url = f"{proxy.to}/api/v1/auth/logout"
    assert httpx.post(url, headers={"Authorization": found[1].decode()}).status_code == 204
    with ThreadPoolExecutor(8) as threads:
        pages = list(threads.map(lambda _: client.page(), range(8)))
    assert [page["total"] for page in pages] == [0] * 8
    assert len(proxy.heads("auth/login")) == 2


def test_a_wrong_password_raises_without_a_retry(make_client: MakeClient, pauses: list[float]) -> None:
    with pytest.raises(AuthenticationError) as caught:
        make_client(password="wrong").page()
    assert caught.value.code == "invalid_login"
    assert not pauses


def test_a_picture_with_another_hash_raises(client: Client, proxy: FaultyProxy) -> None:
    generation = submitted(client)
    client.wait(generation, timeout=60)
    proxy.inject("/images/0", instead=response(200, b"\x89PNG and something else"))
    with pytest.raises(DamagedPictureError, match=generation):
        client.picture(generation)


def test_a_truncated_picture_is_downloaded_again(client: Client, proxy: FaultyProxy) -> None:
    generation = submitted(client)
    client.wait(generation, timeout=60)
    proxy.inject("/images/0", after=5000)
    assert len(client.picture(generation).content) > 5000
    assert len(proxy.heads("/images/0")) == 2


def test_keys_and_passwords_are_not_in_any_repr(client: Client) -> None:
    keys = Keys("project", "ak_developer", "pk_project")
    assert "ak_" not in repr(keys)
    assert "pk_" not in repr(keys)
