"""The data of the viewer: a page that is opened from a disk may load scripts, but read no other files."""

from collections.abc import Sequence


def part_script(number: int, commits: Sequence[bytes], pictures: Sequence[bytes]) -> bytes:
    """Write the lines of a part's commits and pictures as a call."""
    return b"exemplarPart(%d,[\n%s\n],[\n%s\n]);\n" % (number, b",\n".join(commits), b",\n".join(pictures))


def streams_script(page: int, rows: Sequence[bytes]) -> bytes:
    """Write a page of streams as a call."""
    return b"exemplarStreams(%d,[\n%s\n]);\n" % (page, b",\n".join(rows))


def export_script(about: bytes) -> bytes:
    """Write the line of `export.json` as a call."""
    return b"exemplarExport(%s);\n" % about.removesuffix(b"\n")
