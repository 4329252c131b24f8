"""The ten questions that begin docs/audit.md, asked one after the other in one shell."""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from tests.builders.rfc6962 import leaf_of, root_by_inclusion
from tests.builders.tlog import read_checkpoint, read_growth, read_proof
from tests.docs.reading import section_blocks
from tests.docs.recipes.pages import missing, run
from tests.docs.recipes.test_audit import prepare
from tests.systems.commands import served_commands
from tests.systems.signing import key_of
from tests.systems.system import System

NEXT = "=== next ==="


def ask(system: System, folder: Path, env: dict[str, str]) -> list[str]:
    """Run every program of the section; return the output of each but the set-up."""
    programs = [f"{block}\necho; echo '{NEXT}'" for block in section_blocks("docs/audit.md", "## Ten questions", "sh")]
    store = {name: system.env[name] for name in ("EXEMPLAR_MONGODB_URL", "EXEMPLAR_CHECKPOINT_KEY")}
    with served_commands(folder) as command:
        script = "\n".join(["set -euo pipefail", f'exemplar() {{ {command} "$@"; }}', *programs])
        _, *answers, _ = run(["bash", "-c", script], folder, {**env, **store}).split(f"{NEXT}\n")
    return answers


@pytest.mark.skipif(missing("curl"), reason="no curl")
def test_the_ten_questions_are_answered_on_a_running_system(solo: System, tmp_path: Path) -> None:
    env = asyncio.run(prepare(solo))
    generation = f"generation-{env['GENERATION_ID']}"
    given = {name: env[name] for name in ("BASE", "EMAIL", "PASSWORD")}
    answers = ask(solo, tmp_path, given)
    assert len(answers) == 10
    read = [documents(answer) for answer in answers]
    [newest], [last], [history], [quota], [changes], [failures, erasures], [accesses], _, _, [invariants] = read
    assert len(newest["events"]) >= 5
    assert last["events"][0]["stream"] == generation
    assert [event["version"] for event in history["events"]] == [*range(1, len(history["events"]) + 1)]
    assert "generation.completed" in {event["type"] for event in history["events"]}
    # A busy machine records the end together with the beginning: the slot is free again at that moment.
    held = [slot["generation"] for slot in quota["state"]["slots"]]
    assert held in ([], [env["GENERATION_ID"]])
    assert list(quota["state"]["used"].values()) == [1]
    assert not held or changes["changes"]["slots"]["to"] == []
    assert failures["events"] == erasures["events"] == []
    assert accesses["events"][0]["type"] == "access.log_read"
    assert "as they were sealed: " in answers[7]
    assert "are as they were signed" in answers[8]
    assert "WARNING" not in answers[8]
    assert "ok     event" in answers[8]
    assert invariants["report"]["ok"], invariants
    assert "\n0 differences\n" in answers[9]
    check_files(tmp_path, str(key_of(solo).public), generation)


def documents(text: str) -> list[Any]:
    """Read the JSON documents that a text begins with."""
    decoder, found, text = json.JSONDecoder(), [], text.lstrip()
    while text.startswith("{"):
        value, end = decoder.raw_decode(text)
        found.append(value)
        text = text[end:].lstrip()
    return found


def check_files(folder: Path, key: str, generation: str) -> None:
    """Verify what was kept, as a stranger would."""
    kept = read_checkpoint((folder / "kept.txt").read_text(), key)
    proof = read_proof((folder / "event.proof").read_text())
    signed = read_checkpoint(proof.note, key)
    assert root_by_inclusion(leaf_of(proof.extra), proof.index, signed.size, proof.hashes) == signed.root
    assert json.loads(proof.extra)[0]["stream"] == generation
    old, _, note = read_growth((folder / "grown.txt").read_text())
    assert old == kept.size <= read_checkpoint(note, key).size
