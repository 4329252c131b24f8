"""The files that the tests of the architecture read."""

from pathlib import Path

ROOT = Path(__file__).parents[2]
PACKAGES = ("events", "domain", "store", "rabbitmq", "actors", "gateway", "sandbox", "exemplar")


def python_files(*folders: str) -> list[Path]:
    found = (path for folder in folders for path in (ROOT / folder).rglob("*.py"))
    return sorted(path for path in found if "__pycache__" not in path.parts)


PRODUCT = python_files(*PACKAGES)
CLIENT = python_files("clients/python")
CODE = [*PRODUCT, *CLIENT, *python_files("tests", "bench")]


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()
