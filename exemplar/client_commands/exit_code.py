"""How a command ends: docs/command-line.md lists the exit codes."""

from enum import IntEnum


class ExitCode(IntEnum):
    """The exit codes of all commands; 130 is Ctrl-C, and codes of single commands are documented there."""

    DONE = 0
    FOUND = 1
    """It ran, and what it found is bad: a failed generation, a fault, a difference."""
    USAGE = 2
    REFUSED = 4
    UNAVAILABLE = 5
    UNFINISHED = 6


class CommandFailedError(Exception):
    """A command cannot do what was asked; the message says what to do."""

    def __init__(self, message: str, code: ExitCode) -> None:
        super().__init__(message)
        self.code = code
