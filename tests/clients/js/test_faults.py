"""Lost, late and refused responses, in the JavaScript client."""

import socket

from tests.clients.faulty_proxy import FaultyProxy, response
from tests.clients.js.conftest import RunNode

LIST = "GET /api/v1/generation/generations-v2"
PAGE = "const client = opened(); show((await client.page()).generations.length);"


def test_an_expired_token_is_refreshed_without_a_login(node: RunNode, proxy: FaultyProxy) -> None:
    proxy.inject(LIST, instead=response(401))
    assert node(PAGE) == [0]
    assert (len(proxy.heads("auth/refresh")), len(proxy.heads("auth/login"))) == (1, 1)


def test_a_refresh_with_a_lost_response_is_not_repeated(node: RunNode, proxy: FaultyProxy) -> None:
    proxy.inject(LIST, instead=response(401))
    proxy.inject("auth/refresh", after=0)
    assert node(PAGE) == [0]
    assert (len(proxy.heads("auth/refresh")), len(proxy.heads("auth/login"))) == (1, 2)


def test_concurrent_requests_share_one_login_and_one_renewal(node: RunNode, proxy: FaultyProxy) -> None:
    program = """
    const client = opened();
    const pages = () => Promise.all(Array.from({ length: 8 }, () => client.page()));
    await pages();
    await client.session.once("/api/v1/auth/logout", { method: "POST" });
    show((await pages()).map((page) => page.generations.length));
    """
    assert node(program) == [[0] * 8]
    assert (len(proxy.heads("auth/refresh")), len(proxy.heads("auth/login"))) == (1, 2)


def test_new_tokens_of_a_session_are_told_to_its_page(node: RunNode, proxy: FaultyProxy) -> None:
    program = """
    const headers = { "Content-Type": "application/json", "X-Project-ID": PROJECT_ID };
    const body = JSON.stringify({ email: EMAIL, password: PASSWORD });
    const answer = await fetch(`${BASE}/api/v1/auth/login`, { method: "POST", headers, body });
    const old = await answer.json();
    const told = [];
    const client = new Client(BASE, new Tokens(BASE, old, { onChange: (tokens) => told.push(tokens) }));
    show((await client.page()).generations.length);
    show([told.length, told[0]?.refresh_token !== old.refresh_token]);
    """
    proxy.inject(LIST, instead=response(401))
    assert node(program) == [0, [1, True]]


def test_a_retry_after_above_max_wait_throws_at_once(node: RunNode, proxy: FaultyProxy) -> None:
    body = b'{"code": "request_limit_exceeded", "detail": "later", "request_id": "r-1"}'
    proxy.inject(LIST, instead=response(429, body, Retry_After="3600"))
    shown = node("await opened().page().catch((e) => show([e.name, e.code, e.retryAfter, e.requestId]));")
    assert shown == [["LimitExceededError", "request_limit_exceeded", 3600, "r-1"]]
    assert len(proxy.heads(LIST)) == 1


def test_a_lasting_refusal_throws_after_the_last_attempt(node: RunNode, proxy: FaultyProxy) -> None:
    for _ in range(4):
        proxy.inject(LIST, instead=response(502, b"<html>a proxy's page</html>"))
    shown = node("await opened().page().catch((e) => show([e.name, e.status, e.detail]));")
    assert shown == [["ServiceError", 502, "<html>a proxy's page</html>"]]


def test_a_refused_connection_throws_after_the_last_attempt(node: RunNode) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound and not listening: refused
        url = f"http://127.0.0.1:{taken.getsockname()[1]}"
        shown = node(f"await opened({{}}, '{url}').page().catch((e) => show(e.name));")
    assert shown == ["ConnectionFailedError"]


def test_a_wrong_password_throws_without_a_retry(node: RunNode, proxy: FaultyProxy) -> None:
    shown = node("await opened({ password: 'wrong' }).page().catch((e) => show([e.name, e.code]));")
    assert shown == [["AuthenticationError", "invalid_login"]]
    assert len(proxy.heads("auth/login")) == 1


def test_an_aborted_wait_throws_the_reason(node: RunNode) -> None:
    program = """
    const stop = new AbortController();
    const events = opened().feed({ signal: stop.signal });
    await events.next();
    stop.abort(new Error("enough"));
    await events.next().catch((error) => show(error.message));
    """
    assert node(program) == ["enough"]


def test_pauses_double_and_obey_retry_after(node: RunNode) -> None:
    program = """
    const retries = new Retries({ random: () => 0 });
    const lost = new exemplar.ConnectionFailedError("lost");
    const refused = (status, after) => new exemplar.ApiError(status, {}, new Headers({ "Retry-After": after }));
    show([1, 2, 3, 4, 5, 6].map((failures) => retries.pause(failures, lost)));
    const errors = [refused(503, "7"), refused(429, "61"), refused(409, "1"), new TypeError("a fault of the program")];
    show(errors.map((error) => retries.pause(1, error)));
    """
    assert node(program) == [[0.5, 1, 2, 4, 8, None], [7, None, None, None]]
