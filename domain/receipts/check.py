"""Check a receipt with the bytes of its picture and a public key, and with nothing else."""

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from hashlib import sha256
from typing import NamedTuple

from domain.audit.checkpoint_key import VerificationKey
from domain.audit.checkpoints import Checkpoint, NoteError, checkpoint_from, open_note
from domain.audit.merkle import verify_inclusion
from domain.audit.proof_texts import InclusionText, inclusion_from
from domain.generation.digests import RETRY_CHOICES, example_digest, salted_digest
from domain.generation.generation import stream_of
from domain.receipts.containers import extract
from domain.receipts.manifests import without_manifest
from domain.receipts.receipt import Receipt, ReceiptError, ReceiptPersonalData
from domain.receipts.statement import receipt_cost, receipt_picture
from events.commit import commit_from, leaf_hash
from events.envelope import format_time
from events.generation import GenerationCompleted


class FaultError(Exception):
    """A check has failed; the message says what is wrong."""


class Check(NamedTuple):
    """One check: its name, whether it found no fault, and what it found."""

    name: str
    passed: bool
    found: str


@dataclass(frozen=True, slots=True)
class Presented:
    """A receipt with the pictures that it may be of: the file as it is, and without what was embedded in it."""

    receipt: Receipt
    pictures: Sequence[bytes]
    marked: bool | None = None


def check_receipt(picture: bytes, trusted: Sequence[VerificationKey], text: str | None = None) -> Iterator[Check]:
    """Run every check up to the first fault.

    text: the receipt beside the picture; without one, the one that is embedded in it. trusted: the keys of the log
    that sign receipts and checkpoints.
    """
    try:
        presented = _presented(picture, text)
    except (FaultError, ReceiptError) as error:
        yield Check("receipt", False, str(error))
        return
    yield Check("receipt", True, _introduction(presented))
    for name, check in _checks(presented, trusted):
        try:
            yield Check(name, True, check())
        except (FaultError, ValueError) as error:
            yield Check(name, False, str(error))
            return


def _presented(picture: bytes, text: str | None) -> Presented:
    found = extract(picture) or extract(without_manifest(picture))
    if text is not None:
        return Presented(Receipt.parse(text), [picture, *([found.original] if found else [])])
    if found is None:
        raise FaultError("the picture holds no receipt, or what holds it was altered")
    receipt = Receipt.parse(found.packet.receipt)
    if receipt.text() != found.packet.receipt:
        raise FaultError("the receipt in the picture was altered")
    return Presented(receipt, [found.original], found.packet.marked)


def _introduction(presented: Presented) -> str:
    receipt = presented.receipt
    marks = {None: "", True: ", which is marked as made by AI", False: ", which is not marked as made by AI"}
    return f"picture {receipt.picture.number} of generation {receipt.generation}{marks[presented.marked]}"


def _checks(presented: Presented, trusted: Sequence[VerificationKey]) -> Iterator[tuple[str, Callable[[], str]]]:
    receipt = presented.receipt
    yield "picture", partial(_check_picture, receipt, presented.pictures)
    yield "key", partial(_check_key, receipt, trusted)
    yield "signature", partial(_check_signature, receipt, trusted)
    yield "checkpoint", partial(_check_checkpoint, receipt, trusted)
    yield "inclusion", partial(_check_inclusion, receipt)
    yield "event", partial(_check_event, receipt)
    if receipt.personal_data is not None:
        yield "personal data", partial(_check_personal_data, receipt, receipt.personal_data, presented.pictures)


def _check_picture(receipt: Receipt, pictures: Sequence[bytes]) -> str:
    expected = receipt.picture.sha256
    if all(sha256(picture).hexdigest() != expected for picture in pictures):
        raise FaultError(f"its SHA-256 is not {expected}, of which the receipt is")
    return f"SHA-256 {expected}"


def _check_key(receipt: Receipt, trusted: Sequence[VerificationKey]) -> str:
    signer, key = receipt.signer, receipt.key_of(trusted)
    named = f"{signer.name}+{signer.key_id.hex()}"
    if key is None:
        raise FaultError(f"{named} is not a trusted key")
    if key.name not in (receipt.log, receipt_signer_name(receipt.log)):
        raise FaultError(f"{named} does not sign for the log {receipt.log}")
    return named


def receipt_signer_name(log: str) -> str:
    """Name the key that signs receipts, where it is not the key of the log itself."""
    return f"{log}/receipts"


def _check_signature(receipt: Receipt, trusted: Sequence[VerificationKey]) -> str:
    open_note(f"{receipt.signed_text()}\n{receipt.signature}\n", trusted)
    return "signed by this key"


def _check_checkpoint(receipt: Receipt, trusted: Sequence[VerificationKey]) -> str:
    of_log = [key for key in trusted if key.name == receipt.log]
    try:
        checkpoint = checkpoint_from(open_note(inclusion_from(receipt.proof).note, of_log))
    except NoteError as error:
        raise FaultError(f"its checkpoint: {error}") from None
    if checkpoint.origin != receipt.log:
        raise FaultError(f"its checkpoint is of the log {checkpoint.origin}")
    return f"{checkpoint.size} commits of the log {checkpoint.origin}, signed by its key"


def _proven(receipt: Receipt) -> tuple[InclusionText, Checkpoint]:
    proof = inclusion_from(receipt.proof)
    return proof, checkpoint_from(proof.note.rpartition("\n\n")[0] + "\n")


def _check_inclusion(receipt: Receipt) -> str:
    proof, checkpoint = _proven(receipt)
    if not verify_inclusion(leaf_hash(proof.extra), proof.leaf_index, checkpoint.size, proof.hashes, checkpoint.root):
        raise FaultError("the proof does not lead to the checkpoint")
    return f"the event is in commit {proof.leaf_index + 1} of the log"


def _check_event(receipt: Receipt) -> str:
    proof, _ = _proven(receipt)
    events = {recorded.id: recorded for recorded in commit_from(proof.extra).events}
    recorded = events.get(receipt.event)
    if recorded is None or not isinstance(recorded.event, GenerationCompleted):
        raise FaultError(f"{receipt.event} is not in the commit, or completes nothing")
    pictures, shown = recorded.event.pictures, receipt.picture
    agrees = (
        recorded.stream == stream_of(receipt.generation)
        and shown.number < len(pictures)
        and shown == receipt_picture(pictures[shown.number], shown.number, shown.sha256)
        and receipt.cost == receipt_cost(recorded.event)
        and receipt.times.completed_at == format_time(recorded.time)
    )
    if not agrees:
        raise FaultError(f"the receipt contradicts {receipt.event}")
    return f"{receipt.event} says the same of the picture"


def _check_personal_data(receipt: Receipt, given: ReceiptPersonalData, pictures: Sequence[bytes]) -> str:
    salt = bytes.fromhex(given.salt)
    if all(salted_digest(salt, picture) != receipt.picture.digest for picture in pictures):
        raise FaultError("the salt does not lead to the hash of the picture in the log")
    known = receipt.request.examples
    if len(given.examples) != len(known):
        raise FaultError(f"it has {len(given.examples)} examples, the log {len(known)}")
    for number, (plain, digest) in enumerate(zip(given.examples, known, strict=True)):
        if plain is not None and example_digest(salt, known.index(digest), plain) != digest:
            raise FaultError(f"example {number} does not lead to its hash in the log")
    return _check_request(receipt, given, salt)


def _check_request(receipt: Receipt, given: ReceiptPersonalData, salt: bytes) -> str:
    original = receipt.request.retry_of
    if original is not None:
        if all(
            salted_digest(salt, b"retry", original.encode(), one) != receipt.request.digest for one in RETRY_CHOICES
        ):
            raise FaultError("the salt does not lead to the hash of the request in the log")
        return f"salt and examples lead to the hashes in the log; the instructions are those of {original}"
    if None in given.examples:
        return "the salt leads to the hash in the log; not all examples are kept, so the instructions are as signed"
    hashes = (bytes.fromhex(plain) for plain in given.examples if plain)
    if salted_digest(salt, given.instructions.encode(), *hashes) != receipt.request.digest:
        raise FaultError("the instructions do not lead to their hash in the log")
    return f"instructions and examples lead to the hashes in the log: {json.dumps(given.instructions)}"
