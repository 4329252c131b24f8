import ipaddress
from functools import partial
from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.webhooks.addresses import ForbiddenAddressError, destination_of, host_key, is_public
from tests.builders.forbidden_urls import FORBIDDEN_URLS, PRIVATE, PUBLIC


def test_there_are_more_than_sixty_hostile_urls() -> None:
    assert len(set(FORBIDDEN_URLS)) >= 60


@pytest.mark.parametrize("url", FORBIDDEN_URLS, ids=lambda url: ascii(url[:60]))
def test_a_forbidden_url_is_refused(url: str) -> None:
    with pytest.raises(ForbiddenAddressError):
        destination_of(url)


@pytest.mark.parametrize("address", PRIVATE)
def test_a_private_address_is_not_public(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize("address", PUBLIC)
def test_a_public_address_is_public(address: str) -> None:
    assert is_public(address)


@given(st.ip_addresses(v=4))
def test_no_embedded_ipv4_address_is_public(ip: ipaddress.IPv4Address) -> None:
    number = int(ip)
    wrapped = [
        0xFFFF << 32 | number,  # mapped
        number,  # compatible
        0x0064_FF9B << 96 | number,  # NAT64
        0x0064_FF9B_0001 << 80 | number,  # local NAT64
        0x2002 << 112 | number << 80 | 1,  # 6to4
        0x2001_0000 << 96 | (number ^ 0xFFFF_FFFF),  # Teredo
        0x2606_4700 << 96 | 0x5EFE << 32 | number,  # ISATAP
    ]
    assert not any(is_public(str(ipaddress.IPv6Address(value))) for value in wrapped)


@given(st.ip_addresses())
def test_a_public_address_is_global(ip: ipaddress.IPv4Address | ipaddress.IPv6Address) -> None:
    assert not is_public(str(ip)) or ip.is_global


@pytest.mark.parametrize(
    ("url", "host", "port"),
    [
        ("https://example.com", "example.com", 443),
        ("https://Example.COM/hook?x=1", "example.com", 443),
        ("https://example.com.:8443/", "example.com", 8443),
        ("https://hooks.eu.example.com/a/b", "hooks.eu.example.com", 443),
        ("https://xn--bcher-kva.example.org/", "xn--bcher-kva.example.org", 443),
        ("https://1.1.1.1/", "1.1.1.1", 443),
        ("https://[2606:4700:4700::1111]:3000/", "2606:4700:4700::1111", 3000),
        ("https://1password.com/", "1password.com", 443),
    ],
)
def test_a_public_https_url_is_allowed(url: str, host: str, port: int) -> None:
    destination = destination_of(url)
    assert (destination.host, destination.port, destination.allowed) == (host, port, False)


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:9000/", "https://127.0.0.1:22/", "http://receiver/", "http://[::1]:1/"]
)
def test_the_operator_may_allow_a_host_with_plain_http_and_any_port(url: str) -> None:
    assert destination_of(url, ("127.0.0.1", "receiver", "::1")).allowed


@pytest.mark.parametrize("url", ["http://127.0.0.2/", "http://127.1/", "gopher://127.0.0.1/", "http://u@127.0.0.1/"])
def test_an_allowed_host_allows_no_other_host_and_no_other_scheme(url: str) -> None:
    with pytest.raises(ForbiddenAddressError):
        destination_of(url, ("127.0.0.1",))


def test_the_message_of_a_refusal_repeats_nothing_of_the_url() -> None:
    with pytest.raises(ForbiddenAddressError) as caught:
        destination_of("https://secret-name.internal/secret-path")
    assert "secret" not in str(caught.value)


def test_the_host_key_does_not_show_the_host() -> None:
    count = partial(host_key, key=b"a key")
    assert count("https://example.com/a") == count("https://EXAMPLE.com:443/b")
    assert count("https://example.com/a") != count("https://example.org/a")
    assert "example" not in count("https://example.com/")
    assert count("nonsense") == ""


def test_the_host_key_depends_on_the_key() -> None:
    url = "https://example.com/"
    plain = sha256(b"example.com:443").hexdigest()[:16]
    assert len({host_key(url, key=b"a key"), host_key(url, key=b"another"), plain}) == 3
