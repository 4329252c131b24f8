"""`exemplar accounts` as an operator uses it, on a real store."""

import json
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pymongo import MongoClient

from tests.exemplar.commands.shell import PEPPER, Shell
from tests.systems.commands import run_command


def test_names_are_checked_as_in_the_api(shell: Shell) -> None:
    shell.json("create-developer", "ada@example.com")
    shell.json("create-project", "ada@example.com", "garden")
    shell.json("create-user", "ada@example.com", "garden", "bob@example.com")
    for name in ("", "  ", "a\tb", "a\u202eb", "x" * 256):
        for command in (
            ("create-developer", "eve@example.com", "--name", name),
            ("create-operator", "eve@example.com", "--name", name),
            ("create-project", "ada@example.com", name),
            ("create-user", "ada@example.com", "garden", "bob@example.com", "--name", name),
            ("create-key", "ada@example.com", "--name", name),
            ("create-access-key", "ada@example.com", "garden", "bob@example.com", "--name", name),
        ):
            assert shell.error(*command).startswith("the name must"), command
    assert [one["email"] for one in shell.json("list")["developers"]] == ["ada@example.com"]


def test_an_operator_erases_a_user_of_a_deleted_project(shell: Shell, mongodb_url: str) -> None:
    shell.json("create-developer", "ada@example.com")
    project = shell.json("create-project", "ada@example.com", "garden")
    user = shell.json("create-user", "ada@example.com", "garden", "bob@example.com")
    with MongoClient[dict[str, Any]](mongodb_url) as client:
        ended = {"$set": {"active": False, "deleted_at": datetime.now(UTC)}}
        client.get_default_database()["projects"].update_one({"_id": project["id"]}, ended)
    gone = shell.json("delete-user", "ada@example.com", project["id"], "bob@example.com")
    assert gone == {"deleted": user["id"]}
    assert "no user" in shell.error("delete-user", "ada@example.com", project["id"], "bob@example.com")


def test_an_operator_makes_and_revokes_an_access_key(shell: Shell) -> None:
    shell.json("create-developer", "ada@example.com")
    shell.json("create-project", "ada@example.com", "garden")
    shell.json("create-user", "ada@example.com", "garden", "bob@example.com")
    user = ("ada@example.com", "garden", "bob@example.com")
    made = shell.json("create-access-key", *user, "--scope", "read", "--scope", "generate", "--until", "7d")
    assert made["key"].startswith("ek_")
    assert (made["prefix"], made["scopes"]) == (made["key"][:8], ["generate", "read"])
    assert "ahead" in shell.error("create-access-key", *user, "--until", "2020-01-01T00:00:00Z")
    assert shell.json("revoke-access-key", *user, made["prefix"])["active"] is False
    assert "no active access key" in shell.error("revoke-access-key", *user, made["prefix"])


def test_creating_and_deleting_staff_is_recorded_in_the_platform_history(shell: Shell) -> None:
    made = shell.json("create-operator", "oscar@example.com", "--auditor")
    shell.text("delete-operator", "oscar@example.com")
    recorded = [(event["type"], event["data"]) for event in shell.json("history", "platform")]
    assert recorded == [
        ("platform.staff_created", {"staff": made["id"], "role": "auditor"}),
        ("platform.staff_deleted", {"staff": made["id"]}),
    ]


def test_an_operator_creates_and_changes_accounts(shell: Shell) -> None:
    made = shell.json("create-developer", "Ada@Example.com", "--tier", "cloud_starter", "--name", "Ada")
    assert (made["email"], made["tier"], len(made["password"])) == ("ada@example.com", "cloud_starter", 16)
    project = shell.json("create-project", "ada@example.com", "garden")
    user = shell.json("create-user", made["id"], "garden", "bob@example.com")
    own = shell.json("create-key", "ada@example.com", "--name", "laptop")
    public = shell.json("create-key", "ada@example.com", "--project", project["id"])
    assert (own["key"][:3], public["key"][:3], own["prefix"]) == ("ak_", "pk_", own["key"][:8])
    assert shell.json("set-tier", "ada@example.com", "internal")["tier"] == "internal"
    shown = shell.text("show", "ada@example.com")
    for expected in ("ada@example.com", "internal", "garden", "bob@example.com (", own["prefix"], user["id"]):
        assert expected.removesuffix(" (") in shown
    assert own["key"] not in shown
    assert shell.json("revoke", made["id"], own["prefix"])["id"] == own["id"]
    shell.json("delete-user", made["id"], "garden", "bob@example.com")
    history = shell.json("history", made["id"])
    assert [event["type"] for event in history][-3:] == [
        "developer.tier_changed",
        "developer.key_revoked",
        "developer.user_deleted",
    ]
    assert {event["actor"] for event in history} == {"operator"}
    assert "previous=cloud_starter tier=internal" in shell.text("history", made["id"])


def test_staff_is_created_and_deleted_and_errors_name_a_remedy(shell: Shell) -> None:
    assert shell.json("create-operator", "op@example.com")["role"] == "platform_operator"
    assert shell.json("create-operator", "audit@example.com", "--auditor")["role"] == "auditor"
    listed = shell.text("list")
    assert "platform_operator" in listed
    assert "auditor" in listed
    shell.text("delete-operator", "op@example.com")
    assert "op@example.com" not in shell.text("list")
    assert "`exemplar accounts list`" in shell.error("show", "nobody@example.com")
    assert "no e-mail address" in shell.error("create-developer", "nobody")
    assert "there are free_starter" in shell.error("create-developer", "a@example.com", "--tier", "gold")
    shell.text("create-developer", "dev@example.com")
    assert "there are free_starter" in shell.error("set-tier", "dev@example.com", "gold")
    assert "another" in shell.error("create-developer", "audit@example.com")


def test_the_process_without_a_store_ends_with_exit_code_2_and_one_line(tmp_path: Path) -> None:
    done = run_command("accounts", "list", env={"PATH": os.environ["PATH"]}, cwd=tmp_path)
    assert (done.code, done.out) == (2, "")
    assert done.error.startswith("exemplar: EXEMPLAR_MONGODB_URL is not set")
    assert done.error.endswith("name its folder: --home .exemplar\n")


def test_an_unreachable_store_is_reported_in_one_line() -> None:
    away = Shell(
        {
            "EXEMPLAR_MONGODB_URL": "mongodb://127.0.0.1:9/none?replicaSet=rs0",
            "EXEMPLAR_MONGODB_TIMEOUT_MS": "100",
            "EXEMPLAR_KEY_PEPPERS": json.dumps({"1": PEPPER}),
        }
    )
    assert "is it running?" in away.error("list")
