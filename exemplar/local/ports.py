import json
import secrets
import socket
from pathlib import Path

from exemplar.environment import ConfigurationError

LOOPBACK = "127.0.0.1"
LOWEST, HIGHEST = 15_000, 32_000
"""Below the range of outgoing connections (on Linux from 32768), which could take a chosen port."""


class Ports:
    """Assigns each name a free port, the same as at the last start if it is free; stored in a file."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._ports: dict[str, int] = self._load()
        self._taken: set[int] = set()

    def of(self, name: str) -> int:
        port = self._ports.get(name, 0)
        while port in self._taken or not is_free(port):
            port = LOWEST + secrets.randbelow(HIGHEST - LOWEST)
        self._taken.add(port)
        if self._ports.get(name) != port:
            self._ports[name] = port
            self._file.parent.mkdir(parents=True, exist_ok=True)
            self._file.write_text(json.dumps(self._ports))
        return port

    def known(self, name: str) -> int:
        """Return the port that a name has had last; 0 for none."""
        return self._ports.get(name, 0)

    def _load(self) -> dict[str, int]:
        try:
            return {str(name): int(port) for name, port in json.loads(self._file.read_text()).items()}
        except (FileNotFoundError, ValueError, AttributeError):
            return {}


def is_free(port: int, host: str = LOOPBACK) -> bool:
    """Tell whether a server could listen on the port; port 0 is never free."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
            probe.listen(1)
        except (OSError, OverflowError):
            return False
    return port != 0


def listening(port: int, host: str = LOOPBACK) -> bool:
    """Tell whether a server accepts connections on the port."""
    try:
        with socket.create_connection((host, port), timeout=1.0):
            return True
    except OSError:
        return False


def require_free(port: int, host: str) -> None:
    """Raise ConfigurationError with the name of the setting when the port is taken."""
    if not is_free(port, host):
        raise ConfigurationError(f"port {port} of {host} is taken or not permitted: set EXEMPLAR_PORT to a free one")
