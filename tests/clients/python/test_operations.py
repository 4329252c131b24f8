"""`api` has every operation of the service, by its name in the document that the service serves."""

from typing import Any

import pytest

from exemplar_client import Client, ConnectionFailedError, Login, NotFoundError, OperatorKey, PermissionDeniedError
from exemplar_client.operation import Operation
from exemplar_client.operations import operations
from tests.clients.faulty_proxy import FaultyProxy, response
from tests.systems.account import Account
from tests.systems.system import System
from tests.systems.tenants import small


def served(client: Client) -> dict[str, tuple[str, str]]:
    """Return method and path of every operation by its operationId."""
    document: Any = client.api.read_openapi()
    return {
        operation["operationId"]: (method.upper(), path)
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
        # What lies under /console and /docs are pages for browsers, and what describes the API is read by tools: no
        # program has a use for a method that downloads them.
        if not path.startswith(("/console", "/docs")) and path not in ("/asyncapi.json", "/llms.txt")
    }


def test_the_client_has_a_method_for_every_operation(client: Client) -> None:
    known = {(one.method, one.path) for one in operations().values()}
    missing = [
        f'    NAME = {method.lower()}("{path}")  # {operation_id}'
        for operation_id, (method, path) in served(client).items()
        if (method, path) not in known
    ]
    lines = "\n".join(missing)
    assert not missing, f"add to clients/python/exemplar_client/operations.py:\n{lines}"


def test_the_client_has_no_operation_that_is_not_served(client: Client) -> None:
    there = set(served(client).values())
    obsolete = [name for name, one in operations().items() if (one.method, one.path) not in there]
    assert not obsolete, f"remove from clients/python/exemplar_client/operations.py: {', '.join(obsolete)}"


def test_no_operation_is_listed_twice() -> None:
    rows = operations().values()
    assert len({(one.method, one.path) for one in rows}) == len(rows)


def test_answers_are_objects_texts_bytes_or_nothing(client: Client, account: Account) -> None:
    assert client.api.read_own_account()["email"] == account.email
    assert client.api.read_usage(format="csv").splitlines()[0].startswith("day,")
    generation = client.submit([small()], {"prompt": "a lighthouse"}).id
    client.wait(generation, timeout=60)
    assert client.api.read_picture(generation, 0) == client.picture(generation).content
    assert client.api.delete_generation(generation)["id"] == generation
    with pytest.raises(NotFoundError):
        client.api.read_generation(generation)


def test_the_query_and_the_body_are_passed_on(client: Client) -> None:
    client.submit([small()], {"prompt": "a lighthouse"}, metadata={"order": 7}, idempotency_key="order-7")
    page = client.api.list_generations(per_page=5, **{"metadata.order": 7})
    assert [one["metadata"] for one in page["generations"]] == [{"order": 7}]
    again = client.api.submit(
        files=[("example_images", ("a.jpg", small()))],
        data={"instructions": '{"prompt": "a lighthouse"}'},
        headers={"Idempotency-Key": "order-7"},
    )
    assert again["id"] == page["generations"][0]["id"]


def test_values_of_the_path_are_named_when_they_are_missing_and_escaped() -> None:
    operation = Operation("GET", "/api/v1/projects/{project_id}/users/{user_id}")
    assert operation.at("a/b", "c d?") == "/api/v1/projects/a%2Fb/users/c%20d%3F"
    with pytest.raises(TypeError, match="project_id, user_id"):
        operation.at("one")


def test_what_may_not_be_repeated_is_sent_again_only_where_nothing_was_done(
    client: Client, proxy: FaultyProxy, pauses: list[float]
) -> None:
    client.log_in()
    proxy.inject("events/ticket", instead=response(429, b'{"code": "busy"}', Retry_After="3"))
    assert client.api.issue_own_ticket()["expires_in"] == 60
    assert pauses == [3.0]
    proxy.inject("events/ticket", after=0)
    with pytest.raises(ConnectionFailedError):
        client.api.issue_own_ticket()
    assert pauses == [3.0]


def test_developers_and_operators_have_clients_too(solo: System, account: Account) -> None:
    with Client(solo.base_url, Login(account.developer_email, account.password)) as developer:
        made = developer.api.create_project(json={"name": "another"})
        assert made["id"] in {one["id"] for one in developer.api.list_projects()}
        assert developer.api.change_project(made["id"], json={"name": "renamed"})["name"] == "renamed"
        key = developer.api.create_api_key(made["id"], json={})
        assert developer.api.revoke_api_key(made["id"], key["id"]) is None
    with Client(solo.base_url, OperatorKey("wrong")) as stranger, pytest.raises(PermissionDeniedError):
        stranger.api.list_developers()
    assert "wrong" not in repr(OperatorKey("wrong"))
