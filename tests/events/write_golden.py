"""Write the golden file of every event type that has none yet: `python -m tests.events.write_golden`.

So are the digests of published schemas.
"""

import hashlib
import json
from datetime import UTC, datetime
from pathlib import Path

from events.catalogue import CATALOGUE
from events.commit import commit_of
from events.envelope import Cause
from events.event_type import EventType
from events.public_schemas import FOLDER

GOLDEN = Path(__file__).with_name("golden")
SCHEMA_DIGESTS = Path(__file__).with_name("public_schema_digests.json")
_TIME = datetime(2026, 11, 20, 12, 0, 0, 123_456, tzinfo=UTC)
_TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


def golden_bytes(row: EventType) -> bytes:
    """Write a commit with the sample of a row as version 7 of a stream."""
    stream = f"{row.name.partition('.')[0]}-00000000-0000-7000-8000-000000000000"
    cause = Cause("actor:example", request_id="req-1", causation_id=f"{stream}:6", traceparent=_TRACE)
    return commit_of(stream, 6, [row.sample], cause=cause, time=_TIME, writer="").body


def write_missing() -> None:
    """Write the files of present schema versions; an existing file is never changed."""
    for row in CATALOGUE.rows:
        file = GOLDEN / f"{row.name}.v{row.schema_version}.json"
        if not file.exists():
            file.write_bytes(golden_bytes(row))
    digests = {file.name: digest_of(file) for file in FOLDER.iterdir()} | json.loads(SCHEMA_DIGESTS.read_text())
    SCHEMA_DIGESTS.write_text(json.dumps(digests, indent=2, sort_keys=True) + "\n")


def digest_of(file: Path) -> str:
    """Return the SHA-256 of a file's bytes."""
    return hashlib.sha256(file.read_bytes()).hexdigest()


if __name__ == "__main__":
    write_missing()
