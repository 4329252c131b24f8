"""`exemplar audit export` in small parts, killed at a write."""

import os
import signal
import sys

from exemplar import cli
from exemplar.export import exporter
from exemplar.export.folder import ExportFolder
from tests.exemplar.export.verifying import PART

write = ExportFolder.write


def main(last: int, arguments: list[str]) -> None:
    """Die before write number `last`, or after it when it is odd; 0: never."""
    done = 0

    def counted(folder: ExportFolder, name: str, content: bytes) -> None:
        nonlocal done
        done += 1
        if done != last:
            write(folder, name, content)
            return
        if last % 2:
            write(folder, name, content)
        else:
            (folder.partial / "file").write_bytes(content[: len(content) // 2])
        os.kill(os.getpid(), signal.SIGKILL)

    exporter.PART = PART  # type: ignore[misc]
    ExportFolder.write = counted  # type: ignore[method-assign,assignment]
    sys.argv = ["exemplar", "audit", "export", *arguments]
    cli.main()
