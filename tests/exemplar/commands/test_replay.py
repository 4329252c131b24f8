"""`exemplar audit replay`: its output, its exit codes, and one hash from every process."""

import asyncio
import json
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.builders.damage import DAMAGE
from tests.systems.commands import Done, command
from tests.systems.derived_store import DerivedStore

ROOT = Path(__file__).parents[3]


def environment(url: str) -> dict[str, str]:
    return {"PATH": "/usr/bin:/bin", "EXEMPLAR_MONGODB_URL": url}


async def replay(url: str, *arguments: str, **environ: str) -> Done:
    return await command("audit", "replay", *arguments, env={**environment(url), **environ}, cwd=ROOT)


async def fresh_replay(url: str, *arguments: str, **environ: str) -> Done:
    """Replay in a new interpreter, which reads variables of its own."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "exemplar", "audit", "replay", *arguments),
        env={**environment(url), **environ},
        cwd=ROOT,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, error = await process.communicate()
    return Done(process.returncode or 0, out.decode(), error.decode())


async def test_two_processes_that_differ_in_all_they_can_print_one_hash(
    derived: DerivedStore, derived_url: str
) -> None:
    one = await fresh_replay(derived_url, PYTHONHASHSEED="1", LC_ALL="C", TZ="UTC")
    other = await fresh_replay(derived_url, "--json", PYTHONHASHSEED="2", LC_ALL="C.UTF-8", TZ="Asia/Tokyo")
    assert (one.code, other.code) == (0, 0), one.error + other.error
    answer: dict[str, Any] = json.loads(other.out)
    assert answer["ok"] is True
    assert (answer["different"], answer["differences"], answer["unreadable"]) == (0, [], [])
    assert one.out.splitlines()[-1] == f"state {answer['state_hash']}"
    assert f"up to position {answer['position']}" in one.out
    assert "0 differences" in one.out
    earlier = json.loads((await replay(derived_url, "--until", "5", "--json")).out)
    assert earlier["state_hash"] != answer["state_hash"]


async def test_a_malformed_document_is_named_and_the_exit_code_is_1(derived: DerivedStore, derived_url: str) -> None:
    database = derived.system.store.database
    await database["webhook_deliveries"].update_one({"generation": "g1"}, {"$set": {"attempts": [1]}})
    await database["usage"].update_one({}, {"$unset": {"developer": "", "completed": ""}})
    done = await replay(derived_url)
    assert (done.code, "Traceback" in done.error) == (1, False), done.error
    assert "\n2 differences\n" in done.out
    assert ": cannot be compared: AttributeError: " in done.out
    assert ": completed: the log says 1, stored is nothing" in done.out


async def test_a_difference_is_printed_and_the_exit_code_is_1(derived: DerivedStore, derived_url: str) -> None:
    await derived.system.store.database["generations"].update_one({"_id": "g1"}, {"$set": {"status": "completed"}})
    done = await replay(derived_url)
    assert done.code == 1
    assert '  generations g1: status: the log says "failed", stored is "completed"' in done.out
    for name in ("g1", "generation-g1"):
        [found] = json.loads((await replay(derived_url, "--stream", name, "--json")).out)["differences"]
        assert (found["model"], found["field"], found["log"], found["stored"]) == (
            "generations",
            "status",
            "failed",
            "completed",
        )
    assert (await replay(derived_url, "--stream", "g0")).code == 0


async def test_a_stream_that_cannot_be_read_is_named_and_the_exit_code_is_3(
    derived: DerivedStore, derived_url: str
) -> None:
    await DAMAGE["second body"].do(derived.system.store.database, "g0")
    for arguments in ((), ("--stream", "g0")):
        done = await replay(derived_url, *arguments)
        assert done.code == 3
        assert "not readable: generation-g0 at version 2: ValueError" in done.out


@pytest.mark.parametrize(
    ("arguments", "code"), [(("--stream", "nobody"), "not_found"), (("--until", "99999"), "unknown_position")]
)
async def test_what_does_not_exist_is_an_error_of_the_closed_list(
    mongodb_url: str, arguments: tuple[str, ...], code: str
) -> None:
    done = await replay(mongodb_url, *arguments, "--json")
    assert done.code == 1
    assert json.loads(done.out)["code"] == code
    assert (await replay(mongodb_url, *arguments)).error


async def test_decisions_are_made_again_by_the_settings_of_the_environment(
    derived: DerivedStore, derived_url: str
) -> None:
    """The generations of this store have no personal data: what can be decided of them is their quota."""
    same = await replay(derived_url, "--against")
    assert (same.code, "0 different, 3 not decidable" in same.out) == (0, True), same.out + same.error
    assert "3 personal_data_gone" in same.out
    tiers = {"EXEMPLAR_TIERS": '{"free_starter": {"monthly": 0}}'}
    other = await replay(derived_url, "--against", "--json", **tiers)
    answer = json.loads(other.out)
    assert (other.code, answer["different"], answer["same"]) == (1, 2, 0)
    assert {one["generation"] for one in answer["differences"]} == {"g0", "g2"}
    one = await replay(derived_url, "--against", "--stream", "g0", **tiers)
    assert "  g0: generation-g0:3 is generation.quota_reserved, today: generation.failed quota_exceeded" in one.out
    unknown = await replay(derived_url, "--against", "--stream", "nobody", "--json")
    assert (unknown.code, json.loads(unknown.out)["code"]) == (1, "not_found")


@pytest.mark.parametrize("other", [("--stream", "developer-1"), ("--against",)])
async def test_a_position_is_refused_where_it_would_be_ignored(mongodb_url: str, other: tuple[str, ...]) -> None:
    done = await replay(mongodb_url, "--until", "5", *other)
    assert done.code == 2
    assert "leave out --stream and --against" in done.error
