"""The secrets that each process reads."""

from collections.abc import Iterable, Mapping
from typing import Final

from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings

from actors.providers.settings import ReplicateSettings
from exemplar.settings import PROCESS_SETTINGS

_BESIDE_SECRETS: Final = ("_CURRENT", "_RETIRED_KEYS", "_ACCESS_KEY_ID")
_SANDBOX: Final = {"EXEMPLAR_SANDBOX_TOKEN"}


def secrets_of(settings: Iterable[type[BaseSettings]]) -> set[str]:
    """Name the variables that hold a secret; an address with a password in it is none of them."""
    found = {variable for variable, field in variables_of(settings).items() if "Secret" in str(field.annotation)}
    return {variable for variable in found if not variable.endswith("_URL")}


def variables_of(settings: Iterable[type[BaseSettings]]) -> dict[str, FieldInfo]:
    """Return every variable with its field."""
    return {
        (field.alias or f"{one.model_config.get('env_prefix', '')}{name}").upper(): field
        for one in settings
        for name, field in one.model_fields.items()
    }


def _of_process(name: str) -> set[str]:
    return secrets_of((*PROCESS_SETTINGS[name], ReplicateSettings))


PROCESS_SECRETS: Mapping[str, set[str]] = {
    # It signs receipts with a key of its own: that of the log stays with the scheduler.
    "gateway": _of_process("gateway") - {"EXEMPLAR_CHECKPOINT_KEY"},
    "worker": _of_process("worker"),
    "scheduler": _of_process("scheduler"),
    "sandbox": _SANDBOX,
}
"""What each service gets of them, and nothing else."""

SET_BESIDE_SECRETS: Mapping[str, set[str]] = {
    name: {variable for variable in variables_of(PROCESS_SETTINGS[name]) if variable.endswith(_BESIDE_SECRETS)}
    for name in ("gateway", "worker", "scheduler")
}
"""What is no secret and is changed together with one."""
