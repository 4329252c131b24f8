"""The receipt of a picture: a signed JSON object that says what the picture is and how it came to be.

The signature is that of a signed note (c2sp.org/signed-note) whose text is `exemplar-receipt/v1` and, on the second
line, the canonical JSON (RFC 8785) of all other fields. No checkpoint has such a text, so that neither signature can
stand for the other.
"""

import json
from collections.abc import Sequence
from typing import Annotated, Any, Final, Literal, Self

import rfc8785
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from domain.audit.checkpoint_key import SigningKey, VerificationKey
from domain.audit.checkpoints import NoteSignature, sign_note, split_note

TYPE: Final = "exemplar-receipt/v1"
AI_MADE: Final = "http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia"
_MOST_TEXT: Final = 1_000_000

Hash = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
Count = Annotated[int, Field(ge=0, lt=2**53)]
Text = Annotated[str, Field(max_length=100_000)]


class ReceiptError(ValueError):
    """The text is no receipt."""


class Part(BaseModel):
    """A part of a receipt, which has these fields and no others."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)


class ReceiptPicture(Part):
    """The picture without the receipt; `sha256`: of its bytes; `digest`: the salted hash that the log has."""

    number: Count
    sha256: Hash
    digest: Hash
    content_type: Text
    width: Count
    height: Count
    size: Count


class ReceiptRequest(Part):
    """What was asked for, by the salted hashes of `generation.requested`.

    digest: of the instructions and the examples, or for a retry of its original. examples: in their order.
    """

    digest: Hash
    examples: tuple[Hash, ...]
    retry_of: Text | None


class ReceiptTimes(Part):
    """When the generation was requested, the model started and the picture was stored (RFC 3339)."""

    requested_at: Text
    started_at: Text | None
    completed_at: Text


class ReceiptCost(Part):
    """Seconds of compute and their price in millionths of a US dollar, for all pictures of the generation."""

    predict_seconds: float | None
    microusd: Count | None


class ReceiptPersonalData(Part):
    """What the salted hashes are of: the salt in hexadecimal, the instructions, the examples' SHA-256 where kept."""

    salt: Annotated[str, Field(pattern=r"^(?:[0-9a-f]{2}){1,64}$")]
    instructions: Text
    examples: tuple[Hash | None, ...]


class Receipt(Part):
    """The receipt of one picture.

    log: name of the log. event: id of the event that completed the generation. proof: that it is in the log of a
    checkpoint (c2sp.org/tlog-proof). signature: the line of a signed note.
    """

    type: Literal["exemplar-receipt/v1"] = TYPE
    log: Text
    generation: Text
    picture: ReceiptPicture
    request: ReceiptRequest
    model: Text | None
    seed: Count
    times: ReceiptTimes
    cost: ReceiptCost
    digital_source_type: Literal["http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia"] = AI_MADE
    event: Text
    proof: Text
    personal_data: ReceiptPersonalData | None = None
    signature: Text = ""

    @classmethod
    def parse(cls, text: str | bytes) -> Self:
        """Read a receipt, unverified; ReceiptError names the first field that is wrong."""
        if len(text) > _MOST_TEXT:
            raise ReceiptError("no receipt: it is too long")
        try:
            json.loads(text, object_pairs_hook=_once)
            return cls.model_validate_json(text)
        except ValidationError as error:
            fault = error.errors(include_url=False, include_input=False)[0]
            where = ".".join(map(str, fault["loc"])) or "it"
            raise ReceiptError(f"no receipt: {where}: {fault['msg']}") from None
        except (ValueError, RecursionError) as error:
            raise ReceiptError(f"no receipt: no JSON ({error})") from None

    def text(self) -> str:
        """Write it as JSON of ASCII characters in one line."""
        return json.dumps(self.model_dump(mode="json"), separators=(",", ":"))

    def signed_text(self) -> str:
        """Return the text that is signed."""
        return f"{TYPE}\n{rfc8785.dumps(self.model_dump(mode='json', exclude={'signature'})).decode()}\n"

    def signed(self, signer: SigningKey) -> "Receipt":
        """Sign; the same receipt has the same signature."""
        text = self.signed_text()
        line = sign_note(text, signer).removeprefix(f"{text}\n").rstrip("\n")
        return self.model_copy(update={"signature": line})

    @property
    def signer(self) -> NoteSignature:
        """The signature with the name and the id of its key, unverified; ReceiptError for a malformed one."""
        try:
            _, [signature] = split_note(f"\n\n{self.signature}\n")
        except ValueError:  # NoteError, and a number of lines that is not one
            signature = None
        if signature is None or signature.line() != f"{self.signature}\n":
            raise ReceiptError("the signature is no line of a signed note")
        return signature

    def key_of(self, trusted: Sequence[VerificationKey]) -> VerificationKey | None:
        """Choose the key that the signature names; None when it is not among the trusted ones."""
        return next((key for key in trusted if self.signer.is_of(key)), None)


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Refuse a name that an object has twice: readers may differ in which one they take."""
    fields = dict(pairs)
    if len(fields) < len(pairs):
        raise ValueError("a name is given twice")
    return fields
