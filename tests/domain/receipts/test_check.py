"""The checks of a receipt find every fault, and need the picture and the public key alone."""

import base64
import json
from collections.abc import Callable, Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.audit.checkpoint_key import SigningKey, VerificationKey
from domain.audit.checkpoints import NoteError, checkpoint_from, sign_note
from domain.receipts.check import Check, check_receipt
from domain.receipts.containers import embedded
from domain.receipts.receipt import Receipt, ReceiptError
from tests.builders.pictures import saved, shot
from tests.builders.receipts import KEY, RECEIPT_KEY, Made, made, personal_data, proof_of

PICTURE = saved(shot(size=(48, 32)), "PNG")
STRANGER = SigningKey("exemplar", bytes([9]) * 32)
ORIGINAL = "0193f5e0-0000-7000-8000-000000000009"
NAMES = ["receipt", "picture", "key", "signature", "checkpoint", "inclusion", "event", "personal data"]


@pytest.fixture(scope="module")
def generation() -> Made:
    return made(PICTURE)


def checks(picture: bytes, receipt: Receipt | str | None = None, *keys: VerificationKey) -> list[Check]:
    text = receipt.text() if isinstance(receipt, Receipt) else receipt
    return list(check_receipt(picture, keys or [KEY.public], text))


def fault(found: Sequence[Check]) -> tuple[str, str]:
    """Return the one fault, which must be the last check."""
    assert [check.passed for check in found] == [True] * (len(found) - 1) + [False], found
    return found[-1].name, found[-1].found


def test_an_embedded_receipt_passes_with_the_picture_alone(generation: Made) -> None:
    found = checks(embedded(PICTURE, generation.receipt().text(), marked=True))
    assert [check.name for check in found] == NAMES[:-1]
    assert all(check.passed for check in found), found
    assert found[0].found.endswith("which is marked as made by AI")


def test_a_receipt_beside_the_picture_passes_with_and_without_the_embedded_one(generation: Made) -> None:
    receipt = generation.receipt(personal=personal_data())
    for picture in (PICTURE, embedded(PICTURE, generation.receipt().text(), marked=False)):
        found = checks(picture, receipt)
        assert [check.name for check in found] == NAMES
        assert all(check.passed for check in found), found
    assert "a quiet harbour" in found[-1].found


def test_a_receipt_may_have_been_formatted(generation: Made) -> None:
    pretty = json.dumps(json.loads(generation.receipt(personal=personal_data()).text()), indent=2, ensure_ascii=False)
    assert all(check.passed for check in checks(PICTURE, pretty))


def test_a_key_of_its_own_signs_receipts_and_no_checkpoint(generation: Made) -> None:
    receipt = generation.receipt(signer=RECEIPT_KEY)
    assert all(check.passed for check in checks(PICTURE, receipt, KEY.public, RECEIPT_KEY.public))
    assert fault(checks(PICTURE, receipt, KEY.public))[0] == "key"
    assert fault(checks(PICTURE, receipt, RECEIPT_KEY.public))[0] == "checkpoint"
    body = generation.commits[-1].body
    for origin in ("exemplar", "exemplar/receipts"):
        forged = receipt.model_copy(update={"proof": proof_of(body, signer=RECEIPT_KEY, origin=origin)})
        found = checks(PICTURE, forged.signed(RECEIPT_KEY), KEY.public, RECEIPT_KEY.public)
        assert fault(found) == ("checkpoint", "its checkpoint: not signed by a trusted key")


def test_a_retry_has_the_hash_of_its_original() -> None:
    receipt = made(PICTURE, retry_of=ORIGINAL).receipt(personal=personal_data())
    found = checks(PICTURE, receipt)
    assert found[-1].passed
    assert ORIGINAL in found[-1].found


def test_equal_examples_have_the_hash_of_the_first() -> None:
    [plain] = personal_data().examples
    found = checks(PICTURE, made(PICTURE, copies=2).receipt(personal=personal_data(examples=(plain, plain))))
    assert found[-1].passed, found[-1]


def test_examples_that_are_not_kept_leave_the_rest_to_be_checked(generation: Made) -> None:
    found = checks(PICTURE, generation.receipt(personal=personal_data(examples=(None,))))
    assert found[-1].passed
    assert "not all examples are kept" in found[-1].found


def test_every_flipped_bit_of_a_picture_and_its_receipt_is_found(generation: Made) -> None:
    variant = embedded(PICTURE, generation.receipt().text(), marked=True)
    for position in range(0, len(variant), 7):
        flipped = variant[:position] + bytes((variant[position] ^ 1 << position % 8,)) + variant[position + 1 :]
        assert fault(checks(flipped))[0] in ("receipt", "picture"), position


def test_every_flipped_bit_of_a_receipt_beside_the_picture_is_found_or_changes_nothing(generation: Made) -> None:
    receipt = generation.receipt(personal=personal_data())
    text = receipt.text().encode()
    unnoticed = []
    for position in range(len(text)):
        flipped = text[:position] + bytes((text[position] ^ 1 << position % 8,)) + text[position + 1 :]
        shown = flipped.decode(errors="replace")
        if all(check.passed for check in checks(PICTURE, shown)):
            assert json.loads(shown) == json.loads(text)
            unnoticed.append(position)
    assert len(unnoticed) < 20  # the case of letters in escapes


def altered(path: str, value: object) -> Callable[[dict[str, Any]], None]:
    def change(fields: dict[str, Any]) -> None:
        *outer, last = path.split(".")
        for name in outer:
            fields = fields[name]
        fields[last] = value

    return change


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("generation", "another"),
        ("picture.digest", "0" * 64),
        ("picture.width", 49),
        ("picture.number", 1),
        ("request.digest", "0" * 64),
        ("request.examples", []),
        ("model", "another"),
        ("seed", 1),
        ("times.requested_at", "2026-01-01T00:00:00.000Z"),
        ("cost.microusd", 1),
        ("cost.predict_seconds", None),
        ("event", "generation-x:1"),
        ("proof", "nothing"),
        ("personal_data", None),
        ("personal_data.instructions", "another"),
    ],
)
def test_an_altered_field_contradicts_the_signature(generation: Made, path: str, value: object) -> None:
    fields = json.loads(generation.receipt(personal=personal_data()).text())
    altered(path, value)(fields)
    assert fault(checks(PICTURE, json.dumps(fields))) == ("signature", "the signature of exemplar is wrong")


def resigned(receipt: Receipt, path: str, value: object) -> Receipt:
    fields = json.loads(receipt.text())
    altered(path, value)(fields)
    return Receipt.parse(json.dumps(fields)).signed(KEY)


@pytest.mark.parametrize(
    ("path", "value", "name"),
    [
        ("picture.sha256", "0" * 64, "picture"),
        ("log", "another", "key"),
        ("proof", "nothing", "checkpoint"),
        ("generation", "another", "event"),
        ("picture.width", 49, "event"),
        ("picture.number", 1, "event"),
        ("cost.microusd", 1, "event"),
        ("times.completed_at", "2026-01-01T00:00:00.000Z", "event"),
        ("event", "generation-x:1", "event"),
        ("personal_data.salt", "00", "personal data"),
        ("personal_data.instructions", "another", "personal data"),
        ("personal_data.examples", ["0" * 64], "personal data"),
        ("personal_data.examples", [], "personal data"),
        ("request.retry_of", ORIGINAL, "personal data"),
    ],
)
def test_a_signed_lie_contradicts_the_log(generation: Made, path: str, value: object, name: str) -> None:
    lie = resigned(generation.receipt(personal=personal_data()), path, value)
    assert fault(checks(PICTURE, lie))[0] == name


def test_the_proof_of_another_commit_does_not_help(generation: Made) -> None:
    for commit in generation.commits[:-1]:
        receipt = generation.receipt().model_copy(update={"proof": proof_of(commit.body)}).signed(KEY)
        assert fault(checks(PICTURE, receipt))[0] == "event"
    real, other = (generation.receipt().proof, proof_of(b"another"))
    mixed = other.partition("\n\n")[0] + "\n\n" + real.partition("\n\n")[2]
    receipt = generation.receipt().model_copy(update={"proof": mixed}).signed(KEY)
    assert fault(checks(PICTURE, receipt))[0] == "inclusion"


def test_the_checkpoint_must_be_of_the_log_that_the_receipt_names(generation: Made) -> None:
    proof = proof_of(generation.commits[-1].body, origin="another")
    receipt = generation.receipt().model_copy(update={"proof": proof}).signed(KEY)
    assert fault(checks(PICTURE, receipt)) == ("checkpoint", "its checkpoint is of the log another")


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"salt": "00", "examples": [None]}, "the salt does not lead to the hash of the picture in the log"),
        ({"examples": ["0" * 64]}, "example 0 does not lead to its hash in the log"),
        ({"examples": []}, "it has 0 examples, the log 1"),
    ],
)
@pytest.mark.parametrize("retry_of", [None, ORIGINAL])
def test_each_part_of_the_personal_data_leads_to_its_hash(
    changed: dict[str, Any], said: str, retry_of: str | None
) -> None:
    receipt = made(PICTURE, retry_of=retry_of).receipt(personal=personal_data())
    fields = json.loads(receipt.text())
    fields["personal_data"] |= changed
    assert fault(checks(PICTURE, Receipt.parse(json.dumps(fields)).signed(KEY))) == ("personal data", said)


def test_another_form_of_the_receipt_in_a_picture_is_a_fault(generation: Made) -> None:
    pretty = json.dumps(json.loads(generation.receipt().text()), indent=1)
    found = checks(embedded(PICTURE, pretty, marked=True))
    assert fault(found) == ("receipt", "the receipt in the picture was altered")


def test_a_name_that_is_given_twice_is_refused(generation: Made) -> None:
    text = generation.receipt().text()
    twice = text.replace('"seed":', '"seed":1,"seed":', 1)
    assert fault(checks(PICTURE, twice)) == ("receipt", "no receipt: no JSON (a name is given twice)")


def test_a_foreign_key_is_named(generation: Made) -> None:
    named = f"exemplar+{STRANGER.key_id.hex()} is not a trusted key"
    assert fault(checks(PICTURE, generation.receipt(signer=STRANGER))) == ("key", named)
    foreign = generation.receipt().model_copy(update={"proof": proof_of(generation.commits[-1].body, signer=STRANGER)})
    assert fault(checks(PICTURE, foreign.signed(KEY))) == (
        "checkpoint",
        "its checkpoint: not signed by a trusted key",
    )


def test_a_plain_or_another_picture_is_a_fault(generation: Made) -> None:
    assert fault(checks(PICTURE)) == ("receipt", "the picture holds no receipt, or what holds it was altered")
    assert fault(checks(b"no picture"))[0] == "receipt"
    assert fault(checks(saved(shot(size=(8, 8)), "PNG"), generation.receipt()))[0] == "picture"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "null",
        "[]",
        "{}",
        '{"type": "exemplar-receipt/v2"}',
        "[" * 100_000,
        '{"a": 1, "a": 1}',
        "\ud800",
        "x" * 2_000_000,
    ],
)
def test_a_malformed_receipt_is_named_as_such(text: str) -> None:
    name, found = fault(checks(PICTURE, text))
    assert (name, found.startswith("no receipt: ")) == ("receipt", True)


@pytest.mark.parametrize("signature", ["", "x", "— exemplar AAAA\n— exemplar AAAA", "x\n\n— exemplar AAAAAAAA"])
def test_a_malformed_signature_is_a_fault(generation: Made, signature: str) -> None:
    receipt = generation.receipt().model_copy(update={"signature": signature})
    assert fault(checks(PICTURE, receipt)) == ("key", "the signature is no line of a signed note")


def test_unknown_fields_are_refused(generation: Made) -> None:
    fields = json.loads(generation.receipt().text()) | {"more": 1}
    with pytest.raises(ReceiptError, match="more"):
        Receipt.parse(json.dumps(fields))


def test_neither_a_receipt_nor_a_checkpoint_can_stand_for_the_other(generation: Made) -> None:
    receipt = generation.receipt()
    assert receipt.signed_text().startswith('exemplar-receipt/v1\n{"')
    with pytest.raises(NoteError):
        checkpoint_from(receipt.signed_text())
    checkpoint = receipt.proof.partition("\n\n")[2]
    line = checkpoint.rpartition("\n\n")[2].rstrip("\n")
    copied = receipt.model_copy(update={"signature": line})
    assert fault(checks(PICTURE, copied))[0] == "signature"
    odd = SigningKey("exemplar-receipt/v1", bytes(range(32)))
    as_checkpoint = sign_note(f"exemplar-receipt/v1\n1\n{base64.b64encode(bytes(32)).decode()}\n", odd)
    assert not receipt.signed_text().startswith(as_checkpoint.partition("\n\n")[0])


@settings(max_examples=120, deadline=None)
@given(data=st.data())
def test_whatever_was_altered_ends_in_checks_and_in_no_error(generation: Made, data: st.DataObject) -> None:
    variant = embedded(PICTURE, generation.receipt().text(), marked=True)
    text = generation.receipt(personal=personal_data()).text()
    start, stop = sorted(data.draw(st.tuples(st.integers(0, len(variant)), st.integers(0, len(variant)))))
    picture = variant[:start] + data.draw(st.binary(max_size=20)) + variant[stop:]
    begin, end = sorted(data.draw(st.tuples(st.integers(0, len(text)), st.integers(0, len(text)))))
    beside = text[:begin] + data.draw(st.text(max_size=20)) + text[end:]
    for found in (checks(picture), checks(PICTURE, beside)):
        assert all(check.passed for check in found[:-1])


@pytest.mark.parametrize("line", ["extra !", "extra AB==", "index 01", "index -1", "index 99999999999999999999", "é"])
def test_a_malformed_proof_is_named(generation: Made, line: str) -> None:
    proof = generation.receipt().proof
    name = line.partition(" ")[0]
    old = next((known for known in proof.split("\n") if known.startswith(f"{name} ")), proof.split("\n")[3])
    receipt = generation.receipt().model_copy(update={"proof": proof.replace(old, line)}).signed(KEY)
    assert fault(checks(PICTURE, receipt))[0] == "checkpoint"
