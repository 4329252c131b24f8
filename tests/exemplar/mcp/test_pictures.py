"""Pictures as arguments of a tool."""

import base64
from pathlib import Path

import pytest

from exemplar.mcp.pictures import UnreadablePictureError, read_picture

DATA = bytes(range(256))
TEXT = base64.b64encode(DATA).decode()


@pytest.mark.parametrize(
    "argument", [TEXT, f"data:image/png;base64,{TEXT}", f" data:;base64,{TEXT}\n", TEXT[:80] + "\n" + TEXT[80:]]
)
@pytest.mark.parametrize("local_files", [True, False])
def test_base64_is_read_in_every_form(argument: str, local_files: bool) -> None:
    assert read_picture(argument, local_files=local_files) == DATA


def test_a_path_is_read_only_where_files_are_local(tmp_path: Path) -> None:
    path = tmp_path / "picture.png"
    path.write_bytes(DATA)
    assert read_picture(str(path), local_files=True) == DATA
    with pytest.raises(UnreadablePictureError, match="send a data: URI or base64"):
        read_picture(str(path), local_files=False)


@pytest.mark.parametrize("argument", ["", "missing.png", "data:image/png;base64,", "a picture of a cat", "/" * 100])
def test_other_texts_are_refused(argument: str) -> None:
    with pytest.raises(UnreadablePictureError, match="is no picture"):
        read_picture(argument + "!", local_files=True)
