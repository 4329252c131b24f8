"""The rows that tell which file is which picture of the log."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from domain.generation.digests import example_digest, salted_digest
from domain.generation.generation import id_of
from events.generation import GenerationCompleted, GenerationRequested
from exemplar.export.commit_lines import CommitLine
from store.audit.picture_sources import PictureSource

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
    """List the pictures that commits name and that still exist; folder: where their files are.

    Equal examples have one name, that of the first, and are listed once.
    """
    for commit, event in ((one, event) for one in commits for event in one.events):
        field, kind = _NAMED_IN.get(event["type"], ("", ""))
        generation = id_of(event["stream"])
        seen = set[str]()
        for number, image in enumerate(event["data"].get(field, ())):
            source, is_first = sources.get(generation), image["digest"] not in seen
            seen.add(image["digest"])
            if is_first and source is not None and (sha256 := source.hashes.get(image["digest"])) is not None:
                yield PictureRow(
                    position=commit.position,
                    generation=generation,
                    kind=kind,
                    number=number,
                    digest=image["digest"],
                    sha256=sha256,
                    size=image["size"],
                    content_type=image["content_type"],
                    salt=None if source.salt is None else source.salt.hex(),
                    file=f"{folder}/{sha256}.{_SUFFIXES.get(image['content_type'], 'bin')}",
                )
