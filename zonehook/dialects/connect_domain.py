"""Connect Domain's webhooks: any 2xx within 5 seconds confirms, six attempts, waits of 1, 2, 4, 8 and 16 minutes."""

import json
import uuid
from datetime import datetime

from zonehook import signatures
from zonehook.dialects import catalogue
from zonehook.dialects.dialect import Dialect, Letter
from zonehook.errors import Detail
from zonehook.messages import AcceptedEvent, Policy
from zonehook.moments import timestamp

_CATALOGUE = catalogue.read("connect_domain")
_ATTEMPTS = 6


def wait_minutes(failed: int) -> int:
    """How long to wait after so many failed attempts: 1, 2, 4, 8, 16, 32, and never more than 60."""
    return min(1 << (failed - 1), 60)


def envelope(letter: Letter) -> bytes:
    """`{"type","jobId","data","sent_at"}`. `jobId` is the connection; `sent_at` is frozen with the rest of the body."""
    event = letter.event
    at = timestamp(event.happened_at)
    return (
        f'{{"type":{json.dumps(event.type)},"jobId":{json.dumps(event.subject)},"data":{event.data},"sent_at":"{at}"}}'
    ).encode()


def signature(secret: str, at: datetime, body: bytes) -> dict[str, str]:
    """`sha256=` and the hex HMAC over `timestamp.body`, anew for every attempt."""
    seconds = signatures.unix_seconds(at)
    signed = signatures.hex_digest(secret, f"{seconds}.".encode() + body)
    return {"X-CD-Timestamp": seconds, "X-CD-Signature": f"sha256={signed}"}


def lacks(event: AcceptedEvent) -> list[Detail]:
    """The host name the type is about, and the connection it happened to."""
    found = catalogue.lacking(event.data, _CATALOGUE[event.type])
    if not _is_uuid(event.subject):
        found.append(Detail("subject", "send the connection's UUID as subject; it becomes jobId"))
    return found


def _is_uuid(text: str | None) -> bool:
    try:
        return text is not None and str(uuid.UUID(text)) == text.lower()
    except ValueError:
        return False


DIALECT = Dialect(
    name="connect-domain",
    policy=Policy(
        waits=tuple(60.0 * wait_minutes(failed) for failed in range(1, _ATTEMPTS)),
        window=None,
        timeout=5,
        jitter=0,
        exactly_200=False,
        suppress_after=None,
    ),
    envelope=envelope,
    catalogue=_CATALOGUE,
    signature=signature,
    lacks=lacks,
)
