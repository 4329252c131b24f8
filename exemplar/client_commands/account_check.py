"""Whether the commands for users can act: their service answers and accepts the credentials."""

from dataclasses import dataclass
from pathlib import Path

from exemplar.client_commands.client_failure import failure_of
from exemplar.client_commands.connection import FIRST, find_connection
from exemplar_client import Client, ClientError


@dataclass(frozen=True, slots=True)
class AccountCheck:
    """For whom commands act and where, or why they cannot."""

    accepted: bool
    message: str


def check_account(home: Path | None) -> AccountCheck:
    """Read the account that commands would act for; ConfigurationError where no service is chosen."""
    connection = find_connection(home, None)
    try:
        with Client(connection.url, connection.credentials, retries=FIRST) as client:
            account = client.api.read_own_account()
    except ClientError as error:
        return AccountCheck(False, f"{failure_of(error, connection.url)} ({connection.name})")
    return AccountCheck(True, f"commands act for {account['email']} at {connection.url} ({connection.name})")
