"""The rows that tell which file is which picture of the log."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from domain.generation.generation import id_of
from events.generation import GenerationCompleted, GenerationRequested
from exemplar.export.commit_lines import CommitLine
from store.audit.picture_sources import PictureSource
from store.generations.personal_data import example_digest, salted_digest

_NAMED_IN: Final = {GenerationRequested.type: ("examples", "example"), GenerationCompleted.type: ("pictures", "result")}
_SUFFIXES: Final = {"image/png": "png", "image/jpeg": "jpg", "image/webp": "webp", "image/gif": "gif"}


@dataclass(frozen=True, slots=True)
class PictureRow:
    """A picture that an event names, and its file; number: from 0, in the order of the event; salt: hexadecimal."""

    position: int
    generation: str
    kind: str
    number: int
    digest: str
    sha256: str
    size: int
    content_type: str
    salt: str | None
    file: str

    def is_of(self, content: bytes) -> bool:
        """Tell whether these bytes are what the log names by a salted hash; their own hash is known to be right."""
        salt = bytes.fromhex(self.salt or "")
        if self.kind == "example":
            digest = example_digest(salt, self.number, self.sha256)
        else:
            digest = salted_digest(salt, content)
        return len(content) == self.size and (self.salt is None or digest == self.digest)


def generations_of(commits: Iterable[CommitLine]) -> set[str]:
    """Name the generations whose pictures these commits name."""
    return {id_of(one["stream"]) for commit in commits for one in commit.events if one["type"] in _NAMED_IN}


def rows_of(commits: Iterable[CommitLine], sources: Mapping[str, PictureSource], folder: str) -> Iterator[PictureRow]:
    """List the pictures that commits name and that still exist; folder: where their files are."""
    for commit in commits:
        for event in commit.events:
            field, kind = _NAMED_IN.get(event["type"], ("", ""))
            for number, image in enumerate(event["data"].get(field, ())):
                source = sources.get(generation := id_of(event["stream"]))
                if source is not None and (sha256 := source.hashes.get(image["digest"])) is not None:
                    yield _row(commit.position, generation, kind, number, image, sha256, source.salt, folder)


def _row(
    position: int,
    generation: str,
    kind: str,
    number: int,
    image: Mapping[str, Any],
    sha256: str,
    salt: bytes | None,
    folder: str,
) -> PictureRow:
    suffix = _SUFFIXES.get(image["content_type"], "bin")
    return PictureRow(
        position,
        generation,
        kind,
        number,
        image["digest"],
        sha256,
        image["size"],
        image["content_type"],
        None if salt is None else salt.hex(),
        f"{folder}/{sha256}.{suffix}",
    )
