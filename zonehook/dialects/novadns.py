"""NovaDNS's webhooks: a flat body, a bare hex signature, any 2xx within 10 seconds confirms, three retries."""

import json
from datetime import datetime
from ipaddress import IPv4Address, IPv6Address

from zonehook import events, moments, signatures
from zonehook.dialects import catalogue, own
from zonehook.dialects.dialect import Dialect, Letter, Subscribing
from zonehook.errors import Detail
from zonehook.messages import AcceptedEvent, Policy

_CATALOGUE = catalogue.read("novadns")
_ADDRESSES = {"ipv4": IPv4Address, "ipv6": IPv6Address}


def envelope(letter: Letter) -> bytes:
    """`{"event","host","ipv4","ipv6","timestamp"}`, and `"status"` of host.status_changed; what does not apply is null.

    `timestamp` is when it happened: the same on every retry, so that receivers can tell doubles and order by it. Of an
    event of Zonehook's own the members come after the addresses; it is about no host.
    """
    event = letter.event
    data = events.members(event.data)
    of_type = (own.TYPES if own.is_own(event.type) else _CATALOGUE)[event.type]
    names = [*dict.fromkeys(["host", *_ADDRESSES, *of_type.required])]
    fields = ",".join(f'"{name}":{data.get(name, "null")}' for name in names)
    at = moments.timestamp(event.happened_at)
    return f'{{"event":{json.dumps(event.type)},{fields},"timestamp":"{at}"}}'.encode()


def signature(secret: str, _at: datetime, body: bytes) -> dict[str, str]:
    """The hex HMAC over the body, with nothing before it."""
    return {"X-NovaDNS-Signature": signatures.hex_digest(secret, body)}


def lacks(event: AcceptedEvent) -> list[Detail]:
    """What the flat body is made from, and nothing that it has no place for."""
    required = _CATALOGUE[event.type].required
    found = catalogue.lacking(event.data, _CATALOGUE[event.type])
    data = events.members(event.data)
    for name, text in data.items():
        if name in _ADDRESSES and not _is_address(name, text):
            found.append(Detail(f"data.{name}", f"send an {_ADDRESSES[name].__name__} as a string, or null"))
        elif name not in _ADDRESSES and name not in required:
            found.append(Detail(f"data.{name}", f"the body of {event.type} has no place for it; leave it out"))
    if event.type == "host.ip_updated" and all(data.get(name, "null") == "null" for name in _ADDRESSES):
        found.append(Detail("data.ipv4", "send the host's new address, as ipv4 or ipv6"))
    if data.get("host") == '""':
        found.append(Detail("data.host", "send the host's name"))
    if "status" in required and data.get("status") not in (None, '"online"', '"offline"'):
        found.append(Detail("data.status", "a host's status is online or offline"))
    return found


def _is_address(name: str, text: str) -> bool:
    if text == "null":
        return True
    try:
        _ADDRESSES[name](json.loads(text))
    except ValueError:
        return False
    return events.kind(text) == "a string"


DIALECT = Dialect(
    name="novadns",
    policy=Policy(
        waits=(30.0, 60.0, 120.0),
        window=None,
        timeout=10,
        jitter=0,
        exactly_200=False,
        suppress_after=None,
    ),
    envelope=envelope,
    catalogue=_CATALOGUE,
    signature=signature,
    lacks=lacks,
    subscribing=Subscribing.EMPTY_IS_REFUSED,
    reveals=True,
)
