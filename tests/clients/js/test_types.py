"""The types of the JavaScript client are those of its source and of the served document; no npm is needed to tell."""

import json

from clients.js.tools.write_types import SOURCES, TYPES, digests
from tests.clients.js.conftest import CLIENT


def test_the_types_are_written_from_this_source_and_this_document() -> None:
    assert SOURCES.read_text().splitlines() == [*digests()], "make types"


def test_the_package_names_types_that_exist() -> None:
    package = json.loads((CLIENT / "package.json").read_text())
    named = {entry["types"] for entry in package["exports"].values()} | {package["types"]}
    assert all((CLIENT / name).is_file() for name in named)
    assert "Promise<Generation>" in (TYPES / "client.d.ts").read_text()
    assert "Generation: {" in (TYPES / "openapi.d.ts").read_text()
