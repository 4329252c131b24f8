"""Change an export as somebody does who has everything but the private key, and writes the rest anew to fit."""

import base64
import json
from collections.abc import Callable, Sequence
from pathlib import Path

from events.commit import leaf_hash
from exemplar.export.commit_lines import CommitLine, read
from exemplar.export.request import json_line
from exemplar.export.scripts import export_script, part_script, streams_script
from exemplar.export.stream_index import StreamIndex
from tests.exemplar.export.verifying import PART, list_again

Line = tuple[dict[str, object], bytes]


def lines_in(folder: Path) -> list[Line]:
    """Read each commit as its fields without the body, and its body."""
    lines = b"".join(path.read_bytes() for path in sorted((folder / "events").iterdir())).split(b"\n")[:-1]
    parted = [line.partition(b',"body":') for line in lines]
    return [(json.loads(head + b"}"), body[:-1]) for head, _, body in parted]


def line(position: int, recorded_at: object, body: bytes) -> Line:
    leaf = base64.b64encode(leaf_hash(body)).decode()
    return {"position": position, "recorded_at": recorded_at, "leaf": leaf}, body


def rewrite(folder: Path, lines: Sequence[Line]) -> None:
    """Write a whole export anew with these commits, numbered from 1, and everything that follows from them."""
    numbered = [line(number, head["recorded_at"], body) for number, (head, body) in enumerate(lines, 1)]
    written = [json_line(head)[:-1] + b',"body":' + body + b"}" for head, body in numbered]
    index = StreamIndex(folder.parent / "index.sqlite")
    parts = [written[start : start + PART] for start in range(0, len(written), PART)]
    for path in (*(folder / "events").iterdir(), *(folder / "viewer/streams").iterdir()):
        path.unlink()
    for number, part in enumerate(parts, 1):
        content = b"".join(one + b"\n" for one in part)
        (folder / f"events/{number:06}.ndjson").write_bytes(content)
        index.add(number, read(content))
    pages = [*index.pages()]
    index.close()
    for number, (_, rows) in enumerate(pages, 1):
        (folder / f"viewer/streams/{number:06}.js").write_bytes(streams_script(number, rows))
    commits: list[CommitLine] = read(b"".join(one + b"\n" for one in written))
    tell(
        folder,
        commits=len(commits),
        events=sum(len(one.events) for one in commits),
        parts=[*range(1, len(written) + 1, PART)],
        streams=[first for first, _ in pages],
    )


def tell(folder: Path, **changed: object) -> None:
    """Change `export.json`, then write the viewer's data and the MANIFEST anew."""
    about = json.loads((folder / "export.json").read_bytes()) | changed
    (folder / "export.json").write_bytes(json_line(about) + b"\n")
    (folder / "viewer/data.js").write_bytes(export_script(json_line(about)))
    for number in range(1, len(about["parts"]) + 1):
        events, rows = (
            (folder / kind / f"{number:06}.ndjson").read_bytes().split(b"\n")[:-1] for kind in ("events", "pictures")
        )
        (folder / f"viewer/parts/{number:06}.js").write_bytes(part_script(number, events, rows))
    list_again(folder)


def change_rows(folder: Path, change: Callable[[dict[str, object]], object]) -> None:
    """Change the first row of pictures, and write what shows it anew."""
    path = next(path for path in sorted((folder / "pictures").glob("*.ndjson")) if path.read_bytes())
    first, *others = path.read_bytes().split(b"\n")[:-1]
    row = json.loads(first)
    change(row)
    path.write_bytes(b"".join(one + b"\n" for one in (json_line(row), *others)))
    tell(folder)
