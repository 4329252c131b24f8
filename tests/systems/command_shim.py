"""Let a process of the tests run `exemplar ARGUMENTS`: an interpreter without the product starts in 20 ms."""

import json
import os
import socket
import sys


def main() -> int:
    """Send arguments and environment to the socket that is named first; write what comes back."""
    path, *arguments = sys.argv[1:]
    with socket.socket(socket.AF_UNIX) as connection, connection.makefile("rw") as lines:
        connection.connect(path)
        lines.write(json.dumps({"arguments": arguments, "env": dict(os.environ)}) + "\n")
        lines.flush()
        code, out, error = json.loads(lines.readline())
    sys.stdout.write(out)
    sys.stderr.write(error)
    return int(code)


if __name__ == "__main__":
    sys.exit(main())
