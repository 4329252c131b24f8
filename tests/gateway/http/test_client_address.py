"""A client behind trusted proxies cannot choose its address."""

from ipaddress import ip_network

import pytest
from aiohttp.test_utils import make_mocked_request
from multidict import CIMultiDict

from gateway.http.client_address import ClientAddresses, ProxyHeader
from gateway.settings import GatewaySettings

OURS = (ip_network("10.0.0.0/8"), ip_network("fd00::/8"))
XFF: ProxyHeader = "X-Forwarded-For"


def address(peer: str, *forwarded: str, header: ProxyHeader = XFF, sent: str = "", trusted: object = OURS) -> str:
    """Find the client address of a request from a peer, with these values of a header."""
    fields = CIMultiDict([(sent or header, value) for value in forwarded])
    request = make_mocked_request("GET", "/", headers=fields).clone(remote=peer)
    return ClientAddresses(OURS if trusted is OURS else (), header).of(request)


@pytest.mark.parametrize(
    ("peer", "forwarded", "expected"),
    [
        ("203.0.113.9", (), "203.0.113.9"),
        ("203.0.113.9", ("198.51.100.1",), "203.0.113.9"),
        ("10.0.0.1", ("198.51.100.1",), "198.51.100.1"),
        ("10.0.0.1", ("192.0.2.66, 198.51.100.1",), "198.51.100.1"),
        ("10.0.0.1", ("192.0.2.66", "198.51.100.1"), "198.51.100.1"),
        ("10.0.0.1", ("192.0.2.66, 198.51.100.1, 10.2.0.7",), "198.51.100.1"),
        ("10.0.0.1", ("10.9.9.9, 198.51.100.1",), "198.51.100.1"),
        ("10.0.0.1", ("10.9.9.9",), "10.9.9.9"),
        ("10.0.0.1", (), "10.0.0.1"),
        ("10.0.0.1", ("198.51.100.1:4711",), "198.51.100.1"),
        ("10.0.0.1", ("198.51.100.1, unknown",), "10.0.0.1"),
        ("10.0.0.1", ("198.51.100.1,",), "10.0.0.1"),
        ("10.0.0.1", ("2001:db8:1:2:3:4:5:6",), "2001:db8:1:2::/64"),
        ("10.0.0.1", ("[2001:db8:1:2::9]:80",), "2001:db8:1:2::/64"),
        ("fd00::1", ("198.51.100.1",), "198.51.100.1"),
        ("::ffff:10.0.0.1", ("::ffff:198.51.100.1",), "198.51.100.1"),
        ("fe80::1%eth0", (), "fe80::/64"),
        ("", ("198.51.100.1",), "unknown"),
    ],
)
def test_the_last_address_that_is_not_a_trusted_proxy_is_the_client(
    peer: str, forwarded: tuple[str, ...], expected: str
) -> None:
    assert address(peer, *forwarded) == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("for=192.0.2.66, for=198.51.100.1;proto=https;by=10.0.0.1", "198.51.100.1"),
        ('For="[2001:db8:1:2::9]:4711"', "2001:db8:1:2::/64"),
        ("for=198.51.100.1, for=_hidden", "10.0.0.1"),
        ("proto=https", "10.0.0.1"),
    ],
)
def test_the_forwarded_header_is_read_when_it_is_configured(value: str, expected: str) -> None:
    assert address("10.0.0.1", value, header="Forwarded") == expected


def test_only_the_configured_header_is_read() -> None:
    assert address("10.0.0.1", "for=192.0.2.66", sent="Forwarded") == "10.0.0.1"
    assert address("10.0.0.1", "192.0.2.66", header="Forwarded", sent=XFF) == "10.0.0.1"


def test_without_trusted_proxies_the_header_is_ignored() -> None:
    assert address("10.0.0.1", "198.51.100.1", trusted=()) == "10.0.0.1"


def test_addresses_of_one_ipv6_network_are_one_client() -> None:
    assert address("2001:db8:1:2::1") == address("2001:db8:1:2:ffff::9") != address("2001:db8:1:3::1")


def test_trusted_proxies_are_networks_between_commas(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EXEMPLAR_TRUSTED_PROXIES", "10.0.0.0/8, 2001:db8::/32")
    secrets = dict.fromkeys(("jwt_secret", "id_secret"), "s" * 32)
    settings = GatewaySettings.model_validate(secrets)
    assert settings.trusted_proxies == (ip_network("10.0.0.0/8"), ip_network("2001:db8::/32"))
    monkeypatch.setenv("EXEMPLAR_TRUSTED_PROXIES", "everybody")
    with pytest.raises(ValueError, match="trusted_proxies"):
        GatewaySettings.model_validate(secrets)
