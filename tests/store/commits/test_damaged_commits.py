"""A stored commit that cannot be read is damaged, whatever is wrong with it."""

from datetime import UTC, datetime

import pytest

from events.commit import commit_of
from events.envelope import Cause
from store.commits.document import document_of, stored_commit
from store.errors import DamagedCommitError
from tests.builders.generation import requested

NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
COMMIT = commit_of("generation-1", 0, [requested()], cause=Cause("actor:test"), time=NOW, writer="w")


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"[]", b"{}", b'[{"a": 1}]', b"[1]", b"\xff\xfe", b"null", COMMIT.body[:-1], COMMIT.body[:100], "text"],
)
def test_a_body_that_cannot_be_read_is_named_with_its_commit(body: object) -> None:
    with pytest.raises(DamagedCommitError, match=r"^commit generation-1:1 cannot be read: ") as raised:
        stored_commit(document_of(COMMIT, NOW) | {"_id": "generation-1:1", "body": body})
    assert "\n" not in raised.value.reason


def test_a_field_that_contradicts_the_body_is_damage() -> None:
    with pytest.raises(DamagedCommitError, match="contradict"):
        stored_commit(document_of(COMMIT, NOW) | {"_id": "generation-1:1", "last": 7})
