"""The line of a commit: its position, the hashes that prove it, and its stored bytes, which are JSON themselves."""

import base64
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from domain.audit.checkpoints import ContradictionError
from events.commit import leaf_hash
from events.envelope import format_time
from exemplar.export.request import json_line
from store.audit.audit_log import SealedBody

_BODY: Final = b',"body":'


@dataclass(frozen=True, slots=True)
class CommitLine:
    """A commit as it is exported; `events`: its envelopes."""

    position: int
    events: Sequence[dict[str, Any]]
    line: bytes


def written(sealed: SealedBody, proof: Sequence[bytes] | None) -> CommitLine:
    """Write a commit; proof: its inclusion proof, None where all commits are exported.

    Raises ContradictionError for a body that is missing or not the sealed one.
    """
    body, position = sealed.body, sealed.position
    if body is None or leaf_hash(body) != sealed.leaf:
        raise ContradictionError(f"position {position}: its body is not the one that was sealed", position)
    head: dict[str, Any] = {
        "position": position,
        "recorded_at": format_time(sealed.sealed_at),
        "leaf": base64.b64encode(sealed.leaf).decode(),
    }
    if proof is not None:
        head["proof"] = [base64.b64encode(node).decode() for node in proof]
    line = json_line(head)[:-1] + _BODY + body + b"}"
    try:
        return _read(line)
    except (ValueError, LookupError, TypeError):
        raise ContradictionError(f"position {position}: its body is no list of events", position) from None


def read(lines: bytes) -> list[CommitLine]:
    """Read the lines of a part that was written before."""
    return [_read(line) for line in lines.split(b"\n")[:-1]]


def _read(line: bytes) -> CommitLine:
    if b"\n" in line:
        raise ValueError("canonical JSON is one line")
    entry = json.loads(line)
    for envelope in entry["body"]:
        _ = envelope["stream"], envelope["version"], envelope["time"], envelope["type"], envelope["data"]
    if not entry["body"]:
        raise ValueError("a commit without events")
    return CommitLine(entry["position"], entry["body"], line)
