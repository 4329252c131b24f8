from domain.audit.terms import terms_of, values_of
from events.access import ACCESS
from events.developer import ProjectCreated
from events.envelope import Cause, RecordedEvent
from events.event import Event
from events.owner import CancelRequested
from events.webhook import WebhookEnabled
from tests.domain.audit.test_accesses import NOON

OWNER = {"developer": "dev-1", "project": "prj-1", "user": "usr-1"}
[READ] = ACCESS


def terms(stream: str, event: Event, cause: Cause, owner: dict[str, str] | None = None) -> list[str]:
    return terms_of([RecordedEvent(stream, 1, NOON, event, cause).to_cloudevent()], owner or {})


def read_of(**scope: str) -> Event:
    return READ.sample.model_copy(update={"developer": None, "project": None, "user": None, **scope})


def test_a_commit_has_the_terms_of_its_owner_and_of_each_event() -> None:
    cause = Cause(actor="user:usr-1", request_id="r=1", correlation_id="generation-g")
    assert terms("generation-g", CancelRequested(), cause, OWNER) == [
        "actor=user:usr-1",
        "correlation_id=generation-g",
        "developer=dev-1",
        "project=prj-1",
        "request_id=r=1",
        "type=generation.cancel_requested",
        "user=usr-1",
    ]


def test_values_may_contain_what_separates_them_from_names() -> None:
    assert values_of(["request_id=r=1", "type=x"], "request_id") == ["r=1"]


def test_a_stream_without_a_correlation_began_its_chain_itself() -> None:
    found = terms("developer-dev-1", ProjectCreated(project="prj-1"), Cause(actor="operator:ada"))
    assert {"correlation_id=developer-dev-1", "developer=dev-1", "project=prj-1"} <= set(found)


def test_an_acting_developer_is_an_owner() -> None:
    assert "developer=dev-1" in terms("webhook-e", WebhookEnabled(), Cause(actor="developer:dev-1"))


def test_an_access_is_found_by_the_narrowest_scope_that_it_covers() -> None:
    cause = Cause(actor="auditor:ada")
    scopes = {
        (): {"read=all"},
        ("developer",): {"read=developer:dev-1", "read_within=dev-1"},
        ("developer", "project"): {"read=project:prj-1", "read_within=dev-1"},
        ("developer", "project", "user"): {"read=user:usr-1", "read_within=dev-1"},
    }
    for names, expected in scopes.items():
        found = terms("access-ada", read_of(**{name: OWNER[name] for name in names}), cause)
        assert {one for one in found if one.startswith("read")} == expected
        assert not values_of(found, "developer"), "an access is no event of the developer's"
