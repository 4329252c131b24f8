"""Build a searchable site from the documents of the repository: `make docs`, or `python docs/site/build.py FOLDER`.

The pages are the same files. What they link to beside pages and pictures, such as a test, becomes a page that shows it.
"""

import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
CONFIGURATION = Path(__file__).with_name("mkdocs.yml")
PICTURES = {".gif", ".jpg", ".png", ".svg"}
_FENCE = re.compile(r"(^ *```.*?^ *```$)", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"(?<=\]\()([^)\s#]+)(?=[)#])")
_LANGUAGES = {
    ".js": "js",
    ".json": "json",
    ".py": "python",
    ".sh": "sh",
    ".toml": "toml",
    ".yaml": "yaml",
    ".yml": "yaml",
}


def pages() -> list[Path]:
    """List the documents, relative to the repository."""
    found = [*ROOT.glob("*.md"), *ROOT.glob("clients/*/README.md"), *(ROOT / "docs").rglob("*.md")]
    return sorted(path.relative_to(ROOT) for path in found)


def stage(folder: Path) -> None:
    """Write what the site is built from: pages, their pictures, and a page for all else that they link to."""
    documents = pages()
    shown: set[Path] = set()
    for page in documents:
        text = _with_links((ROOT / page).read_text(), page, {*documents}, shown)
        _write(folder / page, text)
    for path in shown:
        if path.suffix in PICTURES:
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(ROOT / path, folder / path)
        else:
            _write(folder / _page_of(path), _shown(path))
    _write(folder / "docs/adr/index.md", _decisions())


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def _with_links(text: str, page: Path, documents: set[Path], shown: set[Path]) -> str:
    def link(match: re.Match[str]) -> str:
        target = match[1]
        if "://" in target or target.startswith(("mailto:", "/")):
            return target
        path = (ROOT / page.parent / target).resolve().relative_to(ROOT)
        if path in documents:
            return target
        if path == Path("docs/adr"):
            return f"{target.rstrip('/')}/index.md"
        shown.add(path)
        return target if path.suffix in PICTURES else f"{'../' * len(page.parent.parts)}{_page_of(path)}"

    parts = _FENCE.split(text)
    return "".join(part if number % 2 else _LINK.sub(link, part) for number, part in enumerate(parts))


def _page_of(path: Path) -> Path:
    return Path("source") / path.with_name(f"{path.name}.md")


def _shown(path: Path) -> str:
    """Show a file of the repository, or what a folder has."""
    if (ROOT / path).is_dir():
        return f"# {path}\n\n" + "\n".join(f"* `{name}`" for name in _names(ROOT / path)) + "\n"
    text = (ROOT / path).read_text()
    fence = "````" if "```" in text else "```"
    return f"# {path}\n\n{fence}{_LANGUAGES.get(path.suffix, '')}\n{text.rstrip()}\n{fence}\n"


def _names(folder: Path) -> Iterator[str]:
    for path in sorted(folder.rglob("*")):
        if path.is_file() and "__pycache__" not in path.parts:
            yield str(path.relative_to(folder))


def _decisions() -> str:
    lines = ["# Architecture decisions", ""]
    for path in sorted((ROOT / "docs/adr").glob("0*.md")):
        title = path.read_text().splitlines()[0].lstrip("# ")
        lines.append(f"* [{title}]({path.name})")
    return "\n".join(lines) + "\n"


def build(folder: Path) -> int:
    """Build the site into `folder`; return the exit code of mkdocs, which is not 0 for a link that leads nowhere."""
    with tempfile.TemporaryDirectory() as staging:
        source = Path(staging) / "pages"
        stage(source)
        shutil.copyfile(CONFIGURATION, Path(staging) / "mkdocs.yml")
        with (Path(staging) / "mkdocs.yml").open("a") as configuration:
            configuration.write(f"docs_dir: {source}\nsite_dir: {folder.resolve()}\n")
        command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--config-file"]
        return subprocess.run([*command, f"{staging}/mkdocs.yml"], check=False).returncode


if __name__ == "__main__":
    target = Path(sys.argv[1] if len(sys.argv) > 1 else "dist/site")
    failed = build(target)
    if not failed:
        print(f"Open {target / 'index.html'} in a browser.")
    sys.exit(failed)
