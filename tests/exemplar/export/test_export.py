"""What an export contains, and what is refused."""

import json
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path

import pytest

from domain.generation.generation import stream_of
from events.access import LogRead
from events.envelope import Cause
from events.owner import CancelRequested, GenerationErased
from exemplar.export.folder import ExportFolder
from tests.builders.witness import WITNESS
from tests.exemplar.commands.audit_command import Run
from tests.exemplar.export.verifying import GENERATIONS, PROJECT, VERIFIER, History, files_in, judged, verified
from tests.store.audit.conftest import KEY, AuditHarness


async def exported(run: Run, folder: Path, *options: str) -> Path:
    result = await run("export", str(folder), *options)
    assert result.returncode == 0, result.stderr
    return folder


def commits_in(folder: Path) -> list[dict[str, object]]:
    lines = b"".join(path.read_bytes() for path in sorted((folder / "events").iterdir()))
    return [json.loads(line) for line in lines.splitlines()]


async def test_a_whole_export_is_verified_without_the_product(history: History, run: Run, tmp_path: Path) -> None:
    folder = await exported(run, tmp_path / "export")
    found = verified(folder, "--key", str(KEY.public))
    assert (found.code, found.fault) == (0, "")
    assert "WARNING" not in found.said
    assert "WARNING: this key came with the export" in verified(folder).said
    assert "22 commits with 24 events of exemplar are as they were signed" in found.said
    assert "6 pictures are as they were recorded, of which 0 have no salt" in found.said
    assert [commit["position"] for commit in commits_in(folder)] == [*range(1, 23)]
    assert (folder / "verify.py").read_bytes() == VERIFIER.read_bytes()
    assert (folder / "checkpoint.txt").read_text() == WITNESS.cosigned(history.note)
    assert not (folder / ".partial").exists()


async def test_bodies_are_the_stored_bytes(history: History, run: Run, tmp_path: Path) -> None:
    folder = await exported(run, tmp_path / "export")
    stored = {one["_id"]: one["body"] async for one in history.log.database["commits"].find({})}
    for path in (folder / "events").iterdir():
        for line in path.read_bytes().splitlines():
            first = json.loads(line)["body"][0]
            assert line.partition(b',"body":')[2][:-1] == stored[first["id"]]


async def test_pictures_are_named_by_their_hash_and_bound_to_the_log(
    history: History, run: Run, tmp_path: Path
) -> None:
    folder = await exported(run, tmp_path / "export")
    rows = [json.loads(row) for path in (folder / "pictures").glob("*.ndjson") for row in path.read_text().splitlines()]
    blobs = {blob.digest: blob for made in history.generations for blob in made.blobs}
    assert {row["digest"] for row in rows} == blobs.keys()
    for row in rows:
        blob = blobs[row["digest"]]
        assert (folder / row["file"]).read_bytes() == blob.data
        assert (row["kind"], row["sha256"], row["generation"]) == (blob.kind, blob.sha256, blob.generation)


async def test_texts_are_never_exported(history: History, run: Run, tmp_path: Path) -> None:
    folder = await exported(run, tmp_path / "export")
    [made, *_] = history.generations
    for content in files_in(folder).values():
        assert made.personal_data.instructions.encode() not in content
        assert b"a.png" not in content


async def test_pictures_and_salts_can_be_left_out(history: History, run: Run, tmp_path: Path) -> None:
    folder = await exported(run, tmp_path / "export", "--no-pictures")
    assert judged(folder).code == 0
    assert not [*folder.rglob("*.png")]
    salts = [made.personal_data.salt.hex().encode() for made in history.generations]
    assert not any(salt in content for content in files_in(folder).values() for salt in salts)


@pytest.mark.parametrize(
    ("option", "value", "commits"), [("--generation", GENERATIONS[1], 2), ("--project", PROJECT, 6)]
)
async def test_a_part_of_the_log_has_a_proof_for_each_commit(
    history: History, run: Run, tmp_path: Path, option: str, value: str, commits: int
) -> None:
    folder = await exported(run, tmp_path / "export", option, value)
    found = verified(folder, "--key", str(KEY.public))
    assert (found.code, found.fault) == (0, "")
    assert f"{commits} commits with {commits} events" in found.said
    assert all(commit["proof"] for commit in commits_in(folder))


async def test_the_log_has_only_grown_since_an_older_checkpoint(history: History, run: Run, tmp_path: Path) -> None:
    folder = await exported(run, tmp_path / "export")
    (tmp_path / "older.txt").write_text(history.older)
    found = judged(folder, "--checkpoint", str(tmp_path / "older.txt"))
    assert (found.code, "only grown since it had 9 commits" in found.said) == (0, True)
    partial = await exported(run, tmp_path / "partial", "--project", PROJECT)
    found = judged(partial, "--checkpoint", str(tmp_path / "older.txt"))
    assert (found.code, "only an export of the whole log" in found.fault) == (1, True)


async def test_an_export_is_recorded_before_it_is_read(history: History, run: Run, tmp_path: Path) -> None:
    await exported(run, tmp_path / "whole", "--no-pictures")
    await exported(run, tmp_path / "one", "--generation", GENERATIONS[0])
    commits = await history.log.store.events.read("access-operator")
    [whole, one] = [event for commit in commits for event in commit.events]
    assert isinstance(whole.event, LogRead)
    assert isinstance(one.event, LogRead)
    assert (whole.event.form, whole.event.project, whole.event.pictures) == ("export", None, None)
    assert (one.event.generation, one.event.project, one.event.pictures) == (GENERATIONS[0], PROJECT, True)
    assert one.event.user == f"user of {GENERATIONS[0]}"
    assert {whole.cause.actor, one.cause.actor} == {"operator"}


async def test_the_answer_for_programs(history: History, run: Run, tmp_path: Path) -> None:
    result = await run("export", str(tmp_path / "export"), "--json")
    answer = json.loads(result.stdout)
    assert answer["ok"] is True
    assert (answer["commits"], answer["events"], answer["pictures"], answer["size"]) == (22, 24, 6, 22)
    assert answer["keys"] == [str(KEY.public)]
    assert "22 positions exported" in result.stderr


@pytest.mark.parametrize("option", ["--project", "--generation"])
async def test_what_the_log_does_not_have_is_an_error(history: History, run: Run, tmp_path: Path, option: str) -> None:
    result = await run("export", str(tmp_path / "export"), option, "nothing", "--json")
    assert (result.returncode, json.loads(result.stdout)) == (
        1,
        {"ok": False, "error": f"the log has no {option[2:]} nothing"},
    )
    assert not (tmp_path / "export").exists()


async def test_without_a_checkpoint_there_is_nothing_to_export(
    audit_log: AuditHarness, run: Run, tmp_path: Path
) -> None:
    await audit_log.fill()
    result = await run("export", str(tmp_path / "export"))
    assert (result.returncode, "make one with `exemplar audit checkpoint`" in result.stderr) == (1, True)
    assert not (tmp_path / "export").exists()


@pytest.mark.parametrize("other", ["notes.txt", "events/notes.txt", "pictures/000001/notes.txt", ".hidden"])
async def test_a_folder_with_something_else_in_it_is_refused(
    history: History, run: Run, tmp_path: Path, other: str
) -> None:
    folder = tmp_path / "export"
    if "/" in other:
        await exported(run, folder)
    (folder / other).parent.mkdir(parents=True, exist_ok=True)
    (folder / other).write_text("mine")
    result = await run("export", str(folder))
    assert (result.returncode, result.stderr.split(": ")[1]) == (2, f"{folder} has something else in it ({other})")
    assert (folder / other).read_text() == "mine"


async def test_a_folder_of_files_with_the_names_of_an_export_is_refused(
    history: History, run: Run, tmp_path: Path
) -> None:
    (tmp_path / "index.html").write_text("mine")
    assert (await run("export", str(tmp_path))).returncode == 2
    assert (tmp_path / "index.html").read_text() == "mine"


async def test_a_folder_of_another_export_is_refused(history: History, run: Run, tmp_path: Path) -> None:
    folder = await exported(run, tmp_path / "export")
    before = files_in(folder)
    result = await run("export", str(folder), "--no-pictures")
    assert (result.returncode, "holds another export" in result.stderr) == (2, True)
    await history.log.database["checkpoints"].delete_many({"_id": 22})
    result = await run("export", str(folder))
    assert (result.returncode, "an export of another log" in result.stderr) == (2, True)
    assert files_in(folder) == before


async def test_two_exports_do_not_write_the_same_folder(history: History, run: Run, tmp_path: Path) -> None:
    with ExportFolder(tmp_path / "export").opened():
        result = await run("export", str(tmp_path / "export"))
    assert (result.returncode, "is being written by another export" in result.stderr) == (2, True)


async def test_both_conditions_at_once_are_refused(run: Run, tmp_path: Path) -> None:
    result = await run("export", str(tmp_path / "export"), "--project", "a", "--generation", "b")
    assert (result.returncode, "exclude each other" in result.stderr) == (2, True)


@pytest.mark.parametrize("event", [GenerationErased(), CancelRequested(erase=True)])
async def test_what_is_to_be_erased_is_not_exported_even_while_it_is_stored(
    history: History, run: Run, tmp_path: Path, event: GenerationErased | CancelRequested
) -> None:
    cause = Cause(actor="actor:test")
    await history.log.store.events.append(stream_of(GENERATIONS[0]), 2, [event], cause=cause, time=history.log.tick())
    folder = await exported(run, tmp_path / "export")
    assert judged(folder).code == 0
    erased = [blob.sha256.encode() for blob in history.generations[0].blobs]
    assert len([*folder.rglob("*.png")]) == 4
    assert not any(plain in content for content in files_in(folder).values() for plain in erased)


async def test_what_was_erased_disappears_from_an_export_that_is_repeated(
    history: History, run: Run, tmp_path: Path
) -> None:
    folder = await exported(run, tmp_path / "export")
    await history.log.store.blobs.erase(GENERATIONS[0])
    await history.log.store.personal_data.erase(GENERATIONS[0])
    await exported(run, folder)
    assert files_in(folder) == files_in(await exported(run, tmp_path / "another"))
    assert len([*folder.rglob("*.png")]) == 4
    assert judged(folder).code == 0


async def test_a_picture_without_its_salt_is_counted(history: History, run: Run, tmp_path: Path) -> None:
    await history.log.store.personal_data.erase(GENERATIONS[0])
    found = judged(await exported(run, tmp_path / "export"))
    assert (found.code, "of which 2 have no salt any more" in found.said) == (0, True)


TAMPERED: Mapping[str, tuple[str, object, dict[str, object] | None, str]] = {
    "body": ("commits", "d:3", {"body": b"[]"}, "position 18: its body is not the one that was sealed"),
    "no body": ("commits", "d:3", {"body": None}, "position 18: its body is not the one that was sealed"),
    "leaf": ("log", 4, {"leaf": bytes(32)}, "the log is not the one that was signed at 22"),
    "position": ("log", 4, None, "position 1 or one soon after it is missing"),
}


@pytest.mark.parametrize("name", TAMPERED)
async def test_a_log_that_was_tampered_with_is_not_exported(
    history: History, run: Run, tmp_path: Path, name: str
) -> None:
    collection, identifier, change, fault = TAMPERED[name]
    if change is None:
        await history.log.database[collection].delete_one({"_id": identifier})
    else:
        await history.log.tamper(collection, {"_id": identifier}, change)
    result = await run("export", str(tmp_path / "export"))
    assert (result.returncode, fault in result.stderr) == (1, True), result.stderr


async def test_a_part_that_was_tampered_with_is_not_exported(history: History, run: Run, tmp_path: Path) -> None:
    await history.log.tamper("log", {"_id": 3}, {"leaf": bytes(32)})
    result = await run("export", str(tmp_path / "export"), "--generation", GENERATIONS[0], "--json")
    assert (result.returncode, json.loads(result.stdout)["position"]) == (1, 10)


@pytest.mark.parametrize("is_consistent", [True, False])
async def test_another_picture_than_the_recorded_is_not_exported(
    history: History, run: Run, tmp_path: Path, *, is_consistent: bool
) -> None:
    [_, result_blob] = history.generations[0].blobs
    data = bytes(len(result_blob.data))
    change: dict[str, object] = {"data": data}
    if is_consistent:
        change["sha256"] = sha256(data).hexdigest()
    await history.log.tamper("blobs", {"_id": f"{GENERATIONS[0]}/{result_blob.digest}"}, change)
    result = await run("export", str(tmp_path / "export"))
    assert (result.returncode, "CONTRADICTION: position 11: picture" in result.stderr) == (1, True), result.stderr
