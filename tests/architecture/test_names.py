"""The retired vocabulary does not come back: no file and no definition is named with one of its words."""

import ast
import re
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path

from tests.architecture.files import CODE, name_of, nodes_of

# The retired word -> what it is called now. A word stands for its plural, too.
RETIRED: Mapping[str, str] = {
    "asking": "reconciliation, polling, request options",
    "bury": "terminate",
    "courier": "delivery attempt",
    "darkroom": "decoder worker process",
    "desk": "dependencies that are named",
    "dialling": "webhook HTTP client",
    "door": "gateway application",
    "fallen": "revoked",
    "fate": "publish outcome",
    "folds": "snapshot cache",
    "follower": "subscriber",
    "guard": "session revalidation",
    "hands": "dependencies that are named",
    "hop": "timeout",
    "house": "a standard term",
    "keeper": "decoder client",
    "knob": "fault injection",
    "letter": "webhook message",
    "newsroom": "event hub",
    "office": "account administration",
    "outlet": "connection",
    "patience": "timeout",
    "place": "cursor, position",
    "post": "broker, event publisher",
    "purse": "token bucket",
    "push": "webhooks",
    "redrive": "redeliver",
    "redriving": "redelivery",
    "road": "generation decisions, lifecycle",
    "room": "concurrency limiter, package",
    "round": "page, job run",
    "seat": "connection slot",
    "showing": "projection write-through",
    "standing": "account status",
    "steering": "generation commands",
    "studio": "renderer",
    "submitter": "submission",
    "upkeep": "jobs",
    "vault": "secrets file",
    "watching": "broadcaster",
    "words": "personal data",
    "workshop": "harness",
}

# Names in which a retired word is the standard term, leading underscores aside, and why.
STANDARD: Mapping[str, str] = {
    "post": "the HTTP method, as aiohttp and httpx name it",
    "do_post": "http.server's handler",
    "post_init": "a dataclass completes itself there",
    "letter": "of the alphabet",
}
# In the sentence that a test's name is, these are plain English.
PLAIN_IN_SENTENCES = {"letter", "letters", "room", "round", "words"}


_DEAD_LETTER = re.compile("dead_?letter", re.IGNORECASE)


def parts_of(identifier: str) -> set[str]:
    """Split a name at underscores and capitals; a plural counts as its singular, too."""
    parts = {part.lower() for part in re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+", identifier)}
    return parts | {part.removesuffix("s") for part in parts}


@cache
def retired_in(identifier: str) -> set[str]:
    if identifier.strip("_").lower().removesuffix("s") in STANDARD:
        return set()
    found = parts_of(_DEAD_LETTER.sub("", identifier)) & RETIRED.keys()  # RabbitMQ's word
    return found - PLAIN_IN_SENTENCES if identifier.startswith("test_") else found


def definitions(path: Path) -> Iterator[tuple[int, str]]:
    """Yield line and name of everything that a module names itself."""
    yield from ((node.lineno, node.name) for node in nodes_of(path, ast.FunctionDef))
    yield from ((node.lineno, node.name) for node in nodes_of(path, ast.AsyncFunctionDef))
    yield from ((node.lineno, node.name) for node in nodes_of(path, ast.ClassDef))
    yield from ((node.lineno, node.arg) for node in nodes_of(path, ast.arg))
    yield from ((node.lineno, node.id) for node in nodes_of(path, ast.Name) if isinstance(node.ctx, ast.Store))
    yield from ((node.lineno, node.attr) for node in nodes_of(path, ast.Attribute) if isinstance(node.ctx, ast.Store))
    yield from ((node.lineno, node.asname) for node in nodes_of(path, ast.alias) if node.asname)
    yield from ((node.lineno, node.name) for node in nodes_of(path, ast.ExceptHandler) if node.name)


def leftovers(paths: list[Path]) -> Iterator[str]:
    for path in paths:
        named = [(1, part.removesuffix(".py")) for part in Path(name_of(path)).parts]
        named += definitions(path)
        yield from (f"{name_of(path)}:{line}: {name}" for line, name in named if retired_in(name))


def test_retired_words_name_nothing() -> None:
    found = sorted(set(leftovers(CODE)))
    assert not found, "\n".join(["retired names:", *found])
