"""Where a request comes from: its peer's address, or what proxies we trust say of it; and the device it names."""

import re
from collections.abc import Iterable
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

from api.wire import Scope

Address = IPv4Address | IPv6Address

MOST_HOPS = 16
"""Entries of X-Forwarded-For that are looked at: nobody has more proxies, and a header may be long."""
LONGEST_ENTRY = 64
"""Characters of an IPv6 address with its zone, brackets and port; longer ones are none, and are not worth remembering."""

_DEVICE = re.compile(r"[A-Za-z0-9._-]{8,64}")
_PORT = re.compile(r"(?:\[(?P<six>[0-9A-Fa-f:.]+)\]|(?P<four>[0-9.]+))(?::[0-9]{1,5})?")


class Forwarded:
    """Reads client addresses behind proxies: of each of `trusted` (addresses or networks) X-Forwarded-For is believed.

    Raises ValueError for what is neither an address nor a network.
    """

    def __init__(self, trusted: Iterable[str]) -> None:
        self._networks = tuple(ip_network(each, strict=False) for each in trusted)
        # bounded: addresses are as many as anybody likes
        self._is_trusted = lru_cache(maxsize=4096)(self._belongs)

    def address(self, scope: Scope) -> str:
        """The client's address, an IPv4 one never dressed up as IPv6; empty where there is none to tell.

        From a trusted peer, that is the right-most entry of X-Forwarded-For that is no trusted proxy's: what stands left
        of it may be anybody's invention. An entry that is no address ends the walk at the proxy that passed it on. A
        peer without an address speaks through a Unix socket: it is of this machine, and trusted where any proxy is.
        """
        client = scope.get("client")
        text = client[0] if client else ""
        if not self._networks:
            return _plain(text)
        peer = _read(text)
        if peer is not None and not self._is_trusted(peer):
            return _plain(text)
        nearest = text
        for entry in reversed(_entries(scope)):
            address = _read(entry)
            if address is None:
                break
            nearest = entry
            if not self._is_trusted(address):
                break
        return _plain(nearest)

    def _belongs(self, address: Address) -> bool:
        return any(address in network for network in self._networks)


def device_of(header: str) -> str:
    """The device of an `X-Device-Id`: 8 to 64 letters, digits, dots, lines and underlines; empty for anything else."""
    return header if _DEVICE.fullmatch(header) else ""


def _entries(scope: Scope) -> list[str]:
    """Of all X-Forwarded-For headers together: each proxy may extend the last or add one."""
    values = [value for name, value in scope["headers"] if name == b"x-forwarded-for"]
    if not values:
        return []
    entries = b",".join(values).decode("latin-1").rsplit(",", MOST_HOPS)[-MOST_HOPS:]
    return [entry if len(entry) <= LONGEST_ENTRY else "" for entry in entries]


@lru_cache(maxsize=4096)
def _plain(text: str) -> str:
    """The usual text of the address in an entry."""
    address = _read(text)
    return "" if address is None else str(address)


@lru_cache(maxsize=4096)
def _read(text: str) -> Address | None:
    """The address in an entry, without its port or zone; None when there is none."""
    text = text.strip()
    if with_port := _PORT.fullmatch(text):
        text = with_port["six"] or with_port["four"]
    try:
        address = ip_address(text.partition("%")[0])
    except ValueError:
        return None
    return (address.ipv4_mapped or address) if isinstance(address, IPv6Address) else address
