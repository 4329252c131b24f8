"""Copy the third-party files of the API page from npm, and the schema that tests hold the AsyncAPI document against.

`make vendor` runs it; `package-lock.json` pins versions and hashes, `SHA256SUMS` lists what was copied.
"""

from pathlib import Path
from typing import Final

from gateway.console.vendor import copy_packages, write_sums

HERE: Final = Path(__file__).parent
VENDOR: Final = HERE / "static" / "vendor"
COPIED: Final = {
    "swagger-ui-bundle.js": "swagger-ui-dist/swagger-ui-bundle.js",
    "swagger-ui-bundle.LICENSE": "swagger-ui-dist/swagger-ui-bundle.js.LICENSE.txt",
    "swagger-ui.css": "swagger-ui-dist/swagger-ui.css",
    "swagger-ui.LICENSE": "swagger-ui-dist/LICENSE",
    "swagger-ui.NOTICE": "swagger-ui-dist/NOTICE",
}
SCHEMA: Final = HERE.parents[1] / "tests" / "gateway" / "documentation" / "vendor"
SCHEMA_COPIED: Final = {
    "asyncapi-3.0.0.json": "@asyncapi/specs/schemas/3.0.0.json",
    "asyncapi.LICENSE": "@asyncapi/specs/LICENSE",
}


def vendor() -> None:
    """Replace both folders."""
    for folder, copied in ((VENDOR, COPIED), (SCHEMA, SCHEMA_COPIED)):
        copy_packages(HERE, folder, copied)
        write_sums(folder)


if __name__ == "__main__":
    vendor()
