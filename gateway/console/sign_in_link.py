"""The sign-in links of `exemplar up`: files of one use that hold the demonstration's credentials."""

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

    `file` is that of the link to the console; the link to the API page has one beside it. Whoever removes the file has
    used the link, so that of several processes and requests one succeeds.
    """

    file: Path | None

    def use(self, code: str, now: datetime) -> Mapping[str, Any] | None:
        """Return `{"accounts": [...]}`; None when the code is wrong, used or too old."""
        files = () if self.file is None else (self.file, self.file.with_suffix(".docs.json"))
        return next((found for file in files if (found := _use(file, code, now)) is not None), None)


def _use(file: Path, code: str, now: datetime) -> Mapping[str, Any] | None:
    kept = _kept(file)
    digest = hashlib.sha256(code.encode()).hexdigest()
    if kept is None or not hmac.compare_digest(digest, kept.code_sha256):
        return None
    try:
        file.unlink()
    except OSError:
        return None  # another request was faster
    return {"accounts": kept.accounts} if now < kept.expires_at else None


def _kept(file: Path) -> _Kept | None:
    try:
        return _Kept.model_validate(json.loads(file.read_bytes()))
    except (OSError, ValueError, ValidationError):
        return None
