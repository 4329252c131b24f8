"""Uploaded files: kept for a day, or until newer ones exceed the limit of bytes."""

import base64
import hashlib
import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from sandbox.ids import file_id
from sandbox.predictions import iso

LARGEST: Final = 100 * 1024 * 1024
_KEPT_BYTES: Final = 512 * 1024 * 1024
_KEPT: Final = timedelta(hours=24)


@dataclass(frozen=True, slots=True)
class File:
    id: str
    name: str
    content_type: str
    metadata: Mapping[str, Any]
    data: bytes
    base: str
    created_at: datetime

    def body(self) -> dict[str, Any]:
        """Return the file as the API shows it."""
        md5 = hashlib.md5(self.data, usedforsecurity=False).hexdigest()
        return {
            "id": self.id,
            "name": self.name,
            "content_type": self.content_type,
            "size": len(self.data),
            "etag": md5,
            "checksums": {"sha256": hashlib.sha256(self.data).hexdigest(), "md5": md5},
            "metadata": dict(self.metadata),
            "created_at": iso(self.created_at),
            "expires_at": iso(self.created_at + _KEPT),
            "urls": {"get": f"{self.base}/v1/files/{self.id}"},
        }


class Files:
    """The uploads by id, oldest first."""

    def __init__(self, *, clock: Callable[[], datetime], rng: random.Random) -> None:
        self._clock = clock
        self._rng = rng
        self._files: dict[str, File] = {}
        self._held = 0

    def add(self, data: bytes, *, name: str, content_type: str, metadata: Mapping[str, Any], base: str) -> File:
        made = File(file_id(self._rng), name, content_type, metadata, data, base, self._clock())
        self._files[made.id] = made
        self._held += len(data)
        self._sweep()
        return made

    def get(self, id_: str) -> File | None:
        self._sweep()
        return self._files.get(id_)

    def newest_first(self) -> list[File]:
        self._sweep()
        return list(reversed(self._files.values()))

    def remove(self, id_: str) -> bool:
        """Drop a file; tell whether it was there."""
        gone = self._files.pop(id_, None)
        if gone is not None:
            self._held -= len(gone.data)
        return gone is not None

    def _sweep(self) -> None:
        limit = self._clock() - _KEPT
        while self._files:
            oldest = next(iter(self._files.values()))
            if oldest.created_at > limit and self._held <= _KEPT_BYTES:
                return
            self.remove(oldest.id)


def data_of_uri(uri: str) -> bytes:
    """Return what a base64 data URI holds; raise ValueError for any other."""
    head, comma, data = uri.partition(",")
    if not comma or not head.endswith(";base64"):
        raise ValueError("a data URI must be base64")
    return base64.b64decode(data, validate=True)
