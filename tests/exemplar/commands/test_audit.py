"""The commands as an operator and an auditor run them."""

import base64
import json
import subprocess
import sys
from pathlib import Path

import pytest

from domain.audit.checkpoint_key import SigningKey
from domain.audit.checkpoints import checkpoint_from, open_note, sign_note
from domain.audit.merkle import verify_consistency
from tests.builders.witness import WITNESS
from tests.docs.reading import blocks
from tests.exemplar.commands.audit_command import Run
from tests.store.audit.conftest import KEY, NOON, AuditHarness


async def test_an_event_is_verified_offline_by_the_documented_program(
    audit_log: AuditHarness, run: Run, tmp_path: Path
) -> None:
    await audit_log.fill()
    note = (await run("checkpoint")).stdout
    assert checkpoint_from(open_note(note, [KEY.public])).size == 9
    assert (await run("checkpoint")).stdout == note
    (tmp_path / "key.txt").write_text((await run("key")).stdout)
    (tmp_path / "proof.json").write_text(proof := (await run("prove", "a:2")).stdout)
    assert check_as_the_document_says(tmp_path) == "a:2 is one of the 9 commits of exemplar\n"
    (tmp_path / "proof.json").write_text(proof.replace("actor:test", "actor:tesu"))
    assert check_as_the_document_says(tmp_path) == ""


def check_as_the_document_says(folder: Path) -> str:
    [program] = blocks("docs/audit.md", "python")
    return subprocess.run(
        [sys.executable, "-c", program], cwd=folder, capture_output=True, text=True, check=False, timeout=60
    ).stdout


async def test_growth_is_proven_from_an_earlier_checkpoint(audit_log: AuditHarness, run: Run) -> None:
    await audit_log.fill()
    await audit_log.sign()
    await audit_log.write("d")
    await audit_log.seal()
    await audit_log.sign()
    answer = json.loads((await run("grown", "9")).stdout)
    old, new = (checkpoint_from(open_note(answer[name], [KEY.public])) for name in ("old", "new"))
    proof = [base64.b64decode(node) for node in answer["proof"]]
    assert (old.size, new.size) == (9, 10)
    assert verify_consistency(9, 10, old.root, new.root, proof)


async def test_verify_reports_an_intact_log_as_text_and_as_json(audit_log: AuditHarness, run: Run) -> None:
    await audit_log.fill()
    made = await audit_log.sign()
    assert made is not None
    result = await run("verify")
    assert result.returncode == 0, result.stderr
    assert "as they were sealed: 9 commits in 3 streams\ngenuine: 1 checkpoint, 0 cosignatures" in result.stdout
    assert "9 of 9 commits verified" in result.stderr
    answer = json.loads((await run("verify", "--json", "--key", str(KEY.public), EXEMPLAR_CHECKPOINT_KEY="")).stdout)
    assert answer == {
        "ok": True,
        "size": 9,
        "root": base64.b64encode(made.root).decode(),
        "streams": 3,
        "checkpoints": 1,
        "cosignatures": 0,
        "waiting": 0,
        "pictures": 0,
        "unsalted": 0,
        "unnamed": 0,
        "generations": 0,
        "erased": 0,
        "expired": 0,
        "unproven": 0,
        "uncovered": None,
    }


async def test_what_no_checkpoint_covers_for_two_minutes_ends_with_exit_code_1(
    audit_log: AuditHarness, run: Run
) -> None:
    await audit_log.fill()
    new = await run("verify")
    assert (new.returncode, "WARNING: there is no checkpoint yet" in new.stderr) == (0, True)
    for position in (1, 2):
        await audit_log.tamper("log", {"_id": position}, {"sealed_at": NOON})
    late = await run("verify")
    assert late.returncode == 1
    assert "NOT SIGNED: positions 1 to 2: sealed at 2026-11-20T12:00:00" in late.stderr
    fields = json.loads((await run("verify", "--json")).stdout)
    assert (fields["ok"], fields["uncovered"]["first"], fields["uncovered"]["last"]) == (False, 1, 2)
    await run("checkpoint")
    signed = await run("verify")
    assert (signed.returncode, "WARNING" in signed.stderr) == (0, False)


async def test_the_first_contradiction_ends_with_exit_code_1(audit_log: AuditHarness, run: Run) -> None:
    await audit_log.fill()
    await audit_log.tamper("commits", {"_id": "b:2"}, {"last": 3})
    result = await run("verify")
    assert (result.returncode, result.stdout) == (1, "")
    assert "CONTRADICTION: position " in result.stderr
    answer = json.loads((await run("verify", "--json")).stdout)
    assert answer["ok"] is False
    assert "b:2" in answer["contradiction"]
    assert answer["contradiction"].startswith(f"position {answer['position']}: ")


@pytest.mark.parametrize("event", ["a:9", "nobody:1", "a", "a:0", "d:1"])
async def test_an_event_without_a_checkpoint_is_not_proven(audit_log: AuditHarness, run: Run, event: str) -> None:
    await audit_log.fill()
    await audit_log.sign()
    await audit_log.write("d")
    answer = await run("prove", event)
    assert (answer.returncode, answer.stdout) == (1, "")
    assert answer.stderr.startswith(("there is no event", f"{event} is "))


async def test_a_changed_event_is_not_proven(audit_log: AuditHarness, run: Run) -> None:
    await audit_log.fill()
    await audit_log.sign()
    document = await audit_log.database["commits"].find_one({"_id": "a:1"})
    assert document is not None
    forged = document["body"].replace(b"actor:test", b"actor:tesu")
    await audit_log.tamper("commits", {"_id": "a:1"}, {"body": forged})
    answer = await run("prove", "a:1")
    assert (answer.returncode, answer.stdout) == (1, "")
    assert "a:1 is not what was signed" in answer.stderr


async def test_without_a_key_the_commands_name_the_setting(run: Run) -> None:
    for command in (["key"], ["checkpoint"], ["verify"], ["prove", "a:1"]):
        answer = await run(*command, EXEMPLAR_CHECKPOINT_KEY="")
        assert (answer.returncode, answer.stdout) == (2, "")
        assert answer.stderr.startswith("exemplar: no key: EXEMPLAR_CHECKPOINT_KEY is not set")


async def test_a_malformed_key_is_refused_without_printing_it(run: Run) -> None:
    answer = await run("key", EXEMPLAR_CHECKPOINT_KEY="not a key")
    assert (answer.returncode, answer.stderr) == (
        2,
        "exemplar: EXEMPLAR_CHECKPOINT_KEY must be 32 bytes in base64\n",
    )
    assert "--key" in (await run("verify", "--key", "nonsense")).stderr


async def test_a_checkpoint_that_was_kept_binds_the_log(audit_log: AuditHarness, run: Run, tmp_path: Path) -> None:
    await audit_log.fill()
    kept = tmp_path / "kept.txt"
    kept.write_text((await run("checkpoint")).stdout)
    assert (await run("verify", "--against", str(kept))).returncode == 0
    removed = await audit_log.database["log"].find_one_and_delete({"_id": 9})
    await audit_log.database["commits"].delete_one({"_id": removed["commit"]})
    await audit_log.database["checkpoints"].delete_many({})
    assert (await run("verify")).returncode == 0
    result = await run("verify", "--against", str(kept), "--json")
    said = {"ok": False, "contradiction": "the log ends at 8, but 9 commits were signed", "position": 9}
    assert (result.returncode, json.loads(result.stdout)) == (1, said)


async def test_what_is_no_checkpoint_of_a_trusted_key_is_refused(run: Run, tmp_path: Path) -> None:
    (tmp_path / "other.txt").write_text(sign_note("exemplar\n", SigningKey("exemplar", bytes(32))))
    (tmp_path / "binary").write_bytes(b"\xff")
    for name in ("other.txt", "binary", "missing"):
        result = await run("verify", "--against", str(tmp_path / name))
        assert result.returncode == 2
        assert result.stderr.startswith(f"exemplar: --against {tmp_path / name}: ")


async def test_cosignatures_are_kept_and_verified(audit_log: AuditHarness, run: Run, tmp_path: Path) -> None:
    await audit_log.fill()
    note = (await run("checkpoint")).stdout
    (tmp_path / "note.txt").write_text(WITNESS.cosigned(note))
    witnesses = {"EXEMPLAR_CHECKPOINT_WITNESSES": json.dumps([WITNESS.key])}
    assert (await run("cosign", str(tmp_path / "note.txt"), **witnesses)).stdout == WITNESS.cosigned(note)
    assert (await run("checkpoint")).stdout == WITNESS.cosigned(note)
    assert "1 cosignature of witnesses" in (await run("verify")).stdout
    refused = await run("cosign", str(tmp_path / "note.txt"), EXEMPLAR_CHECKPOINT_WITNESSES="[]")
    assert (refused.returncode, refused.stdout) == (2, "")
    assert "not cosigned by a configured witness" in refused.stderr


async def test_pictures_are_verified_unless_they_are_left_out(audit_log: AuditHarness, run: Run) -> None:
    made = await audit_log.complete("0193f5e0-0000-7000-8000-000000000001", 500, 900)
    await audit_log.seal()
    intact = await run("verify")
    assert "as they were recorded: 2 pictures; of these 0 without a salt, 0 that" in intact.stdout
    assert "with all that the log names: 1 generation; of these 0 erased" in intact.stdout
    assert "2 of 2 pictures and pieces of them verified" in intact.stderr
    assert "1 of 1 generations compared" in intact.stderr
    await audit_log.tamper("personal_data", {}, {"instructions": "a loud harbour"})
    reworded = await run("verify")
    assert reworded.returncode == 1
    assert "CONTRADICTION: position 1: generation " in reworded.stderr
    await audit_log.tamper("blobs", {"digest": made.blobs[1].digest}, {"data": bytes(900)})
    result = await run("verify")
    assert (result.returncode, result.stdout) == (1, "")
    assert "CONTRADICTION: position 2: picture " in result.stderr
    assert (await run("verify", "--no-pictures")).returncode == 0
