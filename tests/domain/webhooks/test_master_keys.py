"""Encryption of signing secrets under versioned master keys."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from domain.webhooks.master_keys import EncryptedSecret, MasterKeys, SecretLostError
from store.webhooks.settings import MasterKeySettings

FIRST, SECOND = "the first master key of these tests", "the second master key of these tests"
OTHER = "a master key that was never there"


def fixed(size: int) -> bytes:
    return bytes(range(size))


@given(st.text(min_size=1), st.text())
def test_a_secret_decrypts_for_its_endpoint_alone(endpoint: str, secret: str) -> None:
    keys = MasterKeys({1: FIRST})
    stored = keys.encrypt(endpoint, secret, fixed)
    assert keys.decrypt(endpoint, stored) == secret
    with pytest.raises(SecretLostError):
        keys.decrypt(endpoint + "x", stored)


@pytest.mark.parametrize("keys", [{2: SECOND}, {1: OTHER}], ids=["dropped", "another key"])
def test_a_secret_is_lost_without_its_master_key(keys: dict[int, str]) -> None:
    stored = MasterKeys({1: FIRST}).encrypt("one", "whsec_x", fixed)
    with pytest.raises(SecretLostError, match="master key 1"):
        MasterKeys(keys).decrypt("one", stored)


def test_the_version_of_the_master_key_is_authenticated() -> None:
    keys = MasterKeys({1: FIRST, 2: FIRST})
    stored = keys.encrypt("one", "whsec_x", fixed)
    with pytest.raises(SecretLostError):
        keys.decrypt("one", EncryptedSecret(1, stored.nonce, stored.ciphertext))


@pytest.mark.parametrize(
    ("keys", "current", "fault"),
    [
        ({}, None, "at least one is needed"),
        ({1: "short"}, None, "each of 32 bytes or more"),
        ({0: FIRST}, None, "versions from 1"),
        ({1: FIRST}, 2, "version 2 is to encrypt secrets"),
    ],
)
def test_invalid_master_keys_are_refused_without_being_shown(
    keys: dict[int, str], current: int | None, fault: str
) -> None:
    with pytest.raises(ValidationError, match=fault) as refused:
        MasterKeySettings.model_validate({"master_keys": keys, "master_key_current": current})
    assert FIRST not in str(refused.value)
