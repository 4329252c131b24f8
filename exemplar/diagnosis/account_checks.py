"""Checks of the credentials that the commands for users have."""

from pathlib import Path

from exemplar.client_commands.account_check import AccountCheck, check_account
from exemplar.diagnosis.finding import Finding, ok, warning
from exemplar.environment import ConfigurationError


def account_finding(home: Path | None) -> Finding:
    """Check whether a user can act; not having a service yet is no fault of a system."""
    try:
        return judge_account(check_account(home))
    except ConfigurationError as error:
        return warning("account", str(error).partition(". `")[0], "make run, or exemplar login")


def judge_account(check: AccountCheck) -> Finding:
    """Judge the answer of the service."""
    if check.accepted:
        return ok("account", check.message)
    return warning("account", check.message, "exemplar login, or --profile NAME for another service")
