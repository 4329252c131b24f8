"""Hosts of their own on this machine: network namespaces behind one bridge, whose links can be unplugged."""

import os
import secrets
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Host:
    """One namespace: `within` runs a command in it, `link` is its end of the cable at the bridge."""

    address: str
    within: tuple[str, ...]
    link: str

    def unplug(self) -> None:
        """Drop every packet from and to this host, silently."""
        _ip("link", "set", self.link, "down")

    def plug_in(self) -> None:
        _ip("link", "set", self.link, "up")


def can_make_hosts() -> bool:
    """Tell whether this process may make network namespaces: root with the programs ip and nsenter."""
    if os.geteuid() != 0 or shutil.which("ip") is None or shutil.which("nsenter") is None:
        return False
    name = f"probe{secrets.token_hex(3)}"
    made = subprocess.run(["ip", "netns", "add", name], check=False, capture_output=True).returncode == 0
    return made and subprocess.run(["ip", "netns", "delete", name], check=False).returncode == 0


@contextmanager
def hosts(count: int) -> Iterator[Sequence[Host]]:
    """Make hosts that reach each other and this machine; remove them at the end."""
    name = f"ex{secrets.token_hex(3)}"
    subnet = f"10.{64 + secrets.randbelow(64)}.{secrets.randbelow(256)}"
    made: list[Host] = []
    try:
        _ip("link", "add", name, "type", "bridge")
        _ip("address", "add", f"{subnet}.254/24", "dev", name)
        _ip("link", "set", name, "up")
        made.extend(_host(f"{name}n{number}", name, f"{subnet}.{number}") for number in range(1, count + 1))
        yield made
    finally:
        for host in made:
            _ip("netns", "delete", host.link)
        _ip("link", "delete", name)


def _host(name: str, bridge: str, address: str) -> Host:
    _ip("netns", "add", name)
    _ip("link", "add", name, "type", "veth", "peer", "name", "eth0", "netns", name)
    _ip("link", "set", name, "master", bridge, "up")
    _ip("-netns", name, "address", "add", f"{address}/24", "dev", "eth0")
    _ip("-netns", name, "link", "set", "eth0", "up")
    _ip("-netns", name, "link", "set", "lo", "up")
    return Host(address, ("nsenter", f"--net=/run/netns/{name}", "--"), name)


def _ip(*arguments: str) -> None:
    subprocess.run(["ip", *arguments], check=True, capture_output=True)
