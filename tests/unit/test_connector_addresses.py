"""Where connectors may connect: the class of holes called SSRF, from every side that is known to us.

The resolver is the seam: what it answers is what a hostile name server would.
"""

import socket
from ipaddress import IPv4Address, IPv6Address, ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.connectors.addresses import AddressGate, RefusedAddressError, system_resolver

REFUSED = (
    "127.0.0.1 127.8.8.8 0.0.0.0 0.1.2.3 10.0.0.1 172.16.0.1 172.31.255.255 192.168.1.1 169.254.169.254 169.254.1.1"
    " 100.64.0.1 100.100.100.200 192.0.0.1 192.0.0.192 192.0.2.1 198.18.0.1 198.51.100.1 203.0.113.1 224.0.0.1"
    " 239.255.255.255 240.0.0.1 255.255.255.255 168.63.129.16 192.88.99.1"
    " :: ::1 ::7f00:1 ::ffff:127.0.0.1 ::ffff:10.0.0.1 ::ffff:169.254.169.254 64:ff9b::7f00:1 64:ff9b::10.0.0.1"
    " 64:ff9b:1::1 2002:7f00:1:: 2002:a00:1:: 2001::1 2001:db8::1 fc00::1 fd00:ec2::254 fd12::1 fe80::1 fe80::1%lo"
    " fec0::1 ff02::1 100::1 3fff::1 5f00::1"
).split()
PUBLIC = "1.1.1.1 8.8.8.8 93.184.216.34 172.32.0.1 100.128.0.1 2606:4700::1111 2a00::1 64:ff9b::808:808".split()


@pytest.mark.parametrize("address", REFUSED)
def test_private_reserved_and_disguised_addresses_are_refused(address: str) -> None:
    gate = AddressGate(resolve=lambda host, port: [address])
    with pytest.raises(RefusedAddressError):
        gate.addresses("innocent.example", 443)


@pytest.mark.parametrize("address", PUBLIC)
def test_public_addresses_are_let_through(address: str) -> None:
    assert AddressGate(resolve=lambda host, port: [address]).addresses("host.example", 443) == (address,)


@pytest.mark.parametrize("network", ["10.0.0.0/8", "0.0.0.0/0"])
def test_a_network_that_the_operator_allows_is_let_through_in_every_spelling(network: str) -> None:
    gate = AddressGate((ip_network(network),))
    assert all(gate.permits(text) for text in ("10.1.2.3", "::ffff:10.1.2.3", "64:ff9b::10.1.2.3", "2002:a01:203::1"))
    assert not gate.permits("fd00::1")


def test_credentials_of_cloud_machines_need_their_very_address_to_be_named() -> None:
    wide = AddressGate((ip_network("0.0.0.0/0"), ip_network("::/0")))
    for address in ("169.254.169.254", "::ffff:169.254.169.254", "100.100.100.200", "168.63.129.16", "fd00:ec2::254"):
        assert not wide.permits(address)
    assert AddressGate((ip_network("169.254.169.254/32"),)).permits("169.254.169.254")


def test_of_several_addresses_only_permitted_ones_remain() -> None:
    gate = AddressGate(resolve=lambda host, port: ["10.0.0.1", "1.1.1.1", "::1", "1.1.1.1"])
    assert gate.addresses("mixed.example", 80) == ("1.1.1.1",)


@pytest.mark.parametrize(
    "host",
    [
        "127.1",
        "127.0.1",
        "2130706433",
        "0x7f000001",
        "0x7f.0.0.1",
        "0177.0.0.1",
        "017700000001",
        "0",
        "localhost",
        "::1",
        "0:0:0:0:0:0:0:1",
        "::ffff:7f00:1",
        "::127.0.0.1",
        "localhost.",
    ],
)
def test_every_spelling_of_this_machine_that_resolves_is_refused(host: str) -> None:
    """The system's own resolver reads them, so whatever it makes of a spelling is what is judged."""
    with pytest.raises((RefusedAddressError, OSError)) as caught:
        AddressGate().addresses(host, 80)
    if isinstance(caught.value, OSError):
        assert isinstance(caught.value, socket.gaierror), "it does not lead anywhere at all"


def test_words_that_are_no_address_are_never_permitted() -> None:
    gate = AddressGate((ip_network("0.0.0.0/0"),))
    assert not any(gate.permits(text) for text in ("", "localhost", "127.0.0.1 ", "1.1.1.1/0", "[::1]", "1.1.1"))


def test_a_name_that_is_too_long_or_empty_is_an_ordinary_fault() -> None:
    for host in ("a" * 300, "a..b", "\udcff"):
        with pytest.raises(OSError):  # noqa: PT011 - any of its kinds
            system_resolver(host, 80)


@given(st.integers(0, 2**32 - 1))
def test_an_ipv4_address_is_judged_alike_in_every_ipv6_form(number: int) -> None:
    gate = AddressGate()
    plain = IPv4Address(number)
    forms = (
        IPv6Address(0xFFFF << 32 | number),
        IPv6Address(0x0064FF9B << 96 | number),
        IPv6Address(0x2002 << 112 | number << 80 | 1),
    )
    assert {gate.permits(str(form)) for form in forms} == {gate.permits(str(plain))}
