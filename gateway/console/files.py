"""The files of the console, read once and kept compressed."""

import gzip
import hashlib
import mimetypes
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

STATIC: Final = Path(__file__).with_name("static")
_TYPES: Final = {".js": "text/javascript", ".md": "text/plain", "": "text/plain"}


@dataclass(frozen=True, slots=True)
class StaticFile:
    """A file as it is served; `compressed` is its gzip form, `etag` is quoted."""

    content: bytes
    compressed: bytes
    content_type: str
    etag: str


def read_files(folder: Path = STATIC) -> Mapping[str, StaticFile]:
    """Read every file below a folder, by its path with slashes."""
    return {path.relative_to(folder).as_posix(): _read(path) for path in sorted(folder.rglob("*")) if path.is_file()}


def _read(path: Path) -> StaticFile:
    content = path.read_bytes()
    content_type = _TYPES.get(path.suffix) or mimetypes.guess_type(path.name)[0] or "application/octet-stream"
    return StaticFile(
        content, gzip.compress(content, mtime=0), content_type, f'"{hashlib.sha256(content).hexdigest()[:32]}"'
    )
