"""Write the types of the JavaScript client, from the OpenAPI document and the comments of its source.

`make types` runs it; `package-lock.json` pins the programs, `types/SOURCES` says what the types were written from.
"""

import hashlib
import json
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from gateway.openapi.document import document
from gateway.routes import OPERATIONS

HERE: Final = Path(__file__).parent
CLIENT: Final = HERE.parent
TYPES: Final = CLIENT / "types"
SOURCES: Final = TYPES / "SOURCES"
_LANGUAGE: Final = ("--target", "es2022", "--module", "nodenext", "--lib", "es2023,dom,dom.iterable,dom.asynciterable")
_DECLARATIONS: Final = ("--allowJs", "--checkJs", "--strict", "--declaration", "--emitDeclarationOnly", *_LANGUAGE)


def write_types() -> None:
    """Replace the folder `types`; raises CalledProcessError where the source contradicts its types."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for file in ("package.json", "package-lock.json"):
            shutil.copy(HERE / file, folder)
        _run(folder, "npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund")
        (folder / "package.json").write_text('{"type": "module"}')
        (folder / "openapi.json").write_text(_document())
        programs = folder / "node_modules" / ".bin"
        _run(folder, str(programs / "openapi-typescript"), "openapi.json", "--output", "types/openapi.d.ts")
        shutil.copytree(CLIENT / "src", folder / "src")
        sources = sorted(f"src/{path.name}" for path in (CLIENT / "src").glob("*.js"))
        _run(folder, str(programs / "tsc"), *_DECLARATIONS, "--rootDir", "src", "--outDir", "types", *sources)
        _compile_program(folder, programs / "tsc")
        shutil.rmtree(TYPES, ignore_errors=True)
        shutil.copytree(folder / "types", TYPES)
    SOURCES.write_text("".join(f"{line}\n" for line in digests()))


def _compile_program(folder: Path, compiler: Path) -> None:
    """Compile a program of a user with the package as npm would install it."""
    package = folder / "node_modules" / "exemplar-client"
    package.mkdir()
    shutil.copy(CLIENT / "package.json", package)
    for name in ("src", "types"):
        shutil.copytree(folder / name, package / name)
    shutil.copy(HERE / "program.ts", folder)
    _run(folder, str(compiler), "--noEmit", "--strict", *_LANGUAGE, "program.ts")


def digests() -> Iterator[str]:
    """List the hashes of what the types are written from, as `sha256sum` does."""
    yield f"{_digest(_document().encode())}  openapi.json"
    for path in sorted((CLIENT / "src").glob("*.js")):
        yield f"{_digest(path.read_bytes())}  src/{path.name}"


def _document() -> str:
    """Write the document of a service of no certain version."""
    return json.dumps(document("0", OPERATIONS), indent=1, sort_keys=True)


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _run(folder: Path, *command: str) -> None:
    subprocess.run(command, cwd=folder, check=True)  # noqa: S603 - pinned programs


if __name__ == "__main__":
    write_types()
