"""Requests generated from the OpenAPI document, with the credentials of real accounts."""

from collections.abc import Collection
from functools import cache
from typing import Any, Final

import schemathesis
from hypothesis import given, settings
from hypothesis import strategies as st
from schemathesis import GenerationMode
from schemathesis.core.result import Ok
from schemathesis.specs.openapi.checks import ignored_auth, negative_data_rejection, positive_data_acceptance
from schemathesis.specs.openapi.schemas import OpenApiSchema

from gateway.openapi.operation import Caller
from gateway.routes import OPERATIONS
from tests.fuzz.accounts import ROLES, VALUES, Headers
from tests.fuzz.answers import TIMEOUT_S
from tests.fuzz.service import Service
from tests.fuzz.target import Count, Target, Test

EXCLUDED: Final = (
    positive_data_acceptance,  # a schema cannot say that a password is too common or a tier is not configured
    ignored_auth,  # tests/gateway/auth has every credential on every route
)
_ROLES: Final[dict[Caller, str]] = {
    "public": "stranger",
    "developer": "developer",
    "operator": "operator",
    "auditor": "operator",
    "reader": "developer",
    "program": "operator",
}
_CALLERS: Final = {f"{one.method.upper()} {one.path}": one.caller for one in OPERATIONS}
# Unknown parameters are ignored; the accounts give the credentials.
_GENERATION: Final = {"allow-extra-parameters": False, "with-security-parameters": False}
NONE: Final[Headers] = {}
_HEADERS: Final = st.fixed_dictionaries(
    {},
    optional={
        "Accept": st.sampled_from(("*/*", "application/problem+json", "application/x-ndjson", "text/csv", ";q=x")),
        "If-None-Match": st.sampled_from(("*", '"a"', "W/", '"')),
        "Range": st.sampled_from(("bytes=0-0", "bytes=-1", "bytes=999999-", "bytes=1-0", "lines=1")),
        "Origin": st.just("https://app.example"),
        "traceparent": st.text(st.characters(min_codepoint=33, max_codepoint=126), max_size=60),
        "Idempotency-Key": st.just("again"),
    },
)


@cache
def schema_of(base_url: str) -> OpenApiSchema:
    config = schemathesis.Config.from_dict({"generation": _GENERATION})
    return schemathesis.openapi.from_url(f"{base_url}/openapi.json", config=config, timeout=TIMEOUT_S)


def role_of(label: str) -> str:
    """Return the role that an operation such as `GET /health` is meant for."""
    return _ROLES.get(_CALLERS[label], "end_user")


def make(service: Service, count: Count, options: settings) -> Test:
    found = schema_of(service.api.base_url).get_all_operations()
    operations = {one.ok().label: one.ok() for one in found if isinstance(one, Ok)}

    @options
    @given(st.data(), st.sampled_from(sorted(operations)))
    def request(data: st.DataObject, label: str) -> None:
        mode = data.draw(st.sampled_from(GenerationMode))
        case = data.draw(operations[label].as_strategy(generation_mode=mode))
        role = role_of(label) if data.draw(st.integers(0, 3)) else data.draw(st.sampled_from(ROLES))
        members = _members(case.body) if mode is GenerationMode.POSITIVE else ()
        real = [name for name in (*case.path_parameters, *members) if data.draw(st.integers(0, 3))]
        count()
        send(service, case, role, real, data.draw(_HEADERS))

    return request


def send(service: Service, case: Any, role: str, real: Collection[str] = (), more: Headers = NONE) -> Any:
    """Send a request, with `real` values of the account under these names; check the answer and the process."""
    # A real value may stand where the one was that makes a request wrong.
    excluded = (*EXCLUDED, negative_data_rejection) if use_real(service, case, real) else EXCLUDED
    with service.one_input():
        answer = case.call(**target_of(service, role, more))
    case.validate_response(answer, excluded_checks=excluded)
    if answer.status_code < 300 and case.method != "GET":
        service.restore()
    return answer


def use_real(service: Service, case: Any, names: Collection[str]) -> bool:
    """Put real values of the account under these names; tell whether there were any."""
    accounts, body = service.accounts, case.body
    in_path = set(names) & set(case.path_parameters) & set(accounts.ids)
    in_body = set(names) & set(_members(body))
    for name in in_path:
        case.path_parameters[name] = accounts.ids[name]
    for name in in_body:
        body[name] = accounts.values[name]
    waits = str((case.query or {}).get("wait", "")).isdecimal()
    if waits:
        case.query["wait"] = "1"
    return bool(in_path or in_body or waits)


def target_of(service: Service, role: str, more: Headers = NONE) -> dict[str, Any]:
    """Return where a request of a role goes, with its credentials."""
    headers = {**more, **service.accounts.headers[role], **service.api.address()}
    return {
        "base_url": service.api.base_url,
        "session": service.api.session,
        "headers": headers,
        "timeout": TIMEOUT_S,
    }


def _members(body: Any) -> Collection[str]:
    """List the members of a JSON body that an account has real values for."""
    return [name for name in VALUES if isinstance(body, dict) and name in body]


REQUESTS: Final = Target("requests", 20, make)
