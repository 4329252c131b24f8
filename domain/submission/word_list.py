"""Words and patterns that an operator refuses in prompts; matching compares at most each word with each pattern.

A list has one entry a line: a word, or several that follow each other. Within a word `*` stands for any characters,
also for none; there is no other pattern, so that one entry cannot make a request slow. Case, width of characters,
invisible characters and what separates words do not matter. Lines that begin with `#` are comments.
"""

import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

MAX_ENTRIES: Final = 20_000
MAX_PATTERNS: Final = 1_000
"""Entries whose first word has a `*`: each is compared with every word of a text."""
MAX_LENGTH: Final = 200
_ANY: Final = "*"
_JOINED: Final = frozenset({"Mn", "Mc", "Me"})

Phrase = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class WordList:
    """Entries by their first word, and those whose first word is a pattern."""

    by_word: Mapping[str, Sequence[Phrase]]
    patterns: Sequence[Phrase] = ()

    def refuses(self, text: str) -> bool:
        """Tell whether an entry is in a text."""
        tokens = tokens_of(text)
        beginning = {token: self._beginning_with(token) for token in set(tokens)}
        return any(_follows(phrase, tokens, at) for at, token in enumerate(tokens) for phrase in beginning[token])

    def _beginning_with(self, token: str) -> Sequence[Phrase]:
        """List the entries whose first word a word is; each different word of a text is looked up once."""
        return (*self.by_word.get(token, ()), *(one for one in self.patterns if _matches(one[0], token)))


def parse_word_list(lines: Iterable[str]) -> WordList:
    """Read a list; ValueError names the first wrong line by its number, and never its text."""
    by_word: dict[str, list[Phrase]] = {}
    patterns, count = list[Phrase](), 0
    for number, line in enumerate(lines, start=1):
        entry = line.strip().removeprefix("\ufeff").strip()
        if not entry or entry.startswith("#"):
            continue
        phrase, count = _phrase(entry, number), count + 1
        if _ANY in phrase[0]:
            patterns.append(phrase)
        else:
            by_word.setdefault(phrase[0], []).append(phrase)
    if count > MAX_ENTRIES or len(patterns) > MAX_PATTERNS:
        raise ValueError(f"has more than {MAX_ENTRIES} entries, or more than {MAX_PATTERNS} that begin with a pattern")
    return WordList(by_word, tuple(patterns))


def tokens_of(text: str, also: str = "") -> Sequence[str]:
    """Split a text into words of alphanumeric characters and marks on them, in the form in which they are compared."""
    plain = unicodedata.normalize("NFD", "".join(one for one in text if unicodedata.category(one) != "Cf"))
    for _ in range(2):  # compatibility caseless matching: the Unicode Standard, D146
        plain = unicodedata.normalize("NFKC", plain.casefold())
    kept = (one if one.isalnum() or one in also or unicodedata.category(one) in _JOINED else " " for one in plain)
    return "".join(kept).split()


def _phrase(entry: str, number: int) -> Phrase:
    tokens = tuple(tokens_of(entry, also=_ANY))
    if len(entry) > MAX_LENGTH:
        raise ValueError(f"line {number}: an entry has at most {MAX_LENGTH} characters")
    if not tokens or any(not word.strip(_ANY) for word in tokens):
        raise ValueError(f"line {number}: each word of an entry needs an alphanumeric character")
    return tokens


def _follows(phrase: Phrase, tokens: Sequence[str], at: int) -> bool:
    """Tell whether the words of a phrase are those from a place on."""
    found = tokens[at : at + len(phrase)]
    return len(found) == len(phrase) and all(map(_matches, phrase, found))


def _matches(pattern: str, word: str) -> bool:
    """Compare a word with a pattern: what stands between two `*` is searched from left to right, once."""
    first, *between = pattern.split(_ANY)
    if not between:
        return first == word
    last, at = between.pop(), len(first)
    if len(word) < at + len(last) or not (word.startswith(first) and word.endswith(last)):
        return False
    end = len(word) - len(last)
    for piece in between:
        at = word.find(piece, at, end)
        if at < 0:
            return False
        at += len(piece)
    return True
