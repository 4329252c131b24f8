"""Checkpoints are read by a second implementation of the form, written here from its specification."""

import base64
from hashlib import sha256

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from hypothesis import given
from hypothesis import strategies as st

from domain.audit.checkpoint_key import SigningKey, VerificationKey
from domain.audit.checkpoints import Checkpoint, NoteError, checkpoint_from, open_note, sign_note

KEY = SigningKey("log.example.com", bytes(range(32)))
OTHER = SigningKey("log.example.com", bytes(32))
CHECKPOINT = Checkpoint("log.example.com", 7, sha256(b"root").digest())
NOTE = sign_note(CHECKPOINT.text(), KEY)

# The example of the documentation of Go's package golang.org/x/mod/sumdb/note.
GO_KEY = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
GO_NOTE = (
    "If you think cryptography is the answer to your problem,\n"
    "then you don't know what your problem is.\n\n"
    "\u2014 PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqf"
    "qdngotpRZb6KE6RyyBwJnAM=\n"
)


def read_as_the_specification_says(note: str, key: str) -> list[str]:
    """Verify a note of one signature step by step (c2sp.org/signed-note); return its lines."""
    name, key_id, public = key.split("+", 2)
    algorithm_and_key = base64.b64decode(public)
    assert algorithm_and_key[0] == 1
    assert sha256(name.encode() + b"\x0a" + algorithm_and_key).hexdigest()[:8] == key_id
    end = note.index("\n\n") + 1
    text, [signature_line] = note[:end], note[end + 1 :].splitlines()
    dash, signer, encoded = signature_line.split(" ")
    assert (dash.encode(), signer) == (b"\xe2\x80\x94", name)
    signature = base64.b64decode(encoded)
    assert signature[:4].hex() == key_id
    Ed25519PublicKey.from_public_bytes(algorithm_and_key[1:]).verify(signature[4:], text.encode())
    return text.splitlines()


class Impostor(SigningKey):
    """Signs with another key under the name and the key id of the trusted one."""

    def sign(self, message: bytes) -> bytes:
        return OTHER.sign(message)


def test_a_checkpoint_is_read_by_a_second_implementation() -> None:
    lines = read_as_the_specification_says(NOTE, str(KEY.public))
    assert lines == ["log.example.com", "7", base64.b64encode(CHECKPOINT.root).decode()]


def test_a_note_signed_elsewhere_is_read() -> None:
    assert open_note(GO_NOTE, [VerificationKey.parse(GO_KEY)]).startswith("If you think")
    assert str(VerificationKey.parse(GO_KEY)) == GO_KEY


SIZES = st.integers(0, 2**60)


@given(SIZES, st.none() | SIZES, st.binary(min_size=32, max_size=32), st.binary(min_size=32, max_size=32))
def test_a_signed_checkpoint_is_read_back(size: int, previous: int | None, root: bytes, seed: bytes) -> None:
    key, checkpoint = SigningKey("a", seed), Checkpoint("a", size, root, previous)
    assert checkpoint_from(open_note(sign_note(checkpoint.text(), key), [key.public])) == checkpoint
    assert VerificationKey.parse(str(key.public)) == key.public


@pytest.mark.parametrize("root", ["\u00e4", "\u00e4" * 44, "=", "A", "\0"])
def test_a_checkpoint_whose_root_is_no_base64_is_refused(root: str) -> None:
    with pytest.raises(NoteError):
        checkpoint_from(f"a\n1\n{root}\n")


@pytest.mark.parametrize("index", range(len(CHECKPOINT.text())))
def test_a_changed_character_of_a_signed_text_is_detected(index: int) -> None:
    other = "x" if NOTE[index] != "x" else "y"
    with pytest.raises(NoteError):
        open_note(NOTE[:index] + other + NOTE[index + 1 :], [KEY.public])


def test_the_signature_of_an_unknown_key_is_not_trusted() -> None:
    with pytest.raises(NoteError, match="not signed by a trusted key"):
        open_note(NOTE, [OTHER.public])


def test_signatures_of_unknown_keys_are_ignored() -> None:
    both = sign_note(CHECKPOINT.text(), OTHER) + NOTE.partition("\n\n")[2]
    assert open_note(both, [KEY.public]) == CHECKPOINT.text()


def test_a_wrong_signature_of_a_trusted_key_is_refused_beside_a_right_one() -> None:
    forged = sign_note(CHECKPOINT.text(), Impostor(KEY.name, bytes(range(32))))
    with pytest.raises(NoteError, match="is wrong"):
        open_note(forged + NOTE.partition("\n\n")[2], [KEY.public])


@pytest.mark.parametrize(
    "note", ["", "\n\n", CHECKPOINT.text(), CHECKPOINT.text() + "\n", NOTE[:-1], NOTE + "trailing\n"]
)
def test_a_malformed_note_is_refused(note: str) -> None:
    with pytest.raises(NoteError):
        open_note(note, [KEY.public])


@pytest.mark.parametrize(
    "text", ["", "\n1\nAA==\n", "a\n01\nAA==\n", "a\n-1\nAA==\n", "a\n1\nAA==\n", "a\n1\nno base64\n"]
)
def test_a_malformed_checkpoint_is_refused(text: str) -> None:
    with pytest.raises(NoteError):
        checkpoint_from(text)


@pytest.mark.parametrize(
    "key", ["", "name", GO_KEY.replace("c74f20a3", "c74f20a4"), "a+00000000+AQ==", " " + GO_KEY[:-3]]
)
def test_an_inconsistent_verification_key_is_refused(key: str) -> None:
    with pytest.raises(ValueError, match="verification key"):
        VerificationKey.parse(key)
