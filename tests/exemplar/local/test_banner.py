"""The hosts that webhooks may use on one machine, and the banner that lists them."""

from pathlib import Path

import pytest

from exemplar.local.banner import banner, command
from exemplar.local.options import Options, webhook_allow
from exemplar.local.programs import Addresses, environment
from exemplar.local.secrets_file import Secrets

WHERE = Addresses("http://127.0.0.1:8000", 8000, "mongodb://127.0.0.1:1/x", None, None)
DEMO = {
    name: name
    for name in (
        "base_url",
        "email",
        "password",
        "developer_email",
        "developer_password",
        "project_id",
        "developer_key",
        "api_key",
        "access_key",
        "mongodb_url",
    )
} | {"sandbox_url": None}


@pytest.mark.parametrize(
    ("environ", "host", "allowed"),
    [
        ({}, "127.0.0.1", "127.0.0.1,localhost"),
        ({}, "localhost", "127.0.0.1,localhost"),
        ({}, "0.0.0.0", ""),  # noqa: S104 - compared, not bound
        ({}, "192.168.1.5", ""),
        ({"EXEMPLAR_PUBLIC_URL": "https://api.example"}, "127.0.0.1", ""),
        ({"REPLICATE_API_TOKEN": "r8_token"}, "127.0.0.1", ""),
        ({"EXEMPLAR_TRUSTED_PROXIES": "127.0.0.0/8"}, "127.0.0.1", ""),
        ({"EXEMPLAR_PUBLIC_URL": "", "REPLICATE_API_TOKEN": ""}, "127.0.0.1", "127.0.0.1,localhost"),
        ({"EXEMPLAR_PUBLIC_URL": "https://api.example", "EXEMPLAR_WEBHOOK_ALLOW": "receiver"}, "::1", "receiver"),
        ({"EXEMPLAR_WEBHOOK_ALLOW": "receiver"}, "127.0.0.1", "receiver"),
        ({"EXEMPLAR_WEBHOOK_ALLOW": ""}, "127.0.0.1", ""),
    ],
)
def test_webhooks_may_go_to_this_machine_while_only_this_machine_uses_it(
    environ: dict[str, str], host: str, allowed: str
) -> None:
    assert webhook_allow(environ, host) == allowed
    env = environment(Options(environ=environ, host=host), Secrets(), WHERE)
    assert env["EXEMPLAR_WEBHOOK_ALLOW"] == allowed


@pytest.mark.parametrize(
    ("allowed", "said"),
    [("127.0.0.1,localhost", "may also go to 127.0.0.1,localhost"), ("", "go to public addresses only")],
)
def test_the_banner_names_the_allowed_webhook_hosts(allowed: str, said: str) -> None:
    console = "http://127.0.0.1/console/#link=c"
    docs = "http://127.0.0.1/docs#link=d"
    text = banner(DEMO, console=console, docs=docs, photos=[], broker="b", home=Path(), webhook_allow=allowed)
    assert f"{said} (EXEMPLAR_WEBHOOK_ALLOW)" in text
    assert f"Open {console}\n  or {docs}\n" in text


def test_the_banner_names_the_command_that_finds_this_system() -> None:
    usual, other = command(".venv/bin/exemplar", Path(".exemplar")), command("exemplar/__main__.py", Path("my home"))
    assert usual == '  .venv/bin/exemplar generate PICTURE --prompt "A quiet harbour"'
    assert other.startswith("  exemplar generate PICTURE")
    assert other.endswith(" --home 'my home'")
