"""`exemplar accounts grant`: personal data for a time and a reason."""

import re
from datetime import UTC, datetime, timedelta

import pytest

from tests.docs.reading import blocks
from tests.exemplar.commands.shell import Shell

EVE = "eve@example.com"


def grant(shell: Shell, *options: str) -> dict[str, str]:
    return dict(shell.json("grant", EVE, *options))


@pytest.fixture
def auditor(shell: Shell) -> Shell:
    shell.json("create-operator", EVE, "--auditor")
    return shell


def test_the_commands_of_the_audit_page_work(auditor: Shell) -> None:
    [commands] = [block for block in blocks("docs/audit.md", "console") if "accounts grant" in block]
    given, listed, ended = [line.split()[3:] for line in commands.splitlines()]
    for command in (given, listed, ended):
        assert command[-2:] == ["--home", ".exemplar"]
    assert "complaint" in auditor.text(*given[:-2])
    assert re.search(r"complaint +CASE-17 +\S+ \S+ +yes", auditor.text(*listed[:-2]))
    assert auditor.json(*ended[:-2])["ended"]
    assert auditor.json(*listed[:-2]) == []


def test_a_grant_and_its_end_are_events_of_the_platform(auditor: Shell) -> None:
    granted = grant(auditor, "--reason", "incident", "--until", "7d", "--case", "INC-7")
    auditor.json("end-grants", EVE)
    _, given, ended = auditor.json("history", "platform")
    assert (given["type"], ended["type"]) == ("platform.access_granted", "platform.access_grant_ended")
    assert given["data"]["grant"] == ended["data"]["grant"] == granted["id"]
    assert (given["data"]["reason"], given["data"]["case"]) == ("incident", "INC-7")
    until = datetime.fromisoformat(given["data"]["until"])
    assert timedelta(days=6, hours=23) < until - datetime.now(UTC) <= timedelta(days=7)


def test_an_end_may_be_a_moment(auditor: Shell) -> None:
    end = (datetime.now(UTC) + timedelta(hours=1)).replace(microsecond=0)
    assert datetime.fromisoformat(grant(auditor, "--reason", "legal", "--until", end.isoformat())["until"]) == end


@pytest.mark.parametrize("until", ["", "0m", "91d", "2161h", "8", "-1h", "1w", "tomorrow", "2020-01-01T00:00:00Z"])
def test_an_end_that_is_none_is_refused(auditor: Shell, until: str) -> None:
    assert "--until" in auditor.error("grant", EVE, "--reason", "legal", f"--until={until}")
    assert auditor.json("grants", EVE) == []


@pytest.mark.parametrize("case", ["", "the case of Mrs Smith", "a" * 65, "ümlaut", "-1", "a\nb"])
def test_a_case_holds_no_text(auditor: Shell, case: str) -> None:
    assert "--case" in auditor.error("grant", EVE, "--reason", "legal", "--until", "1h", f"--case={case}")


def test_a_grant_needs_an_account_of_staff(auditor: Shell) -> None:
    auditor.json("create-developer", "ada@example.com")
    for name in ("ada@example.com", "nobody@example.com"):
        assert "no operator or auditor" in auditor.error("grant", name, "--reason", "legal", "--until", "1h")
