"""The secrets of a system before and after a rotation, and the environments of its steps."""

import base64
import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field

from domain.audit.checkpoint_key import SigningKey
from domain.receipts.check import receipt_signer_name

_LOG = "exemplar"


def _seed() -> str:
    return base64.b64encode(secrets.token_bytes(32)).decode()


def _secret() -> str:
    return secrets.token_urlsafe(32)


@dataclass(frozen=True)
class SecretSet:
    """One value of every secret; `version` numbers those that have versions."""

    version: int
    jwt: str = field(default_factory=_secret)
    id: str = field(default_factory=_secret)
    callback: str = field(default_factory=_secret)
    pepper: str = field(default_factory=_secret)
    master: str = field(default_factory=_secret)
    operator: str = field(default_factory=_secret)
    checkpoint: str = field(default_factory=_seed)
    receipt: str = field(default_factory=_seed)

    @property
    def checkpoint_key(self) -> SigningKey:
        return SigningKey.from_base64(_LOG, self.checkpoint)

    @property
    def receipt_key(self) -> SigningKey:
        return SigningKey.from_base64(receipt_signer_name(_LOG), self.receipt)


def environment(works: SecretSet, *accepted: SecretSet, former: SecretSet | None = None) -> dict[str, str]:
    """Return the settings of processes that use one set and accept others.

    former: the set whose checkpoints and receipts still verify; the accepted ones unless it is given.
    """
    known, verified = (works, *accepted), accepted if former is None else (former,)
    return {
        "EXEMPLAR_JWT_SECRET": works.jwt,
        "EXEMPLAR_JWT_RETIRED_SECRETS": json.dumps([one.jwt for one in accepted]),
        "EXEMPLAR_ID_SECRET": works.id,
        "EXEMPLAR_ID_RETIRED_SECRETS": json.dumps([one.id for one in accepted]),
        "EXEMPLAR_CALLBACK_SECRET": works.callback,
        "EXEMPLAR_CALLBACK_RETIRED_SECRETS": json.dumps([one.callback for one in accepted]),
        "EXEMPLAR_KEY_PEPPERS": _versions({one.version: one.pepper for one in known}),
        "EXEMPLAR_KEY_PEPPER_CURRENT": str(works.version),
        "EXEMPLAR_WEBHOOK_MASTER_KEYS": _versions({one.version: one.master for one in known}),
        "EXEMPLAR_WEBHOOK_MASTER_KEY_CURRENT": str(works.version),
        "EXEMPLAR_OPERATOR_KEYS": json.dumps([one.operator for one in known]),
        "EXEMPLAR_CHECKPOINT_KEY": works.checkpoint,
        "EXEMPLAR_CHECKPOINT_RETIRED_KEYS": json.dumps([str(one.checkpoint_key.public) for one in verified]),
        "EXEMPLAR_RECEIPT_KEY": works.receipt,
        "EXEMPLAR_RECEIPT_RETIRED_KEYS": json.dumps([str(one.receipt_key.public) for one in verified]),
    }


def _versions(values: Mapping[int, str]) -> str:
    return json.dumps({str(version): value for version, value in values.items()})
