"""The documents of a picture in MongoDB: one with its fields, its head, and one for each of several pieces.

The bytes are in the head, in the pieces, or in an object that the head names.
"""

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import fields
from typing import Any, Final

from store.generations.blobs import PIECE, Blob
from store.mongo.connection import Document

FIELDS: Final = tuple(field.name for field in fields(Blob) if field.name != "data")
_OF_PIECES: Final = ("generation", "token", "kind", "created_at")  # what finds a picture to delete it


def key_of(blob: Blob) -> str:
    return f"{blob.generation}/{blob.digest}"


def piece_id(key: str, number: int) -> str:
    return f"{key}/{number:04}"


def head_of(blob: Blob, *, in_object: str | None = None) -> Document:
    """Return the head of a picture, whose bytes may be in an object."""
    # Not `asdict`, which copies the bytes.
    head = {"_id": key_of(blob), **{name: getattr(blob, name) for name in FIELDS}}
    hashes = [sha256_of(piece) for piece in _pieces(blob)]
    head |= {"pieces": hashes} if hashes else {}
    if in_object is not None:
        return head | {"object": in_object}
    return head if hashes else head | {"data": blob.data}


def pieces_of(blob: Blob) -> Iterator[Document]:
    """Yield a document for each piece of a picture that has several."""
    key, shared = key_of(blob), {name: getattr(blob, name) for name in _OF_PIECES}
    for number, piece in enumerate(_pieces(blob)):
        yield {"_id": piece_id(key, number), **shared, "data": bytes(piece)}


def numbers_of(head: Document) -> range:
    """Return the numbers of the pieces of a picture; one that is no longer than a piece has none."""
    return range(len(head.get("pieces", ())))


def from_object(head: Document, data: bytes, numbers: range) -> Mapping[str, Document]:
    """Return the documents that the picture would have in MongoDB, of its pieces those with these numbers.

    `data`: the bytes of these pieces. What is too long or too short has other hashes than the head says.
    """
    kept = {name: value for name, value in head.items() if name != "object"}
    if "pieces" not in head:
        return {head["_id"]: kept | {"data": data}}
    shared: Document = {name: head[name] for name in _OF_PIECES if name in head}
    found: dict[str, Document] = {head["_id"]: kept}
    for number in numbers:
        name, offset = piece_id(head["_id"], number), (number - numbers.start) * PIECE
        found[name] = {"_id": name, **shared, "data": data[offset : offset + PIECE]}
    return found


def sha256_of(data: bytes | memoryview) -> str:
    return hashlib.sha256(data).hexdigest()


def has_object(document: Mapping[str, Any]) -> bool:
    """Tell whether the bytes of a picture are in an object."""
    return isinstance(document.get("object"), str)


def _pieces(blob: Blob) -> Iterable[memoryview]:
    """Cut a picture into pieces; one that is no longer than a piece has none."""
    starts = range(0, len(blob.data), PIECE) if len(blob.data) > PIECE else ()
    return (memoryview(blob.data)[start : start + PIECE] for start in starts)
