"""A stand-in for `exemplar gateway|solo|worker|scheduler|sandbox`: serves /health, notes start and end.

The file in FAKE_NOTES gets a line for each start, release and SIGTERM. A service in FAKE_BROKEN ends at once.
"""

import http.server
import os
import signal
import sys
import threading
from pathlib import Path
from types import FrameType

from exemplar.starting import HELD, wait_until_released


class Health(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_arguments: object) -> None:
        pass


def note(text: str) -> None:
    with Path(os.environ["FAKE_NOTES"]).open("a") as notes:
        notes.write(text + "\n")


def main(name: str) -> None:
    over = threading.Event()

    def end(_number: int, _frame: FrameType | None) -> None:
        note(f"end {name}")
        over.set()

    signal.signal(signal.SIGTERM, end)
    note(f"start {name}")
    if name in os.environ.get("FAKE_BROKEN", "").split():
        sys.exit("a setting is missing")
    if HELD in os.environ:
        wait_until_released()
        note(f"release {name}")
    port = {"gateway": "EXEMPLAR_PORT", "solo": "EXEMPLAR_PORT", "sandbox": "EXEMPLAR_SANDBOX_PORT"}.get(name)
    if port:
        server = http.server.ThreadingHTTPServer(("127.0.0.1", int(os.environ[port])), Health)
        threading.Thread(target=server.serve_forever, daemon=True).start()
    over.wait()


if __name__ == "__main__":
    main(sys.argv[1])
