"""The programs of docs/openai.md and docs/mcp.md, which need the packages of others and one secret."""

import json
import sys
from pathlib import Path

import pytest

from tests.docs.reading import ROOT, blocks, table
from tests.docs.recipes.pages import run
from tests.systems.system import System


@pytest.mark.parametrize(
    ("page", "number", "last"),
    [("docs/openai.md", 0, "image_edit.completed"), ("docs/openai.md", 1, "-"), ("docs/mcp.md", 0, "}")],
)
def test_the_programs_work(solo: System, access_key: str, tmp_path: Path, page: str, number: int, last: str) -> None:
    (tmp_path / "exemplar").symlink_to(ROOT / "exemplar")
    env = {"BASE": solo.base_url, "ACCESS_KEY": access_key}
    said = run([sys.executable, "-c", blocks(page, "python")[number]], tmp_path, env)
    assert last in said.splitlines()[-1]
    assert number == 1 or (tmp_path / "picture.png").read_bytes().startswith(b"\x89PNG")


def test_the_configuration_of_a_program_names_the_command() -> None:
    [text] = blocks("docs/mcp.md", "json")
    server = json.loads(text)["mcpServers"]["exemplar"]
    assert (server["command"], server["args"], sorted(server["env"])) == (
        "exemplar",
        ["mcp"],
        ["EXEMPLAR_ACCESS_KEY", "EXEMPLAR_URL"],
    )


def test_every_parameter_and_every_tool_is_documented() -> None:
    from gateway.openai.form import EditForm

    named = " ".join(row[0] for row in table("docs/openai.md", "## Parameters"))
    known = {*EditForm.fields.images, *EditForm.fields.texts} - {"_charset_"}
    assert all(f"`{name}`" in named for name in known)
