"""Check a stored picture: its pieces, its hashes, and what the log says about it."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Final

from domain.generation.digests import example_digest, salted_digest
from events.generation import GenerationCompleted, GenerationRequested, StoredImage
from store.audit.stored_form import are_all, has_form
from store.mongo.connection import Document

_POSITIONS: Final = 16  # more than a submission has examples
_ID: Final = re.compile(r"[0-9a-f]{64}(?:/[0-9]{4})?", re.ASCII)
_OF_PIECES: Final = {"generation": str, "token": str, "kind": str}
_HEAD: Final = {"_id": str, **_OF_PIECES, "digest": str, "content_type": str, "sha256": str}
_PIECE: Final = {"_id": str, **_OF_PIECES, "data": bytes}
_SALT: Final = {"_id": str, "generation": str, "token": str, "salt": bytes}


@dataclass(frozen=True, slots=True)
class RecordedPicture:
    """What the log says about a picture, and in which commit."""

    commit: str
    kind: str
    image: StoredImage


@dataclass(slots=True)
class RecordedGeneration:
    """What the log and the personal data say about a generation's pictures; `token` None: it was never recorded."""

    id: str
    token: str | None = None
    pictures: dict[str, RecordedPicture] = field(default_factory=dict)
    salts: dict[str, bytes] = field(default_factory=dict)

    def add(self, commit: str, event: object) -> None:
        """Note the pictures of an event."""
        match event:
            case GenerationRequested():
                self.token = event.personal_data
                images, kind = tuple[StoredImage, ...](event.examples), "example"
            case GenerationCompleted():
                images, kind = tuple[StoredImage, ...](event.pictures), "result"
            case _:
                return
        self.pictures |= {image.digest: RecordedPicture(commit, kind, image) for image in images}

    def add_salt(self, document: Document) -> str | None:
        """Note the salt of personal data, or return what is wrong with them."""
        if not has_form(document, _SALT):
            return "the personal data are damaged"
        if document["_id"] != f"{document['generation']}/{document['token']}" or document["generation"] != self.id:
            return "the personal data have another id"
        self.salts[document["token"]] = document["salt"]
        return None


@dataclass(frozen=True, slots=True)
class StoredPicture:
    """The documents of one picture: `head` None without the one that the pieces belong to."""

    generation: str
    digest: str
    head: Document | None
    pieces: Sequence[Document] = ()

    @property
    def key(self) -> str:
        return f"{self.generation}/{self.digest}"


def fault_of(picture: StoredPicture, recorded: RecordedGeneration) -> str | None:
    """Return how a picture differs from what was recorded; None for one that does not, or that nobody names.

    Without a salt, which is erased with the personal data, its bytes are compared only with the hash beside them.
    """
    head, named = picture.head, recorded.pictures.get(picture.digest)
    if not is_well_formed(picture):
        return "its document is damaged"
    if head is None:
        return None if named is None else "its pieces have no head"
    if (head["generation"], head["digest"]) != (picture.generation, picture.digest):
        return "its document has another id"
    data = _data(picture, head)
    if data is None or sha256(data).hexdigest() != head["sha256"]:
        return "its bytes are not those that were stored"
    salt = recorded.salts.get(head["token"])
    if salt is not None and picture.digest not in _digests(salt, data, head["kind"]):
        return "its bytes are not those that were recorded"
    return None if named is None else _fault_of_fields(head, len(data), named, recorded)


def _digests(salt: bytes, data: bytes, kind: str) -> Sequence[str]:
    """List the names that the bytes of a picture may have: an example's tells its position too."""
    if kind == "result":
        return [salted_digest(salt, data)]
    return [example_digest(salt, number, sha256(data).hexdigest()) for number in range(_POSITIONS)]


def is_well_formed(picture: StoredPicture) -> bool:
    """Tell whether every document has the fields and the id of one, which nothing that runs ever changes."""
    head = picture.head
    sound = head is None or (has_form(head, _HEAD) and _has_id(head))
    return sound and all(has_form(piece, _PIECE) and _has_id(piece) for piece in picture.pieces)


def _has_id(document: Document) -> bool:
    generation, _, rest = document["_id"].partition("/")
    return generation == document["generation"] and _ID.fullmatch(rest) is not None


def _fault_of_fields(head: Document, size: int, named: RecordedPicture, recorded: RecordedGeneration) -> str | None:
    found = head["kind"], head["content_type"], size, head["token"]
    expected = named.kind, named.image.content_type, named.image.size, recorded.token
    return None if found == expected else "the fields beside its bytes contradict the log"


def _data(picture: StoredPicture, head: Document) -> bytes | None:
    """Join the bytes of a picture; None when a piece is missing, damaged or added."""
    hashes = head.get("pieces")
    if hashes is None:
        whole = not picture.pieces and has_form(head, {"data": bytes})
        return head["data"] if whole else None
    if not are_all(hashes, str) or len(hashes) != len(picture.pieces):
        return None
    pieces = zip(picture.pieces, hashes, strict=True)
    matches = all(_matches(piece, number, hashed, head) for number, (piece, hashed) in enumerate(pieces))
    return b"".join(piece["data"] for piece in picture.pieces) if matches else None


def _matches(piece: Document, number: int, hashed: str, head: Mapping[str, object]) -> bool:
    return (
        has_form(piece, _PIECE)
        and piece["_id"] == f"{head['_id']}/{number:04}"
        and all(piece[name] == head[name] for name in _OF_PIECES)
        and sha256(piece["data"]).hexdigest() == hashed
    )
