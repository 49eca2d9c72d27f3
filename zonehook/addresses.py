"""Which URLs may be registered and which addresses may be connected to. Pure; the socket asks again, see net.

No single flag of `ipaddress` is enough (is_private misses 100.64.0.0/10, is_global lets NAT64 through), hence
the explicit table: the IANA special-purpose registries, and the ranges that embed an IPv4 address.
"""

import ipaddress
from collections.abc import Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network
from urllib.parse import SplitResult, urlsplit

import idna

MAX_URL_LENGTH = 2048
HTTPS_ONLY = "use https://; plain http goes only to addresses in ZONEHOOK_ALLOWED_TARGETS"
Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

_REFUSED: tuple[Network, ...] = tuple(
    ipaddress.ip_network(block)
    for block in (
        "0.0.0.0/8",  # this network
        "10.0.0.0/8",  # private
        "100.64.0.0/10",  # shared by carriers' NAT
        "127.0.0.0/8",  # loopback
        "169.254.0.0/16",  # link-local, cloud metadata
        "172.16.0.0/12",  # private
        "192.0.0.0/24",  # IETF protocols
        "192.0.2.0/24",  # documentation
        "192.31.196.0/24",  # AS112
        "192.52.193.0/24",  # AMT
        "192.88.99.0/24",  # 6to4 relays
        "192.168.0.0/16",  # private
        "192.175.48.0/24",  # AS112
        "198.18.0.0/15",  # benchmarking
        "198.51.100.0/24",  # documentation
        "203.0.113.0/24",  # documentation
        "224.0.0.0/4",  # multicast
        "240.0.0.0/4",  # reserved, broadcast
        "::/3",  # everything below 2000::/3: unspecified, loopback, mapped, compatible, NAT64, discard-only
        "2001::/23",  # IETF protocols, Teredo, ORCHID, benchmarking
        "2001:db8::/32",  # documentation
        "2002::/16",  # 6to4
        "2620:4f:8000::/48",  # AS112
        "3fff::/20",  # documentation
        "4000::/2",  # not allocated
        "8000::/1",  # not allocated, unique local, link-local, site-local, multicast
    )
)


def parse_networks(text: str) -> tuple[Network, ...]:
    """Networks from `127.0.0.0/8, ::1/128`. Raises ValueError with a sentence."""
    try:
        return tuple(ipaddress.ip_network(part.strip()) for part in text.split(",") if part.strip())
    except ValueError as problem:
        raise ValueError(f"{problem}; write networks such as 10.1.0.0/16, separated by commas") from None


def parse_sources(text: str) -> tuple[Address, ...]:
    """Addresses to send from, at most one of each kind, from `192.0.2.10, 2001:db8::10`. Raises ValueError."""
    try:
        found = tuple(ipaddress.ip_address(part.strip()) for part in text.split(",") if part.strip())
    except ValueError as problem:
        raise ValueError(f"{problem}; write an address such as 192.0.2.10, and one of IPv6 after a comma") from None
    if len({address.version for address in found}) < len(found):
        raise ValueError("name one IPv4 address and one IPv6 address at most")
    return found


def is_allowed(address: Address, allowed: Sequence[Network]) -> bool:
    """Whether a delivery may connect to this address: public, or inside a network the operator named."""
    return is_excepted(address, allowed) or not any(address in block for block in _REFUSED)


def is_excepted(address: Address, allowed: Sequence[Network]) -> bool:
    """Whether the operator's allow-list names this address; only there may plain http go."""
    if getattr(address, "scope_id", None) is not None:
        return False
    return any(address in network for network in allowed)


def url_problem(url: str, allowed: Sequence[Network]) -> str | None:
    """What is wrong with an endpoint's URL, as a sentence; None when it may be registered.

    A host name passes here; what it resolves to is judged by whoever can resolve it.
    """
    if len(url) > MAX_URL_LENGTH:
        return f"a URL has at most {MAX_URL_LENGTH} characters"
    if any(ord(character) <= 32 or ord(character) > 126 for character in url) or "\\" in url:
        return "write the URL in ASCII without spaces; encode other characters (%20, xn--…)"
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return "this is not a URL: check its host and port"
    return _parts_problem(parts, port) or _host_problem(parts, allowed)


def literal(host: str) -> Address | None:
    """The address a host is, when it is one and not a name."""
    try:
        return ipaddress.ip_address(host.strip("[]"))
    except ValueError:
        return None


def _parts_problem(parts: SplitResult, port: int | None) -> str | None:
    if parts.scheme not in ("https", "http"):
        return "an endpoint's URL begins with https://"
    if "%" in parts.netloc or ("[" in parts.netloc and literal(parts.hostname or "") is None):
        return "the URL's host is neither a name nor an address"
    if parts.username is not None or parts.password is not None:
        return "leave user name and password out of the URL; send a header instead"
    if parts.fragment:
        return "leave the part after # out of the URL; it is never sent"
    if port == 0:
        return "port 0 cannot be connected to"
    return None


def _host_problem(parts: SplitResult, allowed: Sequence[Network]) -> str | None:
    host = (parts.hostname or "").removesuffix(".")
    address = literal(host)
    if address is not None:
        return address_problem(address, parts.scheme, allowed)
    if parts.scheme == "http" and not allowed:
        return HTTPS_ONLY
    if host == "localhost" or host.endswith(".localhost"):
        return None if allowed else "the URL must be publicly reachable; localhost is not"
    return _name_problem(host, is_inside=bool(allowed))


def address_problem(address: Address, scheme: str, allowed: Sequence[Network]) -> str | None:
    """Why a URL of this scheme may not lead to this address, as a sentence; None when it may."""
    if not is_allowed(address, allowed):
        return f"the URL must be publicly reachable; {address} is not a public address"
    if scheme == "http" and not is_excepted(address, allowed):
        return HTTPS_ONLY
    return None


def _name_problem(host: str, is_inside: bool) -> str | None:
    labels = host.split(".")
    if (
        not all(labels)
        or (len(labels) < 2 and not is_inside)
        or labels[-1].isdigit()
        or labels[-1].lower().startswith("0x")
    ):
        # 0x7f.1, 2130706433 and 0177.0.0.1 are IPv4 addresses to some resolvers: no public name ends in a number
        return "the URL needs a full host name, such as hooks.example.com"
    try:
        idna.encode(host, uts46=True)
    except idna.IDNAError:
        return "the URL's host is not a valid name"
    return None
