"""Rotating secrets while two gateways run with different settings."""

from itertools import pairwise

import pytest

from domain.accounts.access import Claims, Role
from domain.accounts.keys import Peppers, mint
from gateway.auth.settings import AuthenticationSettings
from gateway.auth.tokens import Tokens, key_id
from store.accounts.writes import random_id
from tests.builders.clock import Clock

OLD, NEW = "o" * 32, "n" * 32


def accepts(one: Tokens, other: Tokens) -> bool:
    claims = Claims("ada", Role.END_USER, "garden", random_id(), random_id(), one.expiry("access"))
    return other.verify(one.sign(claims, "access"), "access").subject == "ada"


def test_tokens_are_accepted_by_both_gateways_at_every_step_of_a_rotation() -> None:
    clock = Clock.running()
    steps = [[OLD], [OLD, NEW], [NEW, OLD], [NEW]]  # first listed, then signing, then alone
    for before, after in pairwise(steps):
        older, newer = Tokens(before, clock), Tokens(after, clock)
        if before != steps[2]:  # the last step waits until the tokens of the old secret have expired
            assert accepts(older, newer)
        assert accepts(newer, older)


def test_a_key_id_is_a_hash_of_the_secret() -> None:
    assert key_id(OLD) != key_id(NEW)
    assert OLD not in key_id(OLD)


def test_keys_are_found_by_both_gateways_at_every_step_of_a_pepper_rotation() -> None:
    key = mint("ak")
    steps = [
        Peppers({1: OLD}),
        Peppers({1: OLD, 2: NEW}, chosen=1),
        Peppers({1: OLD, 2: NEW}),
        Peppers({2: NEW}),
    ]
    for before, after in pairwise(steps):
        assert after.hash(key) in before.candidates(key)
        if after is not steps[3]:  # that step waits until every key in use has the new hash
            assert before.hash(key) in after.candidates(key)


def test_an_unlisted_pepper_cannot_be_current() -> None:
    with pytest.raises(ValueError, match="version 3"):
        Peppers({1: OLD}, chosen=3)


def test_the_settings_choose_the_current_pepper() -> None:
    settings = AuthenticationSettings.model_validate({"key_peppers": {1: OLD, 2: NEW}, "key_pepper_current": 1})
    assert settings.peppers.current == 1
    assert OLD not in repr(settings.peppers)
