"""Copy the third-party files of the console from npm, and the JavaScript client from `clients/js`.

`make vendor` runs it; `package-lock.json` pins versions and hashes, `SHA256SUMS` lists what was copied.
"""

import hashlib
import re
import shutil
import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Final

HERE: Final = Path(__file__).parent
VENDOR: Final = HERE / "static" / "vendor"
CLIENT: Final = HERE.parents[1] / "clients" / "js" / "src"
COPIED: Final = {
    "lit-html.js": "lit-html/lit-html.js",
    "lit-html.LICENSE": "lit-html/LICENSE",
    "pico.min.css": "@picocss/pico/css/pico.min.css",
    "pico.LICENSE": "@picocss/pico/LICENSE.md",
}
_SOURCE_MAP: Final = re.compile(rb"\n?//# sourceMappingURL=.*")


def vendor() -> None:
    """Replace the folder `static/vendor`."""
    copy_packages(HERE, VENDOR, COPIED)
    shutil.copytree(CLIENT, VENDOR / "exemplar-client")
    write_sums(VENDOR)


def copy_packages(here: Path, vendor: Path, copied: Mapping[str, str]) -> None:
    """Replace the folder `vendor` by files of the packages that the lock file in `here` names."""
    shutil.rmtree(vendor, ignore_errors=True)
    vendor.mkdir(parents=True)
    with tempfile.TemporaryDirectory() as folder:
        for name in ("package.json", "package-lock.json"):
            shutil.copy(here / name, folder)
        subprocess.run(["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"], cwd=folder, check=True)  # noqa: S607
        for name, source in copied.items():
            content = (Path(folder) / "node_modules" / source).read_bytes()
            (vendor / name).write_bytes(_SOURCE_MAP.sub(b"", content))


def write_sums(vendor: Path) -> None:
    """Write the list of hashes."""
    (vendor / "SHA256SUMS").write_text("".join(f"{line}\n" for line in sums(vendor)))


def sums(vendor: Path = VENDOR) -> list[str]:
    """List the hashes of the copied files, as `sha256sum` does."""
    files = sorted(path for path in vendor.rglob("*") if path.is_file() and path.name != "SHA256SUMS")
    return [f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.relative_to(vendor).as_posix()}" for path in files]


if __name__ == "__main__":
    vendor()
