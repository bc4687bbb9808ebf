"""Which addresses connectors may reach: a name is resolved once, and the connection goes to an address judged here.

Judging the address that is connected to, rather than the text of a URL, leaves no room for names that resolve
differently twice, for 0177.0.0.1 and 0x7f.1, or for IPv4 in IPv6 clothes. Knows nothing of HTTP.
"""

import socket
from collections.abc import Callable, Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

from retrieval.errors import ForbiddenError

Resolver = Callable[[str, int], Sequence[str]]
_Address = IPv4Address | IPv6Address

# Where cloud machines are told their credentials. Reached only if the operator names the very address.
_METADATA = frozenset(
    ip_address(text)
    for text in (
        "169.254.169.254 169.254.170.2 169.254.170.23 100.100.100.200 168.63.129.16 192.0.0.192"
        " fd00:ec2::254 fd20:ce::254"
    ).split()
)
# What ipaddress calls global in one Python release or another and is not a public host.
_NEVER_PUBLIC: tuple[IPv4Network | IPv6Network, ...] = tuple(
    ip_network(text)
    for text in (
        "0.0.0.0/8 100.64.0.0/10 192.0.0.0/24 192.88.99.0/24 198.18.0.0/15 240.0.0.0/4"
        " ::/96 64:ff9b:1::/48 100::/64 2001::/23 2001:db8::/32 3fff::/20 5f00::/16 fec0::/10"
    ).split()
)
_NAT64 = ip_network("64:ff9b::/96")


class RefusedAddressError(ForbiddenError):
    """A name leads to addresses that connectors may not reach."""

    code = "address_refused"


def system_resolver(host: str, port: int) -> Sequence[str]:
    """The addresses that this machine's resolver gives for a host. Raises OSError."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except UnicodeError as error:
        raise OSError(f"{host[:100]!r} is no host name") from error
    return [str(address[0]) for *_, address in found]


class AddressGate:
    """Lets connections through to public addresses and to the networks that the operator allows.

    `resolve` is the seam for tests.
    """

    def __init__(
        self, allowed_networks: Sequence[IPv4Network | IPv6Network] = (), *, resolve: Resolver = system_resolver
    ) -> None:
        self._allowed = tuple(allowed_networks)
        self._resolve = resolve

    def addresses(self, host: str, port: int) -> tuple[str, ...]:
        """The addresses of `host` that may be reached, at least one.

        Raises OSError where the name does not resolve, RefusedAddressError where no address may be reached.
        """
        found = dict.fromkeys(self._resolve(host, port))
        if not found:
            raise OSError(f"{host} has no address")
        permitted = tuple(text for text in found if self.permits(text))
        if not permitted:
            raise RefusedAddressError(
                f"{host[:200]} is in a private or reserved network, which connectors may not reach."
                " The operator can allow the network."
            )
        return permitted

    def permits(self, text: str) -> bool:
        """Whether this numeric address may be connected to."""
        try:
            given = ip_address(text)
        except ValueError:
            return False
        meant = _meant(given)
        if meant in _METADATA or given in _METADATA:
            return any(net.prefixlen == net.max_prefixlen and meant in net for net in self._allowed)
        return _is_public(meant) or any(meant in network for network in self._allowed)

    def allows_private(self, text: str) -> bool:
        """Whether this address is in a network that the operator named, public or not."""
        meant = _meant(ip_address(text))
        return any(meant in network for network in self._allowed)

    def connect(self, host: str, port: int, *, timeout_s: float | None) -> socket.socket:
        """A TCP connection to the first permitted address that answers. Raises OSError and RefusedAddressError."""
        failure: OSError | None = None
        for address in self.addresses(host, port):
            try:
                return socket.create_connection((address, port), timeout_s)
            except OSError as error:
                failure = error
        raise failure or OSError(f"{host} cannot be reached")


def _meant(address: _Address) -> _Address:
    """The IPv4 address that an IPv6 address carries (mapped, NAT64, 6to4), or the address itself."""
    if isinstance(address, IPv4Address):
        return address
    if address.scope_id is not None:
        return IPv6Address(int(address))
    if address.ipv4_mapped is not None:
        return address.ipv4_mapped
    if address.sixtofour is not None:
        return address.sixtofour
    if address in _NAT64:
        return IPv4Address(int(address) & 0xFFFFFFFF)
    return address


def _is_public(address: _Address) -> bool:
    if not address.is_global or address.is_multicast or address.is_reserved or address.is_unspecified:
        return False
    return not any(address in network for network in _NEVER_PUBLIC)
