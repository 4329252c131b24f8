"""The verifier's own Ed25519 against the test vectors of RFC 8032 and against a known implementation."""

from collections.abc import Iterator

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from hypothesis import given, settings
from hypothesis import strategies as st

from exemplar.export.verify import L, P, is_signed

# RFC 8032, section 7.1: secret key, public key, message, signature.
VECTORS = {
    "test 1": (
        "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
        "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
        "",
        (
            "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46b"
            "d25bf5f0595bbe24655141438e7a100b"
        ),
    ),
    "test 2": (
        "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
        "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
        "72",
        (
            "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c"
            "387b2eaeb4302aeeb00d291612bb0c00"
        ),
    ),
    "test 3": (
        "c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
        "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
        "af82",
        (
            "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc659"
            "4a7c15e9716ed28dc027beceea1ec40a"
        ),
    ),
    "test sha(abc)": (
        "833fe62409237b9d62ec77587520911e9a759cec1d19755b7da901b96dca3d42",
        "ec172b93ad5e563bf4932c70e1245034c35467ef2efd4d64ebf819683467e2bf",
        (
            "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a2192992a274fc1a836ba3c23a3feebbd"
            "454d4423643ce80e2a9ac94fa54ca49f"
        ),
        (
            "dc2a4459e7369633a52b1bf277839a00201009a3efbf3ecb69bea2186c26b58909351fc9ac90b3ecfdfbc7c66431e030"
            "3dca179c138ac17ad9bef1177331a704"
        ),
    ),
}
SEEDS = st.binary(min_size=32, max_size=32)
MESSAGES = st.binary(max_size=300)
# The points of small order: 1, 2, 4, 4, 8, 8, 8, 8 times themselves is the neutral element.
SMALL_ORDER = (
    "0100000000000000000000000000000000000000000000000000000000000000",
    "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "0000000000000000000000000000000000000000000000000000000000000000",
    "0000000000000000000000000000000000000000000000000000000000000080",
    "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
    "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85",
    "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
    "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa",
)


@pytest.mark.parametrize("vector", VECTORS.values(), ids=VECTORS)
def test_the_vectors_of_the_rfc_are_valid(vector: tuple[str, str, str, str]) -> None:
    secret, public, message, signature = map(bytes.fromhex, vector)
    assert Ed25519PrivateKey.from_private_bytes(secret).sign(message) == signature
    assert is_signed(public, message, signature)
    assert not is_signed(public, message + b"\0", signature)


def flipped(data: bytes, bit: int) -> bytes:
    changed = bytearray(data)
    changed[bit // 8 % len(data)] ^= 1 << bit % 8
    return bytes(changed)


def is_valid(public: bytes, message: bytes, signature: bytes) -> bool:
    try:
        Ed25519PublicKey.from_public_bytes(public).verify(signature, message)
    except (InvalidSignature, ValueError):
        return False
    return True


@settings(max_examples=20, deadline=None)
@given(SEEDS, MESSAGES, st.integers(0, 511), st.integers(0, 255), st.integers(0, 2399))
def test_it_agrees_with_a_known_implementation(
    seed: bytes, message: bytes, of_signature: int, of_key: int, of_message: int
) -> None:
    key = Ed25519PrivateKey.from_private_bytes(seed)
    public, signature = key.public_key().public_bytes_raw(), key.sign(message)
    assert is_signed(public, message, signature)
    for changed in variants(public, message, signature, of_signature, of_key, of_message):
        assert is_signed(*changed) is is_valid(*changed) is False


def variants(
    public: bytes, message: bytes, signature: bytes, of_signature: int, of_key: int, of_message: int
) -> Iterator[tuple[bytes, bytes, bytes]]:
    yield public, message, flipped(signature, of_signature)
    yield flipped(public, of_key), message, signature
    yield public, flipped(message, of_message) if message else b"\0", signature
    yield public, message, signature[:-1]
    yield public, message, signature + b"\0"
    yield public[:-1], message, signature


@settings(max_examples=15, deadline=None)
@given(SEEDS, MESSAGES)
def test_a_signature_with_a_scalar_that_is_not_reduced_is_refused(seed: bytes, message: bytes) -> None:
    key = Ed25519PrivateKey.from_private_bytes(seed)
    public, signature = key.public_key().public_bytes_raw(), key.sign(message)
    scalar = int.from_bytes(signature[32:], "little") + L
    assert not is_signed(public, message, signature[:32] + scalar.to_bytes(32, "little"))


@pytest.mark.parametrize("encoded", SMALL_ORDER)
def test_points_of_small_order_are_refused(encoded: str) -> None:
    point, scalar = bytes.fromhex(encoded), bytes(32)
    # With such a key the equation holds for many messages whatever was signed.
    assert not any(is_signed(point, bytes([number]), point + scalar) for number in range(16))
    key = Ed25519PrivateKey.from_private_bytes(bytes(32))
    assert not is_signed(key.public_key().public_bytes_raw(), b"", point + scalar)


def test_a_coordinate_that_is_not_reduced_is_refused() -> None:
    for y in range(2, 19):  # y and y + P have the same 255 bits otherwise; some of them are on the curve
        for sign in (0, 1):
            encoded = (y + P + (sign << 255)).to_bytes(32, "little")
            assert not any(is_signed(encoded, bytes([number]), encoded + bytes(32)) for number in range(4))
