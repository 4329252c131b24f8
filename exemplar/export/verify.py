"""Verify an export of exemplar's log, up to the first fault. Needs Python 3.9 and nothing else.

Exit code 0: everything is as it was signed; 1: the first fault, which is named; 2: wrong usage. Compare the printed
key with the one that you know, or name that with --key. Take this program, too, from where you trust it.
"""

from __future__ import annotations

import argparse
import base64
import functools
import hashlib
import json
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

P, L = 2**255 - 19, 2**252 + 27742317777372353535851937790883648493  # the field and the order of Ed25519 (RFC 8032)
D, ROOT_OF_MINUS_1 = -121665 * pow(121666, -1, P) % P, pow(2, (P - 1) // 4, P)
BROKEN = (OSError, ValueError, TypeError, LookupError, AttributeError, ArithmeticError, RecursionError)
PICTURES = {"generation.requested": ("examples", "example"), "generation.completed": ("pictures", "result")}


class FaultError(Exception):
    """How the export differs from what was signed."""


def require(condition: bool, fault: str) -> None:
    if not condition:
        raise FaultError(fault)


@contextmanager
def reading(name: str) -> Iterator[None]:
    try:
        yield
    except FaultError as fault:
        raise FaultError(str(fault) if str(fault).startswith("position ") else f"{name}: {fault}") from None
    except BROKEN as error:
        raise FaultError(f"{name}: is damaged ({type(error).__name__}: {error})") from None


def sha256(*parts: bytes) -> bytes:
    return hashlib.sha256(b"".join(parts)).digest()


def number_of(value: list[Any]) -> int:
    """Hash a list as a number: the sums of such numbers are equal for equal sets, whatever their order."""
    return int.from_bytes(sha256(json.dumps(value).encode()), "big")


def add(p: tuple[int, ...], q: tuple[int, ...]) -> tuple[int, ...]:
    a, b = (p[1] - p[0]) * (q[1] - q[0]) % P, (p[1] + p[0]) * (q[1] + q[0]) % P
    c, d = 2 * p[3] * q[3] * D % P, 2 * p[2] * q[2] % P
    return (b - a) * (d - c) % P, (d + c) * (b + a) % P, (d - c) * (d + c) % P, (b - a) * (b + a) % P


def multiply(factor: int, point: tuple[int, ...]) -> tuple[int, ...]:
    product = multiply(factor >> 1, add(point, point)) if factor else (0, 1, 1, 0)
    return add(product, point) if factor & 1 else product


def point_of(data: bytes) -> tuple[int, ...]:
    """Decode a point (RFC 8032, 5.1.3); ValueError for none, and for one of small order or not canonical."""
    number = int.from_bytes(data, "little")
    sign, y = number >> 255, number & (2**255 - 1)
    xx = (y * y - 1) * pow(D * y * y + 1, -1, P) % P
    x = pow(xx, (P + 3) // 8, P)
    x = x if x * x % P == xx else x * ROOT_OF_MINUS_1 % P
    x = x if x & 1 == sign else P - x
    point = (x, y, 1, x * y % P)
    if len(data) != 32 or y >= P or x * x % P != xx or multiply(8, point)[0] == 0:
        raise ValueError("no point")
    return point


def is_signed(public: bytes, message: bytes, signature: bytes) -> bool:
    """Verify an Ed25519 signature (RFC 8032, 5.1.7)."""
    s, base = int.from_bytes(signature[32:], "little"), point_of((4 * pow(5, -1, P) % P).to_bytes(32, "little"))
    try:
        key, r = point_of(public), point_of(signature[:32])
    except ValueError:
        return False
    k = int.from_bytes(hashlib.sha512(signature[:32] + public + message).digest(), "little") % L
    left, right = multiply(s, base), add(r, multiply(k, key))
    equal = all((left[i] * right[2] - right[i] * left[2]) % P == 0 for i in (0, 1))
    return equal and s < L and len(signature) == 64


def unpacked(text: str) -> bytes:
    data = base64.b64decode(text, validate=True)
    require(base64.b64encode(data).decode() == text, "base64 with spare bits")
    return data


def key_of(text: str) -> tuple[tuple[str, bytes], bytes]:
    """Read a verification key (c2sp.org/signed-note): its name and id, and its type with the key."""
    name, key_id, encoded = text.split("+", 2)
    typed = unpacked(encoded)
    require(len(typed) == 33 and sha256(name.encode(), b"\n", typed)[:4].hex() == key_id, "no verification key")
    return (name, bytes.fromhex(key_id)), typed


def opened(note: str, keys: list[str], witnesses: list[str]) -> tuple[str, int, bytes]:
    """Return origin, size and root of a checkpoint that one of the keys signed; every known signature is verified."""
    text, _, below = note.rpartition("\n\n")
    known, signers = dict(map(key_of, witnesses + keys)), set()
    for line in below.rstrip("\n").split("\n"):
        _, name, encoded = line.split(" ")
        blob = unpacked(encoded)
        typed = known.get((name, blob[:4]), b"\0")  # type 4: of a witness (c2sp.org/tlog-cosignature)
        time, signature = (blob[4:12], blob[12:]) if typed[0] == 4 else (b"", blob[4:])
        prefix = f"cosignature/v1\ntime {int.from_bytes(time, 'big')}\n" if time else ""
        genuine = typed[0] == 0 or is_signed(typed[1:], f"{prefix}{text}\n".encode(), signature)
        require(genuine, f"the signature of {name} is wrong")
        signers.add(typed)
    require(not signers.isdisjoint(typed for _, typed in map(key_of, keys)), "no trusted key has signed it")
    origin, size, root, *_ = text.split("\n")
    return origin, int(size), unpacked(root)


def root_of(leaf: bytes, index: int, size: int, proof: list[bytes]) -> bytes:
    """Follow an inclusion proof (RFC 9162, 2.1.3) from the leaf to the root."""
    require(0 <= index < size and (size > 1) == bool(proof), "the proof is of another length")
    if size == 1:
        return leaf
    middle = 1 << (size - 1).bit_length() - 1
    if index < middle:
        return sha256(b"\1", root_of(leaf, index, middle, proof[:-1]), proof[-1])
    return sha256(b"\1", proof[-1], root_of(leaf, index - middle, size - middle, proof[:-1]))


class Export:
    """An export in a folder; older: a file with an earlier checkpoint that a whole one must lead to."""

    def __init__(self, folder: Path, trusted: list[str], older: Path | None) -> None:
        self.folder, self.position, self.commits, self.events, self.pictures, self.unsalted = folder, 0, 0, 0, 0, 0
        self.index, self.roots, self.old = 0, list[bytes](), ("", 0, b"")  # roots: of the perfect subtrees (RFC 6962)
        with reading("key.txt"):
            self.keys, witnesses = (self.read(name).decode().splitlines() for name in ("key.txt", "witnesses.txt"))
            require(not trusted or set(self.keys) <= set(trusted), "it is not the key that you trust")
        with reading("checkpoint.txt"):
            self.origin, self.size, self.root = opened(self.read("checkpoint.txt").decode(), self.keys, witnesses)
        with reading("export.json"):
            self.about = json.loads(self.read("export.json"))
            self.generation, self.project, *lists = map(self.about.get, ("generation", "project", "parts", "streams"))
            self.whole, (self.parts, self.streams) = self.generation is self.project is None, map(list, lists)
            told = [1, self.read("checkpoint.txt").decode(), self.keys, witnesses]
            shown = [self.about[name] for name in ("format", "checkpoint", "keys", "witnesses")]
            require(shown == told, "it is of another checkpoint")
        with reading(str(older)):
            if older is not None:
                require(self.whole, "only an export of the whole log can be compared with an older checkpoint")
                self.old = opened(older.read_text(encoding="utf-8"), trusted or self.keys, [])
                continues = self.old[0] == self.origin and self.old[1] <= self.size
                require(continues, f"{self.old[1]} commits were signed, but the log ends at {self.size}, or is another")

    def read(self, name: str) -> bytes:
        path = self.folder / name
        require(path.is_file() and not path.is_symlink(), f"there is no file {name}")
        return path.read_bytes()

    def lines(self, name: str) -> list[bytes]:
        *lines, rest = self.read(name).split(b"\n")
        require(not rest, "its last line is cut off")
        return lines

    def verify(self) -> None:
        for number, first in enumerate(self.parts, 1):
            self._verify_part(number, f"{number:06}", first)
        signed = not self.whole or (self.position == self.size and self._root() == self.root)
        require(signed, f"position {self.position}: the log up to here is not the one that was signed")
        self._verify_streams()
        with reading("export.json"):
            counted = [self.about[name] for name in ("commits", "events", "pictures")]
            require(counted == [self.commits, self.events, self.pictures], "its numbers are not those found")
            shown = self.read("viewer/data.js") == b"exemplarExport(%s);\n" % self.read("export.json")[:-1]
            require(shown, "viewer/data.js differs from it")
        with reading("MANIFEST"):
            self._verify_manifest()

    def _verify_part(self, number: int, name: str, first: int) -> None:
        named: dict[Any, Any] = {}
        with reading(f"events/{name}.ndjson"):
            lines = self.lines(f"events/{name}.ndjson")
            require(json.loads(lines[0])["position"] == first, f"position {first}: is missing or moved")
            for line in lines:
                named.update(self._verify_commit(line, number))
        with reading(f"pictures/{name}.ndjson"):
            rows = self.lines(f"pictures/{name}.ndjson")
            for row in map(json.loads, rows):
                with reading(f"position {row['position']}: {row['file']}"):
                    self._verify_picture(row, named, f"pictures/{name}/")
        with reading(f"viewer/parts/{name}.js"):
            shown = [b"exemplarPart(%d,[\n" % number, b",\n".join(lines), b"\n],[\n", b",\n".join(rows), b"\n]);\n"]
            require(self.read(f"viewer/parts/{name}.js") == b"".join(shown), "it shows other events or pictures")

    def _verify_commit(self, line: bytes, part: int) -> dict[Any, Any]:  # the pictures that it names
        head, _, body = line.partition(b',"body":')
        entry, leaf, events = json.loads(head + b"}"), sha256(b"\0", body[:-1]), json.loads(body[:-1])
        position, first, types = entry["position"], events[0], [event["type"] for event in events]
        in_order = position == self.position + 1 or (position > self.position and not self.whole)
        require(in_order, f"position {self.position + 1}: is missing or moved")
        with reading(f"position {position}"):
            require(unpacked(entry["leaf"]) == leaf, "the body is not the one of the leaf")
            if self.whole:
                self._append(leaf, position)
            else:
                proof = [unpacked(node) for node in entry["proof"]]
                require(root_of(leaf, position - 1, self.size, proof) == self.root, "the proof leads to another root")
            owner = first["data"].get("owner", {}) if first["type"] == "generation.requested" else {}
            is_wanted = self.generation is None or first["stream"] == f"generation-{self.generation}"
            require(is_wanted and owner.get("project") in (None, self.project or owner.get("project")), "is of others")
        self.position, self.commits, self.events = position, self.commits + 1, self.events + len(events)
        self.index += number_of([first["stream"], part, first["version"], events[-1]["version"], first["time"], types])
        return {
            (position, kind, one["digest"]): [event["stream"][11:], number, one["size"], one["content_type"]]
            for event in events
            for field, kind in [PICTURES.get(event["type"], ("", ""))]
            for number, one in reversed([*enumerate(event["data"].get(field, ()))])  # of equal ones the first counts
        }

    def _append(self, leaf: bytes, position: int) -> None:
        carry = position - 1
        while carry & 1:
            leaf, carry = sha256(b"\1", self.roots.pop(), leaf), carry >> 1
        self.roots.append(leaf)
        require(position != self.old[1] or self._root() == self.old[2], "the older log up to here was another")

    def _root(self) -> bytes:
        return functools.reduce(lambda right, left: sha256(b"\1", left, right), reversed(self.roots))

    def _verify_picture(self, row: dict[str, Any], named: dict[Any, Any], folder: str) -> None:
        content, number, name = self.read(row["file"]), row["number"], (row["position"], row["kind"], row["digest"])
        told = [row["generation"], number, len(content), row["content_type"]]
        require(named.pop(name, None) == told, "the event names another picture")
        plain, salt, size = sha256(content), bytes.fromhex(row["salt"] or ""), len(content).to_bytes(8, "big")
        salted = [number.to_bytes(2, "big"), plain] if row["kind"] == "example" else [size, content]
        is_located = row["file"].startswith(f"{folder}{plain.hex()}.") and row["sha256"] == plain.hex()
        require(is_located and (not salt or sha256(salt, *salted).hex() == row["digest"]), "it is another picture")
        self.pictures, self.unsalted = self.pictures + 1, self.unsalted + (not salt)

    def _verify_streams(self) -> None:
        stream, reached = "", 0
        for number, begin in enumerate(self.streams, 1):
            with reading(name := f"viewer/streams/{number:06}.js"):
                content, head, tail = self.read(name), b"exemplarStreams(%d,[\n" % number, b"\n]);\n"
                rows = json.loads(b"[" + content[len(head) : -len(tail)] + b"]")
                is_whole = content.startswith(head) and content.endswith(tail)
                require(is_whole and rows[0]["stream"] == begin, "it is another page")
                for one, commit in ((row["stream"], commit) for row in rows for commit in row["commits"]):
                    gap = commit[1] - (reached if one == stream else 0) - 1
                    follows = gap == 0 or (gap > 0 and not self.whole and not one.startswith("generation-"))
                    require(follows and one >= stream, f"{one} does not continue at version {commit[1]}")
                    self.index, stream, reached = self.index - number_of([one, *commit]), one, commit[2]
        require(self.index == 0, "viewer/streams: they list other commits than the export has")

    def _verify_manifest(self) -> None:
        files = self._files("")
        for line in (self.folder / "MANIFEST").open("rb"):
            expected, found = line[66:-1].decode(), next(files, "")
            require(not found or found >= expected, f"{found} is not listed")
            require(found == expected, f"{expected} is missing, or not in order")
            require(line == f"{sha256(self.read(found)).hex()}  {found}\n".encode(), f"{found} has another hash")
        require(not (extra := next(files, "")), f"{extra} is not listed")

    def _files(self, folder: str) -> Iterator[str]:
        with os.scandir(self.folder / folder) as entries:
            names = sorted(one.name + "/" * one.is_dir(follow_symlinks=False) for one in entries)
        for name in (folder + name for name in names):
            yield from self._files(name) if name.endswith("/") else [name] * (name != "MANIFEST")


def main() -> int | str:
    parser = argparse.ArgumentParser(description="Verify an export of exemplar's log.")
    parser.add_argument("folder", nargs="?", default=".", type=Path, help="the export; by default this folder")
    parser.add_argument("--key", action="append", default=[], help="trust this verification key alone; repeatable")
    parser.add_argument("--checkpoint", type=Path, help="an older checkpoint that a whole export must continue")
    options = parser.parse_args()
    try:
        export = Export(options.folder, options.key, options.checkpoint)
        export.verify()
    except FaultError as fault:
        return f"FAULT: {fault}"
    sys.stdout.write(
        f"{export.commits} commits with {export.events} events of {export.origin} are as they were signed\n"
        f"{export.pictures} pictures are as they were recorded, of which {export.unsalted} have no salt any more\n"
        f"position {export.size}, root {base64.b64encode(export.root).decode()}, key {' '.join(export.keys)}\n"
        + ("" if options.key else "WARNING: this key came with the export: name the one that you know with --key\n")
        + (f"the log has only grown since it had {export.old[1]} commits\n" if export.old[1] else "")
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
