"""Pictures as arguments of a tool: paths of files, `data:` URIs, or base64."""

import base64
import binascii
import re
from pathlib import Path
from typing import Final

_DATA_URI: Final = re.compile(r"data:[\w/.+-]*;base64,(.*)", re.DOTALL)
_SHORTEST: Final = 64  # characters of base64 that can hold a picture


class UnreadablePictureError(Exception):
    """An argument is no picture that can be read; the message says what is wanted."""


def read_picture(argument: str, *, local_files: bool) -> bytes:
    """Read a picture; a path only where the caller's files are those of this machine."""
    found = _DATA_URI.fullmatch(argument.strip())
    if found is None and local_files and (path := _file(argument)) is not None:
        return path.read_bytes()
    text = found[1] if found else argument
    try:
        data = base64.b64decode("".join(text.split()), validate=True)
    except (binascii.Error, ValueError):
        data = b""
    if not data or (found is None and len(text) < _SHORTEST):
        wanted = "the path of a file, a data: URI or base64" if local_files else "a data: URI or base64"
        raise UnreadablePictureError(f"{argument[:60]!r} is no picture; send {wanted}")
    return data


def _file(argument: str) -> Path | None:
    path = Path(argument).expanduser()
    try:
        return path if path.is_file() else None
    except (OSError, ValueError):  # base64 is too long for a name
        return None
