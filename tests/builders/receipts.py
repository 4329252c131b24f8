"""A receipt as the gateway makes it, in a small log that is built from the RFCs without the product's code."""

from dataclasses import dataclass
from datetime import timedelta
from hashlib import sha256

from domain.audit.checkpoint_key import SigningKey
from domain.audit.checkpoints import Checkpoint, sign_note
from domain.audit.proof_texts import inclusion_text
from domain.generation.digests import example_digest, salted_digest
from domain.generation.generation import stream_of
from domain.receipts.receipt import Receipt, ReceiptPersonalData
from domain.receipts.statement import completing_commit, receipt_of
from events.commit import Commit, commit_of
from events.envelope import Cause
from events.event import Event
from events.generation import Example, GenerationCompleted, Picture
from tests.builders.generation import ID, RESERVED, START, VALIDATED, intended, requested, settled, started
from tests.builders.rfc6962 import leaf_of, naive_inclusion, naive_root

KEY = SigningKey("exemplar", bytes(range(32)))
RECEIPT_KEY = SigningKey("exemplar/receipts", bytes(range(1, 33)))
SALT = bytes(range(100, 132))
INSTRUCTIONS = '{"prompt": "a quiet harbour, au crépuscule"}'
EXAMPLE = b"the bytes of an example"
_OTHERS = (b"the first commit", b"the second", b"the fourth", b"the fifth", b"the last")


@dataclass(frozen=True, slots=True)
class Made:
    """Commits of a completed generation, and the picture that it made."""

    commits: tuple[Commit, ...]
    picture: bytes

    def receipt(self, *, personal: ReceiptPersonalData | None = None, signer: SigningKey = KEY) -> Receipt:
        plain = sha256(self.picture).hexdigest()
        proof = proof_of(completing_commit(self.commits).body)
        made = receipt_of(self.commits, 0, log="exemplar", sha256=plain, proof=proof, personal_data=personal)
        return made.signed(signer)


def made(picture: bytes, *, retry_of: str | None = None, copies: int = 1) -> Made:
    """Complete a generation with a picture, from some copies of one example."""
    plain = sha256(EXAMPLE)
    digest = example_digest(SALT, 0, plain.hexdigest())
    fingerprint = salted_digest(SALT, INSTRUCTIONS.encode(), *[plain.digest()] * copies)
    if retry_of is not None:
        fingerprint = salted_digest(SALT, b"retry", retry_of.encode(), b"new")
    shown = {"content_type": "image/png", "width": 48, "height": 32}
    example = Example(digest=digest, size=len(EXAMPLE), **shown)
    first = requested(fingerprint=fingerprint, examples=(example,) * copies, retry_of=retry_of)
    result = Picture(digest=salted_digest(SALT, picture), size=len(picture), **shown)
    done = GenerationCompleted(pictures=(result,), predict_seconds=3.5, cost_microusd=3413)
    decided: tuple[tuple[Event, ...], ...] = (
        (first,),
        (VALIDATED, RESERVED, intended()),
        (started(), settled()),
        (done,),
    )
    return Made(tuple(_commits(decided)), picture)


def _commits(decided: tuple[tuple[Event, ...], ...]) -> list[Commit]:
    commits = list[Commit]()
    for number, events in enumerate(decided):
        version, time = commits[-1].last if commits else 0, START + timedelta(seconds=number)
        commits.append(commit_of(stream_of(ID), version, events, cause=Cause(actor="test"), time=time, writer="w"))
    return commits


def personal_data(**changes: object) -> ReceiptPersonalData:
    """Return what the salted hashes are of."""
    known = {"salt": SALT.hex(), "instructions": INSTRUCTIONS, "examples": (sha256(EXAMPLE).hexdigest(),)}
    return ReceiptPersonalData.model_validate({**known, **changes})


def proof_of(body: bytes, *, signer: SigningKey = KEY, origin: str = "exemplar") -> str:
    """Prove that a body is the third of six commits."""
    leaves = [leaf_of(data) for data in (*_OTHERS[:2], body, *_OTHERS[2:])]
    note = sign_note(Checkpoint(origin, len(leaves), naive_root(leaves)).text(), signer)
    return inclusion_text(2, naive_inclusion(2, leaves), note, body)
