"""The desk for CaptainDNS's cheapest call: whether a name resolves, asked by watchers who want the answer's headers."""

from zonehook import addresses
from zonehook.errors import Invalid, Unavailable
from zonehook.net.resolving import LookUps, NotAsked

_lookups = LookUps(8)  # not among those of deliveries, which a name server that never answers would keep from theirs


async def resolves(domain: str) -> bool:
    """Whether a name has an address just now, and none but public ones: nobody learns what a network of ours knows.

    Raises Invalid for what is no full host name, and Unavailable.
    """
    if addresses.literal(domain) is not None or addresses.url_problem(f"https://{domain}/", ()):
        raise Invalid.field("domain", "write a full host name, such as example.com")
    try:
        found = await _lookups.addresses_of(domain)
    except NotAsked:
        raise Unavailable("resolving_unavailable", "too many names are being looked up just now") from None
    return bool(found) and all(addresses.is_allowed(address, ()) for address in found)
