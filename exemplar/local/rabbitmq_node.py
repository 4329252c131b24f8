import json
import shutil
import signal
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from exemplar.environment import ConfigurationError
from exemplar.local.pids import PidFiles
from exemplar.local.ports import LOOPBACK, listening
from exemplar.local.processes import Child, Program, bare

SERVER = Path("/usr/lib/rabbitmq/bin/rabbitmq-server")
"""The server's own script in Debian's package; the wrapper in sbin wants root or the user rabbitmq."""

USER = "exemplar"


@dataclass(frozen=True, slots=True)
class RabbitPorts:
    """The ports of a node; without `management` its plugin stays off."""

    amqp: int
    distribution: int
    epmd: int
    management: int | None = None


class RabbitNode:
    """Runs a private RabbitMQ node: own cookie, own name server (epmd), one address only, one user.

    `within` is a command that runs another, in a network of its own for example.
    """

    def __init__(
        self,
        home: Path,
        ports: RabbitPorts,
        environ: Mapping[str, str],
        *,
        password: str,
        definitions: Path | None,
        host: str = LOOPBACK,
        within: Sequence[str] = (),
    ) -> None:
        self.host = host
        self._home = home.absolute() / "rabbitmq"
        self._ports = ports
        self._password = password
        self._definitions = definitions
        logs, files = home.absolute() / "logs", PidFiles(home)
        # Both get SIGTERM when their parent ends: the node then closes its files; epmd has none.
        server = partial(Program, on_parent_death=signal.SIGTERM)
        name_server = (*within, "epmd", "-port", str(ports.epmd), "-address", host)
        epmd = server("epmd", name_server, bare(environ), logs / "epmd.log", rank=9)
        env = {**bare(environ), **self._environment()}
        command = (*within, str(find_server() or SERVER))
        node = server("rabbitmq", command, env, logs / "rabbitmq.log", rank=8, grace_s=20.0)
        self.epmd, self.node = Child(epmd, files), Child(node, files)

    @staticmethod
    def available() -> bool:
        return find_server() is not None and shutil.which("epmd") is not None

    @property
    def children(self) -> tuple[Child, Child]:
        return self.epmd, self.node

    @property
    def port(self) -> int:
        return self._ports.amqp

    @property
    def url(self) -> str:
        return f"amqp://{USER}:{self._password}@{self.host}:{self._ports.amqp}/%2F"

    def launch(self) -> None:
        """Start name server and node; call this in the main thread."""
        if not self.available():
            raise ConfigurationError("no RabbitMQ: apt install rabbitmq-server, or choose --broker inprocess")
        self._write_configuration()
        self.epmd.start()
        self.node.start()

    def wait_ready(self, deadline_s: float = 60.0) -> None:
        """Wait until the node accepts AMQP connections, which it does after loading its definitions."""
        self.node.wait_until(lambda: listening(self._ports.amqp, self.host), deadline_s=deadline_s, poll_s=0.05)

    def stop(self) -> None:
        self.node.stop()
        self.epmd.stop()

    def _environment(self) -> dict[str, str]:
        home = self._home
        return {
            "HOME": str(home),
            "ERL_EPMD_PORT": str(self._ports.epmd),
            "ERL_EPMD_ADDRESS": self.host,
            "RABBITMQ_NODENAME": "exemplar@localhost",
            "RABBITMQ_NODE_IP_ADDRESS": self.host,
            "RABBITMQ_NODE_PORT": str(self._ports.amqp),
            "RABBITMQ_DIST_PORT": str(self._ports.distribution),
            "RABBITMQ_MNESIA_BASE": str(home / "data"),
            "RABBITMQ_LOG_BASE": str(home / "log"),
            "RABBITMQ_PID_FILE": str(home / "node.pid"),
            "RABBITMQ_CONFIG_FILE": str(home / "rabbitmq.conf"),
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(home / "enabled_plugins"),
            "RABBITMQ_CONF_ENV_FILE": "/dev/null",
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": f"-kernel inet_dist_use_interface {{{self.host.replace('.', ',')}}}",
            # Makes the script exec the Erlang machine, so that signals, the parent-death signal among them,
            # reach the node and not a shell.
            "RUNNING_UNDER_SYSTEMD": "true",
        }

    def _write_configuration(self) -> None:
        for folder in ("data", "log"):
            (self._home / folder).mkdir(parents=True, exist_ok=True)
        self._home.chmod(0o700)
        port = self._ports.management
        (self._home / "enabled_plugins").write_text("[rabbitmq_management].\n" if port else "[].\n")
        (self._home / "definitions.json").write_text(json.dumps(self._all_definitions()))
        (self._home / "rabbitmq.conf").write_text(
            f"load_definitions = {self._home / 'definitions.json'}\n"
            "log.console = true\nlog.console.level = warning\nlog.file = false\n"
            "vm_memory_high_watermark.relative = 0.4\ndisk_free_limit.absolute = 200MB\n"
            + (f"management.tcp.ip = {self.host}\nmanagement.tcp.port = {port}\n" if port else "")
        )

    def _all_definitions(self) -> dict[str, Any]:
        """Return the product's definitions with a user: a node that loads definitions creates none itself."""
        product = json.loads(self._definitions.read_text()) if self._definitions else {}
        access = {"user": USER, "vhost": "/", "configure": ".*", "write": ".*", "read": ".*"}
        return {
            **product,
            "vhosts": product.get("vhosts") or [{"name": "/"}],
            "users": [{"name": USER, "password": self._password, "tags": ["administrator"]}],
            "permissions": [access],
        }


def find_server() -> Path | None:
    """Return the server's script: that of Debian's package, else the one on PATH, as Homebrew's; None without one."""
    installed = shutil.which("rabbitmq-server")
    return SERVER if SERVER.is_file() else None if installed is None else Path(installed)
