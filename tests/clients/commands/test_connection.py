"""Which service commands call: profiles, the environment, and an `exemplar up` that runs."""

import json
import stat
from pathlib import Path

import httpx
import pytest

from exemplar.client_commands.account_check import check_account
from tests.clients.commands.terminal import Terminal
from tests.systems.account import Account
from tests.systems.system import System


@pytest.fixture
def bare(folder: Path) -> Terminal:
    """A terminal of a user who has set nothing."""
    return Terminal(XDG_CONFIG_HOME=str(folder / "config"))


def test_without_any_service_the_command_says_what_to_type(bare: Terminal) -> None:
    done = bare.run("list")
    assert done.code == 2
    assert "`make run` (`exemplar up`) starts one here; `exemplar login` saves" in done.error


def test_a_folder_whose_system_is_stopped_says_so(bare: Terminal, home: Path) -> None:
    (home / "demo.json").write_text(json.dumps({"base_url": "http://127.0.0.1:1"}))
    assert "nothing runs in .exemplar: start it with `make run`" in bare.run("list", "--home", ".exemplar").error
    assert "no service: none runs in .exemplar" in bare.run("list").error


def test_an_access_key_is_saved_for_its_owner_alone_and_used(
    bare: Terminal, folder: Path, solo: System, account: Account, access_key: str
) -> None:
    saved = bare.run("login", "--url", solo.base_url, "--json", typed=f"{access_key}\n")
    assert saved.json == {"profile": "default", "url": solo.base_url, "email": account.email}
    file = folder / "config" / "exemplar" / "profiles.json"
    assert (stat.S_IMODE(file.stat().st_mode), stat.S_IMODE(file.parent.stat().st_mode)) == (0o600, 0o700)
    assert bare.run("list", "--json").json == []
    assert bare.run("login", "--forget").code == 0
    assert "no service" in bare.run("list").error
    assert access_key not in file.read_text()


def test_the_five_headers_are_saved_under_a_name(bare: Terminal, solo: System, account: Account) -> None:
    who = ("--url", solo.base_url, "--email", account.email, "--project-id", account.project_id, "--profile", "shop")
    secrets = f"{account.password}\n{account.developer_key}\n{account.api_key}\n"
    assert bare.run("login", *who, typed=secrets).code == 0
    sent = bare.run("generate", "cup.jpg", "--prompt", "a cup", "--no-wait", "--profile", "shop")
    assert sent.code == 0, sent.error
    assert "there is no profile stop (saved: shop)" in bare.run("list", "--profile", "stop").error


def test_nothing_is_saved_that_the_service_does_not_accept(bare: Terminal, solo: System, folder: Path) -> None:
    assert bare.run("login", "--url", solo.base_url, typed="ek_wrong\n").code == 4
    assert bare.run("login", "--url", solo.base_url, typed="pk_wrong\n").code == 2
    assert bare.run("login", "--url", solo.base_url).error.endswith("expected on standard input, one secret a line\n")
    assert "an address begins with https://" in bare.run("login", "--url", "example.com").error
    assert "belong together" in bare.run("login", "--email", "a@example.com").error
    assert not (folder / "config").exists()


def test_a_damaged_file_of_profiles_is_named(bare: Terminal, folder: Path) -> None:
    file = folder / "config" / "exemplar" / "profiles.json"
    file.parent.mkdir(parents=True)
    file.write_text('{"default": {"access_key": "ek_secret"}}')
    done = bare.run("list")
    assert (done.code, "is damaged: remove it" in done.error, "ek_secret" in done.error) == (2, True, False)


def test_the_console_is_opened_by_a_new_link(bare: Terminal, home: Path, solo: System) -> None:
    link = bare.run("open", "--print").out.strip()
    assert link.startswith(f"{solo.base_url}/console/#link=")
    assert httpx.get(link.partition("#")[0]).headers["Content-Type"].startswith("text/html")
    kept = json.loads((home / "sign-in-link.json").read_text())
    assert [account.get("email") for account in kept["accounts"]] == [
        json.loads((home / "demo.json").read_text())[name] for name in ("email", "developer_email")
    ]
    assert bare.run("open", "--json").json["valid_seconds"] == 600
    assert bare.run("open", "--docs", "--print").out.startswith(f"{solo.base_url}/docs#link=")


def test_the_account_of_commands_is_checked(home: Path, account: Account) -> None:
    found = check_account(home)
    assert (found.accepted, account.email in found.message) == (True, True)
    kept = json.loads((home / "demo.json").read_text())
    (home / "demo.json").write_text(json.dumps(kept | {"access_key": "ek_wrong"}))
    refused = check_account(home)
    assert (refused.accepted, "does not accept the credentials" in refused.message) == (False, True)
