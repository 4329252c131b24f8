"""Which addresses a webhook may be sent to: the protection against server-side request forgery.

`destination_of` checks a URL without the network; `is_public` checks the IP address that a socket is about to
connect to, so DNS rebinding gains nothing. Everything that is not plainly public is refused.
"""

import hmac
import re
import socket
from collections.abc import Collection
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Network, ip_address, ip_network
from typing import Final
from urllib.parse import urlsplit

LONGEST_URL: Final = 2048
_HTTPS = 443
_PRIVILEGED = 1024

# Refused beside what `is_global` refuses in every supported Python: 127.0.0.0/8, 100.64.0.0/10 (carrier NAT),
# 169.254.0.0/16 (metadata of most clouds) and the like.
_REFUSED: Final = tuple(
    ip_network(network)
    for network in (
        "168.63.129.16/32",  # Azure's wire server
        "192.0.0.0/24",  # IETF protocols; Oracle's metadata is 192.0.0.192
        "192.88.99.0/24",  # 6to4 relays
        "224.0.0.0/3",  # multicast, reserved, broadcast
        "2001::/23",  # IETF protocols: Teredo, ORCHID, benchmarking
        "2002::/16",  # 6to4 embeds any IPv4 address
        "3fff::/20",
    )
)
_ALLOCATED_V6: Final = IPv6Network("2000::/3")  # by IANA; the rest embeds IPv4 or is local
_ISATAP: Final = frozenset({0x0000_5EFE, 0x0200_5EFE})  # RFC 5214: the interface id embeds an IPv4 address

_NAME = re.compile(r"(?=.{1,253}\Z)(?:[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?\.)*[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")
_URL = re.compile(r"[!-~]+")  # visible ASCII: no space, no control character, no look-alike character
_PRIVATE_SUFFIXES: Final = frozenset(
    {"localhost", "local", "internal", "intranet", "lan", "home", "corp", "private", "arpa", "test", "onion"}
    | {"invalid", "example", "localdomain", "svc", "cluster", "intern", "localnet", "workgroup", "domain"}
)


class ForbiddenAddressError(ValueError):
    """A webhook may not be sent there; the message says why and repeats nothing of the URL."""


@dataclass(frozen=True, slots=True)
class Destination:
    """A checked URL; `allowed` when the operator listed its host, which lifts all restrictions."""

    url: str
    host: str
    port: int
    allowed: bool


def destination_of(url: str, allow: Collection[str] = ()) -> Destination:
    """Check a URL without the network; raises ForbiddenAddressError."""
    if len(url) > LONGEST_URL or not _URL.fullmatch(url) or "\\" in url:
        raise ForbiddenAddressError("not an absolute URL of visible ASCII characters")
    scheme, host, port = _parts(url)
    allowed = host in allow
    if scheme != "https" and not (allowed and scheme == "http"):
        raise ForbiddenAddressError("only https is allowed")
    if not allowed:
        if port < _PRIVILEGED and port != _HTTPS:
            raise ForbiddenAddressError("port 443 or one above 1023 is needed")
        _check_host(host)
    return Destination(url, host, port, allowed)


def host_key(url: str, allow: Collection[str] = (), *, key: bytes) -> str:
    """Return a keyed hash of a URL's host and port, for counting attempts; empty for an invalid URL."""
    try:
        destination = destination_of(url, allow)
    except ForbiddenAddressError:
        return ""
    return hmac.digest(key, f"{destination.host}:{destination.port}".encode(), "sha256").hex()[:16]


def is_public(address: str) -> bool:
    """Tell whether an IP address, as the system's resolver writes it, belongs to the public internet."""
    try:
        ip = ip_address(address)
    except ValueError:
        return False
    if not ip.is_global or any(ip in network for network in _REFUSED):
        return False
    if isinstance(ip, IPv4Address):
        return True
    # A scope (%eth0) names a link; mapped, compatible and NAT64 addresses lie outside of 2000::/3.
    return ip.scope_id is None and ip in _ALLOCATED_V6 and (int(ip) >> 32) & 0xFFFF_FFFF not in _ISATAP


def _parts(url: str) -> tuple[str, str, int]:
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError as error:
        raise ForbiddenAddressError("not a URL") from error
    if not host or "@" in parts.netloc or port == 0 or "%" in parts.netloc:
        raise ForbiddenAddressError("a host is needed, and neither user nor password")
    if parts.netloc.endswith(":"):
        raise ForbiddenAddressError("the port is missing")
    default = _HTTPS if parts.scheme == "https" else 80
    return parts.scheme, host.removesuffix("."), port or default


def _check_host(host: str) -> None:
    literal = _literal(host)
    if literal is not None:
        if not is_public(literal):
            raise ForbiddenAddressError("the address is not public")
        if literal != host:
            raise ForbiddenAddressError("an IP address has to be written in its usual form")
    elif not _NAME.fullmatch(host):
        raise ForbiddenAddressError("not a host name")
    elif "." not in host or host.rpartition(".")[2] in _PRIVATE_SUFFIXES:
        raise ForbiddenAddressError("the name is not public")


def _literal(host: str) -> str | None:
    """Read an IP address in any spelling that a resolver accepts: 127.1, 0x7f000001, 017700000001, [::1]."""
    if ":" in host:
        return host
    last = host.rpartition(".")[2]
    if not (last.isdigit() or last.startswith("0x")):
        return None  # the URL standard: a host is IPv4 if and only if its last label is a number
    try:
        return socket.inet_ntoa(socket.inet_aton(host))
    except OSError as error:
        raise ForbiddenAddressError("not an IP address") from error
