"""Signed checkpoints and verification keys, as texts that somebody altered."""

from typing import Final

from hypothesis import strategies as st

from domain.audit.checkpoint_key import SigningKey, VerificationKey
from domain.audit.checkpoints import Checkpoint, NoteError, checkpoint_from, open_note, sign_note
from tests.fuzz.mutation import spoilt_text
from tests.fuzz.service import Service
from tests.fuzz.target import Target, every

_SIGNER: Final = SigningKey("log.example", b"s" * 32)
_OTHER: Final = SigningKey("other.example", b"o" * 32)
_TEXTS: Final = tuple(Checkpoint("log.example", size, bytes([size]) * 32).text() for size in (0, 1, 255))
_NOTES: Final = (*(sign_note(text, _SIGNER) for text in _TEXTS), sign_note(_TEXTS[0], _OTHER))
_KEYS: Final = (str(_SIGNER.public), str(_OTHER.public))
_TOKENS: Final = (
    "\n",
    "\n\n",
    "\u2014 ",
    "\u2014 log.example ",
    "+",
    "=",
    "\r\n",
    "\u2028",
    "\x85",
    "\0",
    "A" * 88,
    " ",
)
_VALUES: Final = st.tuples(spoilt_text(_NOTES, _TOKENS), spoilt_text(_KEYS, _TOKENS))


def check(_: Service, value: tuple[str, str]) -> None:
    note, key = value
    try:
        text = open_note(note, [_SIGNER.public])
    except NoteError:
        assert note not in _NOTES[:-1], "a true note is refused"
    else:
        assert text in _TEXTS, "a text is believed that was never signed"
        assert checkpoint_from(text).text() == text
    try:
        read = checkpoint_from(note)
    except NoteError:
        pass
    else:
        assert checkpoint_from(read.text()) == read
    try:
        parsed = VerificationKey.parse(key)
    except ValueError:
        return
    assert VerificationKey.parse(str(parsed)) == parsed


CHECKPOINTS: Final = Target("checkpoints", 3, every(_VALUES, check))
