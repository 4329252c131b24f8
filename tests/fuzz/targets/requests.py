"""Requests generated from the OpenAPI document, with the credentials of real accounts."""

from functools import cache
from typing import Any, Final

import schemathesis
from hypothesis import given
from hypothesis import strategies as st
from schemathesis.specs.openapi.checks import ignored_auth, positive_data_acceptance
from schemathesis.specs.openapi.schemas import OpenApiSchema

from gateway.openapi.operation import Caller
from gateway.routes import OPERATIONS
from tests.fuzz.accounts import ROLES
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
    "program": "operator",
}
_CALLERS: Final = {f"{one.method.upper()} {one.path}": one.caller for one in OPERATIONS}
_TIMEOUT_S: Final = 30


@cache
def schema_of(base_url: str) -> OpenApiSchema:
    return schemathesis.openapi.from_url(f"{base_url}/openapi.json")


def role_of(label: str) -> str:
    """Return the role that an operation such as `GET /health` is meant for."""
    return _ROLES.get(_CALLERS[label], "end_user")


def make(service: Service, count: Count) -> Test:
    operations = {one.ok().label: one.ok() for one in schema_of(service.api.base_url).get_all_operations()}

    @given(st.data(), st.sampled_from(sorted(operations)))
    def request(data: st.DataObject, label: str) -> None:
        case = data.draw(operations[label].as_strategy())
        role = role_of(label) if data.draw(st.integers(0, 3)) else data.draw(st.sampled_from(ROLES))
        names = [name for name in case.path_parameters if data.draw(st.integers(0, 3))]
        count()
        send(service, case, role, names)

    return request


def send(service: Service, case: Any, role: str, names: list[str]) -> Any:
    """Send a request, with real ids for the named path parameters; check the answer and the process."""
    for name in names:
        case.path_parameters[name] = service.accounts.ids[name]
    if str((case.query or {}).get("wait", "")).isdecimal():
        case.query["wait"] = "1"
    headers = {**service.accounts.headers[role], **service.api.address()}
    with service.one_input():
        answer = case.call(service.api.base_url, service.api.session, headers, timeout=_TIMEOUT_S)
    case.validate_response(answer, excluded_checks=EXCLUDED)
    assert "X-Request-ID" in answer.headers or "x-request-id" in answer.headers
    return answer


REQUESTS: Final = Target("requests", 20, make)
