"""The Standard Webhooks dialect: any event type, ten attempts in two hours, any 2xx confirms."""

import json
from datetime import timedelta

from zonehook.dialects.dialect import Dialect, Letter
from zonehook.messages import Policy
from zonehook.moments import timestamp


def envelope(letter: Letter) -> bytes:
    """`{"type","timestamp","data"}`; data goes out byte for byte as it came in."""
    event = letter.event
    at = timestamp(event.happened_at)
    return f'{{"type":{json.dumps(event.type)},"timestamp":"{at}","data":{event.data}}}'.encode()


DIALECT = Dialect(
    name="standard",
    policy=Policy(
        waits=tuple(14.0 * 2**n for n in range(9)),  # 14 s … 3,584 s, 7,154 s in all
        window=7200,
        timeout=10,
        jitter=0.1,
        exactly_200=False,
        suppress_after=15,
        heeds_retry_after=True,
        gone_disables=True,
    ),
    envelope=envelope,
    overlap=timedelta(hours=24),
    reveals=True,
)
