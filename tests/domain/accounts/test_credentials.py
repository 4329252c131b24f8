import asyncio
import time

import pytest

from domain.accounts.keys import Peppers, display_prefix, is_key, mint
from domain.accounts.names import normal_email
from domain.accounts.passwords import Passwords, check_password
from domain.errors import ErrorCode, ExemplarError

OLD, NEW = "o" * 32, "n" * 32
CHEAP = {"memory_kib": 8, "passes": 1}


def test_a_key_is_its_prefix_and_32_url_safe_characters() -> None:
    assert mint("ak", lambda n: b"\xff" * n) == "ak_" + "_" * 32
    assert all(is_key(mint("pk")) for _ in range(100))
    assert mint("pk") != mint("pk")


def test_only_the_beginning_of_a_key_is_shown() -> None:
    assert display_prefix("ak_abc123XYZ-_789def456ghi012jkl345") == "ak_abc12"


@pytest.mark.parametrize(
    "text",
    ["ak_abc123XYZ-_789def456ghi012jkl345", "pk_" + "a" * 32, "zz_" + "-" * 32, "Ak_" + "0" * 32],
)
def test_a_key_may_begin_with_any_two_letters(text: str) -> None:
    assert is_key(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "ak_",
        "ak_" + "a" * 31,
        "ak_" + "a" * 33,
        "a_" + "a" * 32,
        "ak-" + "a" * 32,
        "ak_" + "ä" * 32,
        "ak_" + "a" * 32 + "\n",
        " ak_" + "a" * 32,
        "12_" + "a" * 32,
        "ak_" + "." * 32,
    ],
)
def test_a_malformed_key_has_no_candidates(text: str) -> None:
    assert not is_key(text)
    assert Peppers({1: OLD}).candidates(text) == ()


def test_a_key_stored_under_an_older_pepper_is_found() -> None:
    key = mint("ak")
    kept = Peppers({1: OLD}).hash(key)
    rotated = Peppers({1: OLD, 2: NEW})
    assert rotated.hash(key) != kept
    assert rotated.hash(key).startswith("2:")
    assert rotated.candidates(key) == (rotated.hash(key), kept)
    assert kept not in Peppers({2: NEW}).candidates(key)


def test_a_hash_needs_the_pepper_and_shows_nothing_of_the_key() -> None:
    key = mint("ak")
    assert Peppers({1: OLD}).hash(key) != Peppers({1: NEW}).hash(key)
    assert key[3:] not in Peppers({1: OLD}).hash(key)
    assert OLD not in repr(Peppers({1: OLD}))


@pytest.mark.parametrize("peppers", [{}, {1: "short"}, {1: OLD, 2: "short"}])
def test_a_short_or_missing_pepper_is_refused(peppers: dict[int, str]) -> None:
    with pytest.raises(ValueError, match="key peppers"):
        Peppers(peppers)


@pytest.mark.parametrize(
    ("text", "normal"),
    [
        ("Ada@Example.COM", "ada@example.com"),
        ("  ada@example.com ", "ada@example.com"),
        ("ada+tag@mail.example.co.uk", "ada+tag@mail.example.co.uk"),
        ("o'neill@example.com", "o'neill@example.com"),
        ("u\u0308ber@b\u00fccher.example", "\u00fcber@b\u00fccher.example"),
    ],
)
def test_an_address_is_normalised(text: str, normal: str) -> None:
    assert normal_email(text) == normal
    assert normal_email(normal) == normal


@pytest.mark.parametrize(
    "text",
    [
        "",
        "ada",
        "@example.com",
        "ada@",
        "ada@example",
        "a@b@example.com",
        "a b@example.com",
        "a\x00@example.com",
        "ada@-x.com",
        "ada@x-.com",
        "ada@.com",
        "ada@x..com",
        "<ada@example.com>",
        "a" * 65 + "@example.com",
        "ada@" + "x" * 64 + ".com",
        "a@" + "x." * 130 + "com",
        "ada@example.com\nBcc: b@example.com",
        "a\u202eb@example.com",
        "a\u200bb@example.com",
        "\ufeffada@example.com",
        "ada\u2066@example.com",
        "ada\u00ad@example.com",
        "ada@exa\u200dmple.com",
        "ada\ue000@example.com",
        "ada\ud800@example.com",
        "ada\u2028@example.com",
        "ada\u3000b@example.com",
    ],
)
def test_an_invalid_address_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="not a valid email"):
        normal_email(text)


def test_a_hostile_address_is_checked_in_milliseconds() -> None:
    began = time.perf_counter()
    for text in ("a@" + "a-" * 120 + "!", "a@" + "a." * 120 + "!", "a" * 100_000):
        with pytest.raises(ValueError, match="not a valid email"):
            normal_email(text)
    assert time.perf_counter() - began < 0.5


@pytest.mark.parametrize("length", [0, 7, 129, 10_000])
def test_a_password_has_8_to_128_characters(length: int) -> None:
    with pytest.raises(ValueError, match="8 to 128"):
        check_password("x" * length)
    assert check_password("x" * 8) == "x" * 8
    assert check_password("x" * 128) == "x" * 128


async def test_a_password_matches_its_own_hash_only() -> None:
    passwords = Passwords(**CHEAP)
    kept = await passwords.hash("correct horse")
    assert kept.startswith("$argon2id$")
    assert await passwords.verify("correct horse", kept)
    assert not await passwords.verify("correct horsf", kept)
    assert kept != await passwords.hash("correct horse")


async def test_a_password_in_another_unicode_form_matches() -> None:
    passwords = Passwords(**CHEAP)
    assert await passwords.verify("u\u0308bung macht", await passwords.hash("\u00fcbung macht"))


@pytest.mark.parametrize("kept", [None, "", "plain text", "$argon2id$broken"])
async def test_no_password_matches_an_unknown_account_or_a_damaged_hash(kept: str | None) -> None:
    assert not await Passwords(**CHEAP).verify("correct horse", kept)


async def test_an_unknown_account_takes_the_time_of_a_hash() -> None:
    passwords = Passwords(memory_kib=16_384, passes=2)
    kept = await passwords.hash("correct horse")

    async def least(hash_or_none: str | None) -> float:
        times = []
        for _ in range(5):
            began = time.process_time()
            await passwords.verify("wrong horse", hash_or_none)
            times.append(time.process_time() - began)
        return min(times)

    assert await least(None) > 0.5 * await least(kept)


async def test_concurrent_hashes_are_limited_and_do_not_block_the_loop() -> None:
    passwords = Passwords(memory_kib=16_384, passes=2, at_once=1)
    ticks = 0

    async def tick() -> None:
        nonlocal ticks
        while True:
            ticks += 1
            await asyncio.sleep(0)

    ticking = asyncio.create_task(tick())
    hashes = await asyncio.gather(*(passwords.hash("correct horse") for _ in range(3)))
    ticking.cancel()
    assert len(set(hashes)) == 3
    assert ticks > 50


@pytest.mark.parametrize("known", [True, False])
async def test_waiting_hashes_are_limited_for_known_and_unknown_accounts(known: bool) -> None:
    passwords = Passwords(memory_kib=16_384, passes=2, at_once=1, queue=2)
    kept = await passwords.hash("correct horse") if known else None
    asked = [passwords.verify("correct horse", kept, client=f"client {number}") for number in range(6)]
    outcomes = await asyncio.gather(*asked, return_exceptions=True)
    assert outcomes[:3] == [known] * 3
    assert [busy.code for busy in outcomes[3:] if isinstance(busy, ExemplarError)] == [ErrorCode.SERVER_BUSY] * 3
    assert await passwords.verify("correct horse", kept) is known


@pytest.mark.parametrize("known", [True, False])
async def test_a_hash_waits_at_most_the_timeout(known: bool) -> None:
    passwords = Passwords(memory_kib=65_536, passes=2, at_once=1, queue_timeout=0.001)
    kept = await passwords.hash("correct horse") if known else None
    asked = [passwords.verify("correct horse", kept) for _ in range(4)]
    first, *others = await asyncio.gather(*asked, return_exceptions=True)
    assert first is known
    assert [busy.code for busy in others if isinstance(busy, ExemplarError)] == [ErrorCode.SERVER_BUSY] * 3
    assert await passwords.verify("correct horse", kept) is known
