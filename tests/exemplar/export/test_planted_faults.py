"""The verifier finds whatever is changed in an export, by accident or by somebody who lacks only the private key."""

import json
import random
import shutil
from collections.abc import Callable, Mapping
from hashlib import sha256
from pathlib import Path

import pytest

from domain.audit.checkpoint_key import SigningKey
from domain.audit.checkpoints import sign_note
from tests.exemplar.commands.audit_command import Run
from tests.exemplar.export.conftest import Exports
from tests.exemplar.export.tampering import change_rows, lines_in, rewrite, tell
from tests.exemplar.export.verifying import GENERATIONS, History, files_in, judged, list_again, verified
from tests.store.audit.conftest import KEY

FLIPS = 30  # in each of six exports
OTHER = SigningKey("exemplar", bytes(32))


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("of", ["whole", "project"])
def test_every_flipped_bit_is_found(exports: Exports, tmp_path: Path, seed: int, of: str) -> None:
    folder, chosen, missed = tmp_path / "export", random.Random(f"{seed} {of}"), []
    shutil.copytree(getattr(exports, of), folder)
    files = [*files_in(folder).items()]
    assert verified(folder).code == 0
    for name, content in chosen.choices([(name, content) for name, content in files if content], k=FLIPS):
        bit, changed = chosen.randrange(8 * len(content)), bytearray(content)
        changed[bit // 8] ^= 1 << bit % 8
        (folder / name).write_bytes(changed)
        found = judged(folder)
        if found.code != 1 or not found.fault.startswith("FAULT: "):
            missed.append((name, bit, found))
        (folder / name).write_bytes(content)
    assert missed == []
    assert judged(folder).code == 0


def is_found(folder: Path, fault: str, *options: str) -> None:
    found = judged(folder, *options)
    assert (found.code, found.fault.startswith("FAULT: "), fault in found.fault) == (1, True, True), found


REMOVABLE = ("events/000002.ndjson", "pictures/000002.ndjson", "checkpoint.txt", "key.txt", "witnesses.txt")


@pytest.mark.parametrize("name", [*REMOVABLE, "MANIFEST", "index.html", "viewer/viewer.js", "viewer/streams/000001.js"])
def test_a_missing_file_is_named(whole: Path, name: str) -> None:
    (whole / name).unlink()
    is_found(whole, name)


def test_a_missing_picture_is_named_with_its_position(whole: Path) -> None:
    picture = min(whole.rglob("*.png"))
    picture.unlink()
    is_found(whole, f"there is no file {picture.relative_to(whole)}")
    list_again(whole)
    is_found(whole, f"there is no file {picture.relative_to(whole)}")


@pytest.mark.parametrize("name", ["notes.txt", "events/000009.ndjson", "pictures/000002/more.png", "zzz", ".hidden"])
def test_an_extra_file_is_named(whole: Path, name: str) -> None:
    (whole / name).write_text("more")
    is_found(whole, f"MANIFEST: {name} is not listed")


def test_a_link_instead_of_a_file_is_found(whole: Path, tmp_path: Path) -> None:
    (whole / "events/000001.ndjson").rename(tmp_path / "elsewhere")
    (whole / "events/000001.ndjson").symlink_to(tmp_path / "elsewhere")
    is_found(whole, "there is no file events/000001.ndjson")


CHANGED_MANIFESTS: Mapping[str, Callable[[list[str]], list[str]]] = {
    "a line less": lambda lines: lines[:3] + lines[4:],
    "a line more": lambda lines: [*lines, f"{'0' * 64}  zzz\n"],
    "another order": lambda lines: [lines[1], lines[0], *lines[2:]],
    "another hash": lambda lines: [f"{'0' * 64}{lines[0][64:]}", *lines[1:]],
    "a line twice": lambda lines: [lines[0], *lines],
    "nothing": lambda _: [],
}


@pytest.mark.parametrize("name", CHANGED_MANIFESTS)
def test_a_changed_manifest_is_found(whole: Path, name: str) -> None:
    lines = (whole / "MANIFEST").read_text().splitlines(keepends=True)
    (whole / "MANIFEST").write_text("".join(CHANGED_MANIFESTS[name](lines)))
    is_found(whole, "MANIFEST: ")


def test_an_export_written_anew_without_a_change_is_valid(whole: Path) -> None:
    before = files_in(whole)
    rewrite(whole, lines_in(whole))
    assert files_in(whole) == before


@pytest.mark.parametrize("position", [1, 9, 22])
def test_a_changed_event_is_found_although_all_else_fits(whole: Path, position: int) -> None:
    lines = lines_in(whole)
    head, body = lines[position - 1]
    lines[position - 1] = head, body.replace(b'"actor":"actor:test"', b'"actor":"actor:best"')
    rewrite(whole, lines)
    is_found(whole, "position 22: the log up to here is not the one that was signed")


def test_a_removed_an_inserted_and_a_moved_event_are_found(whole: Path, tmp_path: Path) -> None:
    lines = lines_in(whole)
    head, body = lines[-1]
    following = head, body.replace(b'"version":7', b'"version":8').replace(b'"d:7"', b'"d:8"')
    for number, changed in enumerate(
        ([*lines[:9], *lines[10:]], [*lines, following], [lines[1], lines[0], *lines[2:]], lines[:-1], lines[:9])
    ):
        copy = tmp_path / f"copy-{number}" / "export"
        shutil.copytree(whole, copy)
        rewrite(copy, changed)
        is_found(copy, "")


def test_a_truncated_tail_is_found_with_the_checkpoint_that_covered_it(
    exports: Exports, whole: Path, tmp_path: Path
) -> None:
    (tmp_path / "newer.txt").write_text((whole / "checkpoint.txt").read_text())
    (whole / "checkpoint.txt").write_text(exports.older)
    (whole / "witnesses.txt").write_text("")
    rewrite(whole, lines_in(whole)[:9])
    for path in (whole / "pictures").glob("*.ndjson"):
        path.write_bytes(b"")
    for number in (3, 4):
        (whole / f"viewer/parts/{number:06}.js").unlink()
        (whole / f"pictures/{number:06}.ndjson").unlink()
    shutil.rmtree(whole / "pictures/000002", ignore_errors=True)
    for picture in whole.rglob("*.png"):
        picture.unlink()
    tell(whole, checkpoint=exports.older, witnesses=[], pictures=0)
    assert judged(whole).code == 0, judged(whole)
    is_found(whole, "22 commits were signed, but the log ends at 9", "--checkpoint", str(tmp_path / "newer.txt"))


def test_another_history_than_that_of_an_older_checkpoint_is_found(whole: Path, tmp_path: Path) -> None:
    note = sign_note(f"exemplar\n9\n{'A' * 43}=\n", KEY)
    (tmp_path / "older.txt").write_text(note)
    is_found(whole, "position 9: the older log up to here was another", "--checkpoint", str(tmp_path / "older.txt"))


def test_a_picture_is_compared_with_the_log_although_all_else_fits(whole: Path) -> None:
    def replace(row: dict[str, object]) -> None:
        picture, other = whole / str(row["file"]), bytes(int(str(row["size"])))
        row["sha256"] = sha256(other).hexdigest()
        row["file"] = f"{Path(str(row['file'])).parent}/{row['sha256']}.png"
        picture.unlink()
        (whole / str(row["file"])).write_bytes(other)

    change_rows(whole, replace)
    is_found(whole, "it is another picture")


@pytest.mark.parametrize(
    "change", [{"salt": "00" * 32}, {"number": 1}, {"kind": "result"}, {"position": 11}, {"content_type": "image/gif"}]
)
def test_a_changed_row_of_pictures_is_found(whole: Path, change: dict[str, object]) -> None:
    change_rows(whole, lambda row: row.update(change))
    is_found(whole, "position 1")


def test_the_viewer_shows_nothing_but_the_log(whole: Path) -> None:
    for name in ("viewer/parts/000001.js", "viewer/streams/000001.js", "viewer/data.js"):
        content = (whole / name).read_bytes()
        (whole / name).write_bytes(content.replace(b"actor:test", b"actor:best").replace(b"progressed", b"completed"))
        (whole / name).write_bytes((whole / name).read_bytes().replace(b'"commits":22', b'"commits":23'))
        assert (whole / name).read_bytes() != content
        list_again(whole)
        is_found(whole, "viewer/")
        (whole / name).write_bytes(content)


def test_another_key_is_found_by_whoever_knows_the_right_one(whole: Path) -> None:
    text = (whole / "checkpoint.txt").read_text().partition("\n\n")[0] + "\n"
    note = sign_note(text, OTHER)
    (whole / "checkpoint.txt").write_text(note)
    list_again(whole)
    is_found(whole, "no trusted key has signed it")
    (whole / "key.txt").write_text(f"{OTHER.public}\n")
    tell(whole, checkpoint=note, keys=[str(OTHER.public)])
    assert str(OTHER.public) in judged(whole).said
    is_found(whole, "key.txt: it is not the key that you trust", "--key", str(KEY.public))


def test_the_key_of_a_witness_is_none_of_the_log(whole: Path) -> None:
    text = (whole / "checkpoint.txt").read_text().partition("\n\n")[0] + "\n"
    note = sign_note(text, OTHER)
    (whole / "checkpoint.txt").write_text(note)
    (whole / "witnesses.txt").write_text(f"{OTHER.public}\n")
    tell(whole, checkpoint=note, witnesses=[str(OTHER.public)])
    is_found(whole, "no trusted key has signed it", "--key", str(KEY.public))


def test_a_wrong_cosignature_is_found(whole: Path) -> None:
    note = (whole / "checkpoint.txt").read_text()
    own, cosigned = note.rstrip("\n").rsplit("\n", 1)
    (whole / "checkpoint.txt").write_text(
        f"{own}\n{cosigned[:60]}{'A' if cosigned[60] != 'A' else 'B'}{cosigned[61:]}\n"
    )
    list_again(whole)
    is_found(whole, "checkpoint.txt: the signature of witness.example is wrong")


async def test_a_commit_without_its_own_proof_is_found(history: History, run: Run, tmp_path: Path) -> None:
    folder = tmp_path / "export"
    await run("export", str(folder), "--generation", GENERATIONS[0])
    [path] = (folder / "events").iterdir()
    first, second = (json.loads(one) for one in path.read_bytes().splitlines())
    original = path.read_bytes()
    for name, value in (("proof", second["proof"]), ("proof", first["proof"][1:]), ("position", 9), ("position", 23)):
        changed = original.replace(
            json.dumps(first[name], separators=(",", ":")).encode(), json.dumps(value).encode(), 1
        )
        assert changed != original
        path.write_bytes(changed)
        tell(folder, parts=[json.loads(changed.splitlines()[0])["position"]])
        is_found(folder, "position ")
    path.write_bytes(original.splitlines(keepends=True)[1])
    tell(folder, commits=1, parts=[second["position"]])
    is_found(folder, f"position {first['position']}: ")
