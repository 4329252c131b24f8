"""The sign-in link of `exemplar up`: a file of one use that holds the demonstration's credentials."""

import hashlib
import hmac
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from pydantic import AwareDatetime, BaseModel, ValidationError


class _Kept(BaseModel):
    code_sha256: str
    expires_at: AwareDatetime
    accounts: list[dict[str, Any]]


@dataclass(frozen=True, slots=True)
class SignInLink:
    """Exchanges the code of a link for credentials, once; without a file no code is good.

    Whoever removes the file has used the link, so that of several processes and requests one succeeds.
    """

    file: Path | None

    def use(self, code: str, now: datetime) -> Mapping[str, Any] | None:
        """Return `{"accounts": [...]}`; None when the code is wrong, used or too old."""
        kept = self._kept()
        digest = hashlib.sha256(code.encode()).hexdigest()
        if self.file is None or kept is None or not hmac.compare_digest(digest, kept.code_sha256):
            return None
        try:
            self.file.unlink()
        except OSError:
            return None  # another request was faster
        return {"accounts": kept.accounts} if now < kept.expires_at else None

    def _kept(self) -> _Kept | None:
        try:
            return _Kept.model_validate(json.loads(self.file.read_bytes())) if self.file else None
        except (OSError, ValueError, ValidationError):
            return None
