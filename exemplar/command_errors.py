"""Errors that the user of a command can correct: one line, and an exit code."""

from exemplar.client_commands.exit_code import CommandFailedError, ExitCode
from exemplar.environment import ConfigurationError
from exemplar.injection import UnknownDependencyError
from store.errors import (
    DamagedCommitError,
    DataFormatError,
    ObjectStorageError,
    ObjectStorageUnavailableError,
    StoreError,
)


def explain(error: Exception) -> tuple[str, int]:
    """Return what to print and the exit code; raise the error itself when it is a fault of the program."""
    match error:
        case CommandFailedError():
            return str(error), error.code
        case ConfigurationError() | DataFormatError() | ObjectStorageError() | UnknownDependencyError():
            return str(error), ExitCode.USAGE
        case DamagedCommitError():
            return f"{error}; `exemplar audit verify` names every fault of the log", ExitCode.USAGE
        case ObjectStorageUnavailableError():
            return f"EXEMPLAR_S3_BUCKET: the object storage cannot be used ({error})", ExitCode.USAGE
        case StoreError():
            return f"EXEMPLAR_MONGODB_URL: MongoDB cannot be used ({error})", ExitCode.USAGE
        case _:
            raise error
