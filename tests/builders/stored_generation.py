"""A generation with its pictures and its personal data, as the gateway and the actors store them."""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256

from domain.generation.digests import example_digest
from events.event import Event
from events.generation import Example, GenerationCompleted, Owner, Picture
from store.generations.blobs import Blob, Kind
from store.generations.personal_data import PersonalData
from tests.builders.generation import requested

INSTRUCTIONS = "a quiet harbour"


@dataclass(frozen=True, slots=True)
class StoredGeneration:
    """What is appended to the stream, and what is stored beside it."""

    personal_data: PersonalData
    blobs: Sequence[Blob]
    events: Sequence[Event]


def stored_generation(
    generation: str, example: int, result: int, *, time: datetime, copies: int = 1, retry_of: str | None = None
) -> StoredGeneration:
    """Make a completed generation of copies of one example and one result, of these sizes in bytes."""
    personal_data = PersonalData(
        generation=generation,
        token=f"token-{generation[-1]}",
        salt=random.Random(generation).randbytes(32),
        instructions=INSTRUCTIONS,
        file_names=("a.png",) * copies,
        created_at=time,
    )
    blobs = [_blob(personal_data, "example", example, time), _blob(personal_data, "result", result, time)]
    shown = {"content_type": "image/png", "width": 8, "height": 8}
    first = requested(
        owner=Owner(developer="dev-1", project="prj-1", user=f"user of {generation}"),
        personal_data=personal_data.token,
        examples=(Example(digest=blobs[0].digest, size=example, **shown),) * copies,
        fingerprint=personal_data.digest(*_identity(blobs[0], copies, retry_of)),
        retry_of=retry_of,
    )
    picture = Picture(digest=blobs[1].digest, size=result, **shown)
    last = GenerationCompleted(pictures=(picture,), predict_seconds=1.0, cost_microusd=1)
    return StoredGeneration(personal_data, blobs, [first, last])


def _identity(example: Blob, copies: int, retry_of: str | None) -> Sequence[bytes]:
    """List what the fingerprint hashes."""
    if retry_of is not None:
        return b"retry", retry_of.encode(), b"new"
    return INSTRUCTIONS.encode(), *[bytes.fromhex(example.sha256)] * copies


def _blob(personal_data: PersonalData, kind: Kind, size: int, time: datetime) -> Blob:
    data = random.Random(f"{personal_data.generation} {kind}").randbytes(size)
    plain = sha256(data).hexdigest()
    is_example = kind == "example"
    return Blob(
        generation=personal_data.generation,
        digest=example_digest(personal_data.salt, 0, plain) if is_example else personal_data.digest(data),
        token=personal_data.token,
        kind=kind,
        content_type="image/png",
        data=data,
        sha256=plain,
        created_at=time,
    )
