"""CaptainDNS's webhooks: a secret of the user's own, six attempts over seven hours, a 4xx is final at once.

The vendor names the two signature headers and not what they hold, and no body; both are our reading (docs/dialects.md).
"""

from datetime import datetime

from zonehook import signatures
from zonehook.dialects import catalogue, standard
from zonehook.dialects.dialect import Dialect, Secrets, Subscribing
from zonehook.messages import Policy


def signature(secret: str, at: datetime, body: bytes) -> dict[str, str]:
    """`sha256=` and the hex HMAC over `timestamp.body`, anew for every attempt."""
    seconds = signatures.unix_seconds(at)
    signed = signatures.hex_digest(secret, f"{seconds}.".encode() + body)
    return {"X-CaptainDNS-Timestamp": seconds, "X-CaptainDNS-Signature": f"sha256={signed}"}


DIALECT = Dialect(
    name="captaindns",
    policy=Policy(
        waits=(10.0, 60.0, 600.0, 3600.0, 21600.0),
        window=None,
        timeout=10,
        jitter=0,
        exactly_200=False,
        suppress_after=None,
        gives_up_on_4xx=True,
    ),
    envelope=standard.envelope,
    catalogue=catalogue.read("captaindns"),
    signature=signature,
    subscribing=Subscribing.EMPTY_IS_REFUSED,
    secrets=Secrets.CHOSEN,
    replays_delivered=False,
)
