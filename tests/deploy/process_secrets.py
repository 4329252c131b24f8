"""The secrets that each process reads."""

from collections.abc import Iterable, Mapping
from typing import Final

from pydantic_settings import BaseSettings

from actors.providers.settings import ReplicateSettings
from exemplar.settings import PROCESS_SETTINGS

_SANDBOX: Final = {"EXEMPLAR_SANDBOX_TOKEN"}


def secrets_of(settings: Iterable[type[BaseSettings]]) -> set[str]:
    """Name the variables that hold a secret; an address with a password in it is none of them."""
    fields = [
        (field.alias or f"{one.model_config.get('env_prefix', '')}{name}").upper()
        for one in settings
        for name, field in one.model_fields.items()
        if "Secret" in str(field.annotation)
    ]
    return {field for field in fields if not field.endswith("_URL")}


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
