"""Become another program that ends with its parent: `python launcher.py SIGNAL PARENT_PID COMMAND...`.

A small program of its own because a fork hook inside a process with threads may deadlock. See prctl(2),
PR_SET_PDEATHSIG: the signal is kept over execve and is sent when the *thread* that started us ends.
"""

import ctypes
import os
import sys

PR_SET_PDEATHSIG = 1


def main(arguments: list[str]) -> None:
    number, parent, *command = arguments
    if ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, int(number)) != 0:
        sys.exit(f"prctl: {os.strerror(ctypes.get_errno())}")
    if os.getppid() != int(parent):
        sys.exit("the process that started this one has ended")
    try:
        os.execvp(command[0], command)  # noqa: S606 - the command is our own, without a shell
    except OSError as error:
        sys.exit(f"{command[0]}: {error.strerror}")


if __name__ == "__main__":
    main(sys.argv[1:])
