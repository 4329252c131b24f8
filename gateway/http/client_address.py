"""Where a request comes from: the caller's address, seen through the proxies that the operator trusts."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from typing import Literal

from aiohttp import web

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network
ProxyHeader = Literal["X-Forwarded-For", "Forwarded"]

NOWHERE = "unknown"
_PREFIX = 64  # of IPv6: one customer's network (RFC 6177), in which he takes whatever address he likes


@dataclass(frozen=True, slots=True)
class ClientAddresses:
    """Find the place of a caller; `header` is the one that the trusted proxies write.

    The last hop that is no proxy of ours is the place. Whatever stands before it was written by a stranger.
    """

    proxies: Sequence[Network] = ()
    header: ProxyHeader = "X-Forwarded-For"

    def place(self, request: web.BaseRequest) -> str:
        """Name the caller's place: his IPv4 address, or the /64 network of his IPv6 address."""
        peer = address_of(request.remote or "")
        return NOWHERE if peer is None else place_of(self._caller(peer, request))

    def _caller(self, peer: Address, request: web.BaseRequest) -> Address:
        caller = peer
        hops = reversed(_hops(self.header, request.headers.getall(self.header, ())))
        while self._trusts(caller) and (hop := next(hops, None)) is not None:
            before = address_of(hop)
            if before is None:  # hidden by our own proxy: then its own place is all that is known
                break
            caller = before
        return caller

    def _trusts(self, address: Address) -> bool:
        return any(address in network for network in self.proxies)


def place_of(address: Address) -> str:
    """Write an address as a place."""
    if isinstance(address, IPv4Address):
        return str(address)
    return str(IPv6Network((int(address), _PREFIX), strict=False))


def address_of(text: str) -> Address | None:
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


def _hops(header: ProxyHeader, values: Iterable[str]) -> list[str]:
    """List the hops, the first one first; of `Forwarded` (RFC 7239) what stands behind `for=`."""
    hops = [hop for value in values for hop in value.split(",")]
    return hops if header == "X-Forwarded-For" else [_for(hop) for hop in hops]


def _for(hop: str) -> str:
    pairs = (pair.strip().partition("=") for pair in hop.split(";"))
    return next((value for name, _, value in pairs if name.strip().lower() == "for"), "")
