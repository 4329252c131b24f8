"""The asymmetric signatures of Standard Webhooks: keys that follow from master keys, and what they sign."""

import base64
from datetime import UTC, datetime

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from domain.webhooks.master_keys import MasterKeys
from domain.webhooks.signature import new_secret, signed_headers
from domain.webhooks.signing_keys import MOST_KEYS, SigningKey, SigningKeys

FIRST, SECOND = "the first master key of these tests", "the second master key of these tests"
NOW = datetime.fromtimestamp(1_614_265_330, UTC)


def keys_of(masters: dict[int, str], chosen: int | None = None) -> SigningKeys:
    return SigningKeys(MasterKeys(masters, chosen))


def content_of(headers: dict[str, str], body: bytes) -> bytes:
    """Write what Standard Webhooks says is signed."""
    return f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body


def public_key(key: SigningKey) -> Ed25519PublicKey:
    """Read a public key from its text, as a receiver does."""
    return Ed25519PublicKey.from_public_bytes(base64.b64decode(key.text.removeprefix("whpk_")))


def test_a_message_is_signed_with_secret_and_key() -> None:
    [key] = keys_of({1: FIRST}).of_project("one")
    headers = signed_headers("msg_1", body=b"{}", secrets=[new_secret(b"k" * 32)], keys=[key], version=1, now=NOW)
    symmetric, asymmetric = headers["webhook-signature"].split(" ")
    assert symmetric.startswith("v1,")
    version, _, text = asymmetric.partition(",")
    assert version == "v1a"
    public_key(key).verify(base64.b64decode(text), content_of(headers, b"{}"))
    with pytest.raises(InvalidSignature):
        public_key(key).verify(base64.b64decode(text), content_of(headers, b"[]"))


def test_every_signer_and_every_master_key_has_a_key_of_its_own() -> None:
    keys = keys_of({1: FIRST, 2: SECOND})
    signers = [keys.of_project("one"), keys.of_project("two"), keys.of_user("one", "a"), keys.of_user("one", "b")]
    texts = [key.text for found in signers for key in found]
    assert len(set(texts)) == len(texts) == 8
    assert [key.text for key in keys_of({1: FIRST}).of_project("one")] == texts[1:2], "always the same"


def test_the_current_key_comes_first_and_all_known_ones_sign() -> None:
    masters = {version: f"{FIRST} {version}" for version in range(1, 7)}
    assert [key.id for key in keys_of(masters).of_project("one")] == ["6", "5", "4", "3"]
    assert [key.id for key in keys_of(masters, 2).of_project("one")] == ["2", "6", "5", "4"]
    assert len(keys_of(masters).of_user("one", "a")) == MOST_KEYS


def test_a_private_key_is_never_shown() -> None:
    [key] = keys_of({1: FIRST}).of_project("one")
    assert "private" not in repr(key)
    assert FIRST not in repr(keys_of({1: FIRST}))
