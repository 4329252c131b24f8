"""Requests with a wrong, missing or foreign value in one of the five headers, against real accounts."""

import asyncio
import base64
import hmac
import json
import time
from collections.abc import Awaitable, Callable
from itertools import product
from typing import Any

import jwt
import pytest
import pytest_asyncio
from multidict import CIMultiDict

from domain.accounts.access import Role
from domain.accounts.keys import Peppers, mint
from gateway.auth.tokens import Tokens, key_id
from tests.systems.accounts_harness import (
    FORBIDDEN,
    UNKNOWN,
    AccountsHarness,
    Headers,
    Tenant,
    forged,
    payload,
    refusal_of,
)
from tests.systems.gateway import CAUSE, PEPPER, RETIRED_SECRET, SECRET

pytestmark = [
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.filterwarnings("ignore::jwt.InsecureKeyLengthWarning"),  # for forged tokens
]

NO_ROLE = 403, "X-User-Role header is required"
NO_DEVELOPER_KEY = 403, "Invalid or revoked developer key"


class People:
    """Ada, Bob in her project, Cid in another project of her developer, Eve of another developer."""

    def __init__(self, ada: Tenant, bob: Tenant, cid: Tenant, eve: Tenant) -> None:
        self.ada, self.bob, self.cid, self.eve = ada, bob, cid, eve


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def people(harness: AccountsHarness) -> People:
    ada = await harness.tenant()
    return People(
        ada,
        await harness.another_user_of(ada),
        await harness.tenant(ada.developer_id),
        await harness.tenant(),
    )


def encoded(part: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=").decode()


def unsigned(claims: dict[str, Any], algorithm: str) -> str:
    header = {"alg": algorithm, "typ": "JWT", "kid": key_id(SECRET)}
    return f"{encoded(header)}.{encoded(claims)}."


def signed_with_nothing(claims: dict[str, Any]) -> str:
    signed = f"{encoded({'alg': 'HS256', 'kid': key_id(SECRET)})}.{encoded(claims)}"
    digest = hmac.digest(b"", signed.encode(), "sha256")
    return f"{signed}.{base64.urlsafe_b64encode(digest).rstrip(b'=').decode()}"


def without(name: str) -> Callable[[dict[str, Any]], str]:
    return lambda claims: forged({key: value for key, value in claims.items() if key != name})


def saying(**changes: object) -> Callable[[dict[str, Any]], str]:
    return lambda claims: forged({**claims, **changes})


def headed(header: dict[str, str | int | list[str]]) -> Callable[[dict[str, Any]], str]:
    return lambda claims: forged(claims, header=header)


def nested_header() -> str:
    deep = '{"a":' + "[" * 2800 + "]" * 10 + "}"
    return f"{base64.urlsafe_b64encode(deep.encode()).decode()}.e30.AAAA"[:4096]


WRONG_TOKENS: dict[str, Callable[[dict[str, Any]], str]] = {
    "empty": lambda _: "",
    "garbage": lambda _: "garbage",
    "two dots": lambda _: "..",
    "four parts": lambda claims: forged(claims) + ".e30",
    "not base64": lambda _: "%%%.%%%.%%%",
    "payload is no object": lambda _: f"{encoded({'alg': 'HS256', 'kid': key_id(SECRET)})}.{encoded([1])}.AA",
    "header is no object": lambda claims: f"{encoded([1])}.{encoded(claims)}.AA",
    "deep header": lambda _: nested_header(),
    "truncated signature": lambda claims: forged(claims)[:-4],
    "no signature": lambda claims: forged(claims).rpartition(".")[0] + ".",
    "altered payload": lambda claims: ".".join(
        [forged(claims).split(".")[0], encoded({**claims, "sub": "x"}), forged(claims).split(".")[2]]
    ),
    "alg none": lambda claims: unsigned(claims, "none"),
    "alg None": lambda claims: unsigned(claims, "None"),
    "alg nOnE": lambda claims: unsigned(claims, "nOnE"),
    "alg empty": lambda claims: unsigned(claims, ""),
    "alg HS384": lambda claims: forged(claims, algorithm="HS384"),
    "alg HS512": lambda claims: forged(claims, algorithm="HS512"),
    "alg RS256 said, HS256 done": lambda claims: (
        encoded({"alg": "RS256", "kid": key_id(SECRET)}) + "." + forged(claims).split(".", 1)[1]
    ),
    "alg of the wrong case": lambda claims: (
        encoded({"alg": "hs256", "kid": key_id(SECRET)}) + "." + forged(claims).split(".", 1)[1]
    ),
    "another secret": lambda claims: forged(claims, secret="x" * 40),
    "a short secret": lambda claims: forged(claims, secret="short"),
    "an empty secret": signed_with_nothing,
    "the secret of another key id": lambda claims: forged(claims, secret=RETIRED_SECRET),
    "our secret under another key id": headed({"kid": key_id(RETIRED_SECRET)}),
    "unknown key id": headed({"kid": "000000000000"}),
    "empty key id": headed({"kid": ""}),
    "key id is a path": headed({"kid": "../../dev/null"}),
    "no key id": lambda claims: jwt.encode(claims, SECRET, "HS256"),
    "key id is a number": lambda claims: encoded({"alg": "HS256", "kid": 7}) + "." + forged(claims).split(".", 1)[1],
    "key id is a list": lambda claims: (
        encoded({"alg": "HS256", "kid": [key_id(SECRET)]}) + "." + forged(claims).split(".", 1)[1]
    ),
    "unknown critical header": headed({"crit": ["x"], "x": 1}),
    "brings its own key": lambda claims: forged(claims, secret="e" * 40, header={"jwk": {"kty": "oct", "k": "ZWVl"}}),
    "expired": saying(exp=int(time.time()) - 1),
    "expired long ago": saying(exp=1),
    "expires before time": saying(exp=-1),
    "issued tomorrow": saying(iat=int(time.time()) + 86_400),
    "not before tomorrow": saying(nbf=int(time.time()) + 86_400),
    "exp is text": saying(exp="9999999999"),
    "exp is a fraction": saying(exp=9_999_999_999.5),
    "exp is true": saying(exp=True),
    "exp is null": saying(exp=None),
    "exp is beyond all time": saying(exp=10**30),
    "iat is text": saying(iat="1"),
    "no exp": without("exp"),
    "no iat": without("iat"),
    "no sub": without("sub"),
    "no iss": without("iss"),
    "no aud": without("aud"),
    "no jti": without("jti"),
    "no sid": without("sid"),
    "no type": without("type"),
    "no role": without("role"),
    "no project": without("project_id"),
    "another issuer": saying(iss="exempla"),
    "another audience": saying(aud="another-api"),
    "a refresh token": saying(type="refresh"),
    "unknown type": saying(type="id"),
    "type is a list": saying(type=["access"]),
    "unknown role": saying(role="root"),
    "role is a list": saying(role=["end_user"]),
    "sub is a number": saying(sub=7),
    "sub is empty": saying(sub=""),
    "sub is an object": saying(sub={"$gt": ""}),
    "sub is nobody": saying(sub="00000000-0000-4000-8000-000000000000"),
    "project is an object": saying(project_id={"$gt": ""}),
    "project is nowhere": saying(project_id="00000000-0000-4000-8000-000000000000"),
    "session is long": saying(sid="s" * 65),
    "longer than tokens are": saying(filler="x" * 4096),
}


@pytest.mark.parametrize("name", WRONG_TOKENS)
@pytest.mark.parametrize("path", ["/submit", "/read"])
async def test_a_wrong_token_gets_401(harness: AccountsHarness, people: People, name: str, path: str) -> None:
    headers = harness.headers(people.ada)
    claims = payload(harness.access_token(people.ada))
    headers["Authorization"] = f"Bearer {WRONG_TOKENS[name](claims)}"
    answer = await harness.client.get(path, headers=headers)
    assert await refusal_of(answer) == UNKNOWN
    assert answer.headers["WWW-Authenticate"] == "Bearer"


@pytest.mark.parametrize(
    "sent",
    [
        "",
        "Bearer",
        "Bearer ",
        "Basic YTpi",
        "{token}",
        "Token {token}",
        "Bearer={token}",
        "Bearer {token}, Bearer {token}",
        "Bearer {token} {token}",
        "Bearer\t{token}",
    ],
)
async def test_an_authorization_that_is_not_a_bearer_token_gets_401(
    harness: AccountsHarness, people: People, sent: str
) -> None:
    headers = harness.headers(people.ada)
    headers["Authorization"] = sent.format(token=harness.access_token(people.ada))
    assert await refusal_of(await harness.client.get("/submit", headers=headers)) == UNKNOWN


async def test_a_missing_token_is_reported_before_any_other_error(harness: AccountsHarness) -> None:
    assert await refusal_of(await harness.client.get("/submit")) == UNKNOWN
    assert await refusal_of(await harness.client.get("/read", headers={"X-Developer-Key": "wrong"})) == UNKNOWN


async def test_two_authorization_headers_get_401(harness: AccountsHarness, people: People) -> None:
    headers = harness.headers(people.ada)
    headers.add("Authorization", f"Bearer {harness.access_token(people.ada)}")
    assert await refusal_of(await harness.client.get("/submit", headers=headers)) == UNKNOWN


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER"])
async def test_the_scheme_is_bearer_in_any_case(harness: AccountsHarness, people: People, scheme: str) -> None:
    headers = harness.headers(people.ada)
    headers["Authorization"] = f"{scheme} {harness.access_token(people.ada)}"
    assert (await harness.client.get("/submit", headers=headers)).status == 200


async def test_a_token_of_a_retired_secret_still_works(harness: AccountsHarness, people: People) -> None:
    headers = harness.headers(people.ada)
    old = Tokens([RETIRED_SECRET], harness.clock).sign(harness.claims(people.ada), "access")
    headers["Authorization"] = f"Bearer {old}"
    assert (await harness.client.get("/submit", headers=headers)).status == 200


async def test_a_token_works_until_its_last_second(harness: AccountsHarness, people: People) -> None:
    headers = harness.headers(people.ada)
    claims = payload(harness.access_token(people.ada))
    headers["Authorization"] = f"Bearer {forged({**claims, 'exp': int(time.time()) + 5})}"
    assert (await harness.client.get("/submit", headers=headers)).status == 200


@pytest.mark.parametrize("secrets", [[], [""], ["short"], [SECRET, "short"], ["x" * 31]])
async def test_a_short_secret_stops_the_start_with_one_line(harness: AccountsHarness, secrets: list[str]) -> None:
    with pytest.raises(ValueError, match="EXEMPLAR_JWT_SECRET") as refused:
        Tokens(secrets, harness.clock)
    assert "\n" not in str(refused.value)


Case = tuple[str, str | None, tuple[int, str]]


def foreign(header: str, pick: Callable[[People], str], expected: tuple[int, str], name: str) -> Any:
    return pytest.param(header, pick, expected, id=f"{header}: {name}")


def simple(header: str, value: str | None, expected: tuple[int, str], name: str) -> Any:
    return pytest.param(header, lambda _: value, expected, id=f"{header}: {name}")


ROLE, DEVELOPER, PROJECT, API = "X-User-Role", "X-Developer-Key", "X-Project-ID", "X-API-Key"
MALFORMED_KEYS = {
    "short": "ak_short",
    "one too few": "ak_" + "a" * 31,
    "one too many": "ak_" + "a" * 33,
    "without prefix": "a" * 35,
    "other characters": "ak_" + "!" * 32,
    "an operator of the database": '{"$ne": null}',
    "unknown": "ak_" + "A" * 32,
    "oversized": "ak_" + "a" * 5000,
    "quoted": '"ak_' + "a" * 32 + '"',
    "two in one": "ak_" + "a" * 32 + ", ak_" + "a" * 32,
}
WRONG_HEADERS = [
    simple(ROLE, None, NO_ROLE, "missing"),
    simple(ROLE, "", NO_ROLE, "empty"),
    *(
        simple(ROLE, value, FORBIDDEN, value[:20])
        for value in (
            "developer",
            "platform_operator",
            "auditor",
            "END_USER",
            "end_user,end_user",
            "end-user",
        )
    ),
    simple(ROLE, "end_user" * 100, FORBIDDEN, "oversized"),
    simple(DEVELOPER, None, NO_DEVELOPER_KEY, "missing"),
    simple(DEVELOPER, "", NO_DEVELOPER_KEY, "empty"),
    *(simple(DEVELOPER, value, NO_DEVELOPER_KEY, name) for name, value in MALFORMED_KEYS.items()),
    foreign(DEVELOPER, lambda p: p.eve.developer_key, NO_DEVELOPER_KEY, "of another developer"),
    foreign(DEVELOPER, lambda p: p.ada.api_key, NO_DEVELOPER_KEY, "an API key"),
    foreign(DEVELOPER, lambda p: p.ada.developer_key.swapcase(), NO_DEVELOPER_KEY, "in another case"),
    foreign(DEVELOPER, lambda p: p.ada.developer_key_id, NO_DEVELOPER_KEY, "its id"),
    simple(PROJECT, None, FORBIDDEN, "missing"),
    simple(PROJECT, "", FORBIDDEN, "empty"),
    simple(PROJECT, "garden", FORBIDDEN, "its name"),
    simple(PROJECT, "00000000-0000-4000-8000-000000000000", FORBIDDEN, "unknown"),
    simple(PROJECT, "a" * 5000, FORBIDDEN, "oversized"),
    simple(PROJECT, '{"$ne": null}', FORBIDDEN, "an operator of the database"),
    foreign(PROJECT, lambda p: p.cid.project_id, FORBIDDEN, "of the same developer"),
    foreign(PROJECT, lambda p: p.eve.project_id, FORBIDDEN, "of another developer"),
    foreign(PROJECT, lambda p: p.ada.project_id.replace("-", ""), FORBIDDEN, "without dashes"),
    foreign(PROJECT, lambda p: p.ada.project_id + "0", FORBIDDEN, "one too many"),
    simple(API, None, FORBIDDEN, "missing"),
    simple(API, "", FORBIDDEN, "empty"),
    *(simple(API, value, FORBIDDEN, name) for name, value in MALFORMED_KEYS.items()),
    foreign(API, lambda p: p.cid.api_key, FORBIDDEN, "of another project of the same developer"),
    foreign(API, lambda p: p.eve.api_key, FORBIDDEN, "of another developer"),
    foreign(API, lambda p: p.ada.developer_key, FORBIDDEN, "a developer key"),
    foreign(API, lambda p: p.ada.api_key_id, FORBIDDEN, "its id"),
]


@pytest.mark.parametrize(("header", "pick", "expected"), WRONG_HEADERS)
async def test_a_wrong_header_gets_403_with_the_text_of_the_contract(
    harness: AccountsHarness,
    people: People,
    header: str,
    pick: Callable[[People], str | None],
    expected: tuple[int, str],
) -> None:
    headers = harness.headers(people.ada)
    value = pick(people)
    del headers[header]
    if value is not None:
        headers[header] = value
    assert await refusal_of(await harness.client.get("/submit", headers=headers)) == expected
    reading = await harness.client.get("/read", headers=headers)
    if not value:
        assert reading.status == 200
    else:
        assert await refusal_of(reading) == expected


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("Authorization", UNKNOWN),
        (ROLE, FORBIDDEN),
        (DEVELOPER, NO_DEVELOPER_KEY),
        (PROJECT, FORBIDDEN),
        (API, FORBIDDEN),
        ("X-Operator-Key", FORBIDDEN),
    ],
)
async def test_a_header_that_is_not_text_is_refused_like_any_wrong_value(
    harness: AccountsHarness, people: People, header: str, expected: tuple[int, str]
) -> None:
    sent = {**harness.headers(people.ada), header: "Bearer \udcff\udcfe.\udcfd.x"}
    line = "POST /api/v1/auth/register" if header == "X-Operator-Key" else "GET /submit"
    lines = [f"{line} HTTP/1.1", "Host: x", "Connection: close"]
    lines += [f"{name}: {value}" for name, value in sent.items()]
    reading, writing = await asyncio.open_connection(harness.client.host, harness.client.port)
    writing.write("\r\n".join([*lines, "", ""]).encode(errors="surrogateescape"))
    head, _, body = (await reading.read()).partition(b"\r\n\r\n")
    writing.close()
    assert (int(head.split()[1]), json.loads(body)["detail"]) == expected


@pytest.mark.parametrize(
    ("header", "expected"),
    [(ROLE, FORBIDDEN), (DEVELOPER, NO_DEVELOPER_KEY), (PROJECT, FORBIDDEN), (API, FORBIDDEN)],
)
@pytest.mark.parametrize("second", ["the same", "another"])
async def test_a_repeated_header_is_refused(
    harness: AccountsHarness, people: People, header: str, expected: tuple[int, str], second: str
) -> None:
    headers = harness.headers(people.ada)
    headers.add(header, headers[header] if second == "the same" else "another")
    assert await refusal_of(await harness.client.get("/submit", headers=headers)) == expected
    assert await refusal_of(await harness.client.get("/read", headers=headers)) == expected


WRONG: dict[str, tuple[str, str, tuple[int, str]]] = {
    "token": ("Authorization", "Bearer wrong", UNKNOWN),
    "no role": (ROLE, "", NO_ROLE),
    "role": (ROLE, "developer", FORBIDDEN),
    "developer key": (DEVELOPER, "wrong", NO_DEVELOPER_KEY),
    "project": (PROJECT, "wrong", FORBIDDEN),
}


@pytest.mark.parametrize(("first", "later"), [(a, b) for n, a in enumerate(WRONG) for b in [*WRONG][n + 1 :]])
async def test_of_two_errors_the_first_in_the_order_of_the_contract_is_reported(
    harness: AccountsHarness, people: People, first: str, later: str
) -> None:
    headers = harness.headers(people.ada)
    for fault in (later, first):
        header, value, _ = WRONG[fault]
        headers[header] = value
    assert await refusal_of(await harness.client.get("/submit", headers=headers)) == WRONG[first][2]


@pytest.mark.parametrize("role", [Role.DEVELOPER, Role.PLATFORM_OPERATOR, Role.AUDITOR])
async def test_only_an_end_users_token_submits_and_reads(harness: AccountsHarness, people: People, role: Role) -> None:
    headers = harness.headers(people.ada)
    headers["Authorization"] = f"Bearer {harness.access_token(people.ada, role)}"
    for said in ("end_user", role.value):
        headers["X-User-Role"] = said
        assert await refusal_of(await harness.client.get("/submit", headers=headers)) == FORBIDDEN
        assert await refusal_of(await harness.client.get("/read", headers=headers)) == FORBIDDEN
    del headers["X-User-Role"]
    assert await refusal_of(await harness.client.get("/submit", headers=headers)) == NO_ROLE


async def test_a_token_alone_reads_also_beside_matching_headers(harness: AccountsHarness, people: People) -> None:
    whole = harness.headers(people.ada)
    for header in (ROLE, DEVELOPER, PROJECT, API):
        headers = CIMultiDict({"Authorization": whole["Authorization"], header: whole[header]})
        answer = await harness.client.get("/read", headers=headers)
        assert await answer.json() == [people.ada.developer_id, people.ada.project_id, people.ada.user_id]
    whole[PROJECT] = whole[PROJECT].upper()
    assert (await harness.client.get("/submit", headers=whole)).status == 200


async def test_an_imported_key_may_have_another_prefix(harness: AccountsHarness, people: People) -> None:
    key = mint("zz")
    await harness.keep_key(people.ada.developer_id, people.ada.project_id, key)
    headers = harness.headers(people.ada)
    headers[API] = key
    assert (await harness.client.get("/submit", headers=headers)).status == 200


async def test_a_key_hashed_with_an_unlisted_pepper_is_unknown(harness: AccountsHarness, people: People) -> None:
    key = mint("pk")
    newer = Peppers({1: PEPPER, 2: "q" * 32})
    await harness.keep_key(people.ada.developer_id, people.ada.project_id, key, newer)
    headers = harness.headers(people.ada)
    headers[API] = key
    assert await refusal_of(await harness.client.get("/submit", headers=headers)) == FORBIDDEN


Revocation = Callable[[AccountsHarness, Tenant], Awaitable[object]]
REVOCATIONS: list[Any] = [
    pytest.param(
        lambda w, t: w.changes.revoke_key(t.developer_id, t.developer_key_id, cause=CAUSE),
        NO_DEVELOPER_KEY,
        200,
        id="developer key",
    ),
    pytest.param(
        lambda w, t: w.changes.revoke_key(t.developer_id, t.api_key_id, t.project_id, cause=CAUSE),
        FORBIDDEN,
        200,
        id="API key",
    ),
    pytest.param(
        lambda w, t: w.changes.delete_project(t.developer_id, t.project_id, cause=CAUSE),
        UNKNOWN,
        401,
        id="project",
    ),
]


@pytest.mark.parametrize(("revoke", "expected", "bare_reading"), REVOCATIONS)
async def test_revoked_credentials_are_refused_at_the_next_request(
    harness: AccountsHarness, revoke: Revocation, expected: tuple[int, str], bare_reading: int
) -> None:
    tenant = await harness.tenant()
    headers = harness.headers(tenant)
    assert (await harness.client.get("/submit", headers=headers)).status == 200
    await revoke(harness, tenant)
    assert await refusal_of(await harness.client.get("/submit", headers=headers)) == expected
    bare = {"Authorization": headers["Authorization"]}
    assert (await harness.client.get("/read", headers=bare)).status == bare_reading


async def test_only_matching_combinations_of_credentials_are_accepted(harness: AccountsHarness) -> None:
    tenants = []
    for _ in range(2):
        developer = await harness.developer()
        for _ in range(2):
            first = await harness.tenant(developer)
            tenants += [first, await harness.another_user_of(first)]
    projects, developers = tenants[::2], tenants[::4]
    whole: dict[str, Headers] = {tenant.user_id: harness.headers(tenant) for tenant in tenants}
    admitted = 0
    for user, key, project, public in product(tenants, developers, projects, projects):
        headers = CIMultiDict(whole[user.user_id])
        headers[DEVELOPER], headers[PROJECT] = key.developer_key, project.project_id
        headers[API] = public.api_key
        answers = [await harness.client.get(path, headers=headers) for path in ("/submit", "/read")]
        belongs = (key.developer_id, project.project_id, public.project_id) == (
            user.developer_id,
            user.project_id,
            user.project_id,
        )
        for answer in answers:
            if belongs:
                assert await answer.json() == [user.developer_id, user.project_id, user.user_id]
            else:
                assert (await refusal_of(answer)) in (FORBIDDEN, NO_DEVELOPER_KEY)
        admitted += belongs
    assert admitted == len(tenants)
