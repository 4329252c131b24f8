"""Cosignatures are verified as a witness makes them, which is written in the tests from the specification."""

import base64

import pytest

from domain.audit.checkpoint_key import SigningKey, VerificationKey, WitnessKey
from domain.audit.checkpoints import Checkpoint, NoteError, open_note, sign_note
from domain.audit.cosignatures import cosignature_from, cosignatures_in
from tests.builders.witness import Witness

LOG = SigningKey("log.example.com", bytes(range(32)))
TEXT = Checkpoint("log.example.com", 7, bytes(32)).text()
NOTE = sign_note(TEXT, LOG)
WITNESS, OTHER = Witness("witness.example", bytes(32)), Witness("other.example", bytes([1]) * 32)
KEY = WitnessKey.parse(WITNESS.key)


def test_a_cosignature_is_verified_and_written_as_it_came() -> None:
    [found] = cosignatures_in(WITNESS.cosigned(NOTE, 1_700_000_000), [KEY])
    assert (found.witness, found.time) == (KEY, 1_700_000_000)
    assert found.line() == WITNESS.line(NOTE, 1_700_000_000)
    assert cosignature_from(found.line(), TEXT, KEY) == found


def test_a_cosigned_note_is_still_signed_by_the_log() -> None:
    assert open_note(WITNESS.cosigned(NOTE), [LOG.public]) == TEXT


def test_cosignatures_of_unknown_witnesses_are_ignored() -> None:
    [found] = cosignatures_in(WITNESS.cosigned(OTHER.cosigned(NOTE)), [KEY])
    assert found.witness == KEY


def test_a_note_that_no_witness_has_signed_is_refused() -> None:
    for note in (NOTE, OTHER.cosigned(NOTE)):
        with pytest.raises(NoteError, match="not cosigned by a configured witness"):
            cosignatures_in(note, [KEY])


def with_blob(change: int) -> str:
    """Change one byte of the key id, the time or the signature of a line."""
    dash, name, encoded = WITNESS.line(NOTE).split(" ")
    blob = bytearray(base64.b64decode(encoded))
    blob[change] ^= 1
    return f"{dash} {name} {base64.b64encode(blob).decode()}\n"


@pytest.mark.parametrize("change", [4, 11, 12, 75])
def test_a_changed_time_or_signature_is_refused(change: int) -> None:
    with pytest.raises(NoteError, match=r"the cosignature of witness\.example is wrong"):
        cosignatures_in(NOTE + with_blob(change), [KEY])


def test_the_signature_of_another_text_is_refused() -> None:
    other = sign_note(Checkpoint("log.example.com", 8, bytes(32)).text(), LOG)
    with pytest.raises(NoteError, match="is wrong"):
        cosignatures_in(NOTE + WITNESS.line(other), [KEY])


@pytest.mark.parametrize("blob", [b"", bytes(8), bytes(71), bytes(73)])
def test_a_signature_of_another_length_is_refused(blob: bytes) -> None:
    line = f"\u2014 {KEY.name} {base64.b64encode(KEY.key_id + blob).decode()}\n"
    with pytest.raises(NoteError, match="is wrong"):
        cosignatures_in(NOTE + line, [KEY])


def test_a_plain_signature_under_the_name_of_the_witness_is_none_of_it() -> None:
    namesake = SigningKey("witness.example", bytes(32))
    with pytest.raises(NoteError, match="not cosigned"):
        cosignatures_in(sign_note(TEXT, namesake), [KEY])


def test_keys_of_logs_and_of_witnesses_are_not_exchanged() -> None:
    with pytest.raises(ValueError, match="verification key"):
        WitnessKey.parse(str(LOG.public))
    with pytest.raises(ValueError, match="verification key"):
        VerificationKey.parse(WITNESS.key)
    assert str(KEY) == WITNESS.key
