"""The address of a client, seen through the proxies that the operator trusts."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:  # commands read settings of the gateway, and no HTTP library
    from aiohttp import web

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network
ProxyHeader = Literal["X-Forwarded-For", "Forwarded"]

UNKNOWN = "unknown"
_PREFIX = 64  # of IPv6: one customer's network (RFC 6177), who chooses any address in it


@dataclass(frozen=True, slots=True)
class ClientAddresses:
    """Find the address of a client; `header` is the one that the trusted proxies write.

    The last forwarded address that is no trusted proxy counts: the client may forge those before it.
    """

    proxies: Sequence[Network] = ()
    header: ProxyHeader = "X-Forwarded-For"

    def of(self, request: "web.BaseRequest") -> str:
        """Return the client's IPv4 address, or the /64 network of its IPv6 address; `UNKNOWN` without one."""
        peer = _parse(request.remote or "")
        return UNKNOWN if peer is None else _text(self._client(peer, request))

    def of_connection(self, peer: str) -> str | None:
        """Return the same for a connection without a request; None for a trusted proxy's."""
        address = _parse(peer)
        if address is None or self._trusts(address):
            return None
        return _text(address)

    def _client(self, peer: Address, request: "web.BaseRequest") -> Address:
        client = peer
        forwarded = reversed(_forwarded(self.header, request.headers.getall(self.header, ())))
        while self._trusts(client) and (text := next(forwarded, None)) is not None:
            before = _parse(text)
            if before is None:  # the proxy hides it: the proxy's own address is all that is known
                break
            client = before
        return client

    def _trusts(self, address: Address) -> bool:
        return any(address in network for network in self.proxies)


def _text(address: Address) -> str:
    if isinstance(address, IPv4Address):
        return str(address)
    return str(IPv6Network((int(address), _PREFIX), strict=False))


def _parse(text: str) -> Address | None:
    """Read an address as proxies write it: with a port, in brackets, IPv4 within IPv6; None for none."""
    text = text.strip().strip('"')
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        address = ip_address(text.partition("%")[0])
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return mapped or address


def _forwarded(header: ProxyHeader, values: Iterable[str]) -> list[str]:
    """List the forwarded addresses, the client's first; of `Forwarded` (RFC 7239) the `for` parameters."""
    elements = [element for value in values for element in value.split(",")]
    return elements if header == "X-Forwarded-For" else [_for_parameter(element) for element in elements]


def _for_parameter(element: str) -> str:
    pairs = (pair.strip().partition("=") for pair in element.split(";"))
    return next((value for name, _, value in pairs if name.strip().lower() == "for"), "")
