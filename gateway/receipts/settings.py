from pathlib import Path

from pydantic import Field, SecretStr, ValidationInfo, field_validator

from domain.audit.checkpoint_key import SigningKey, VerificationKey
from domain.receipts.check import receipt_signer_name
from store.audit.settings import CheckpointSettings


class ReceiptSettings(CheckpointSettings):
    """The keys that sign receipts, and what is written into pictures with a receipt."""

    receipt_key: SecretStr | None = Field(
        None,
        description="Signs receipts instead of EXEMPLAR_CHECKPOINT_KEY, which a gateway need not have: "
        "openssl rand -base64 32; with neither: none are made",
    )
    receipt_retired_keys: tuple[str, ...] = Field(
        (), description="JSON list of verification keys that signed earlier receipts of this log"
    )
    mark_pictures: bool = Field(
        True, description="Whether pictures with a receipt in them are marked as made by AI (IPTC, in XMP)"
    )
    c2pa_certificates: Path | None = Field(
        None, description="File of the certificates (PEM, the signer's first) with which C2PA manifests are signed"
    )
    c2pa_key: Path | None = Field(
        None, validate_default=True, description="File of the private key (PEM) of the first certificate"
    )

    @field_validator("receipt_key")
    @classmethod
    def _another_seed(cls, key: SecretStr | None) -> SecretStr | None:
        if key is not None:
            SigningKey.from_base64("name", key.get_secret_value())
        return key

    @field_validator("receipt_retired_keys")
    @classmethod
    def _former_keys(cls, keys: tuple[str, ...]) -> tuple[str, ...]:
        for key in keys:
            VerificationKey.parse(key)
        return keys

    @field_validator("c2pa_key")
    @classmethod
    def _with_certificates(cls, key: Path | None, info: ValidationInfo) -> Path | None:
        if (key is None) is not (info.data.get("c2pa_certificates") is None):
            raise ValueError("must be set together with EXEMPLAR_C2PA_CERTIFICATES")
        return key

    @property
    def receipt_signer(self) -> SigningKey | None:
        """The key that signs receipts; None when there is none."""
        if self.receipt_key is None:
            return self.signer
        return SigningKey.from_base64(receipt_signer_name(self.checkpoint_origin), self.receipt_key.get_secret_value())

    @property
    def receipts_trusted(self) -> tuple[VerificationKey, ...]:
        """The keys that verify receipts and their checkpoints."""
        signer = self.receipt_signer
        own = () if signer is None or self.receipt_key is None else (signer.public,)
        return (*self.trusted, *own, *map(VerificationKey.parse, self.receipt_retired_keys))
