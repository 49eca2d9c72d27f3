"""An event as a producer offers it, the same over REST and by signal. Pure."""

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated

from pydantic import Field, WithJsonSchema

from zonehook import events, reading, verbatim
from zonehook.errors import Detail, Invalid
from zonehook.reading import Body, Moment, Text
from zonehook.verbatim import ListText, ObjectText

MAX_SUBJECT_LENGTH = 255
MAX_BATCH = 100
_OBJECTS = ("data", "actor")
Key = Annotated[Text, Field(min_length=1, max_length=events.MAX_KEY_LENGTH)]


class NewEvent(Body):
    """The document that producers write."""

    type: Text
    data: ObjectText
    id: Key | None = None
    subject: Annotated[Text, Field(max_length=MAX_SUBJECT_LENGTH)] | None = None
    actor: ObjectText | None = None
    occurred_at: Moment | None = None
    deliver_at: Moment | None = None

    model_config = reading.example(
        type="domain.create", data={"domain": "example.com"}, id="order-1842", occurred_at="2026-07-02T11:59:58Z"
    )


_LISTED = {"type": "array", "items": NewEvent.model_json_schema(), "minItems": 1, "maxItems": MAX_BATCH}


class NewBatch(Body):
    """Several of them, for all or none."""

    events: Annotated[ListText, WithJsonSchema(_LISTED)]

    model_config = reading.example(
        events=[{"type": f"domain.{each}", "data": {"domain": "example.com"}} for each in ("create", "renew")]
    )


@dataclass(frozen=True)
class Offered:
    """`data` and `actor` are JSON text; `key` makes it once-only; before `deliver_at` it is delivered to nobody."""

    type: str
    data: str
    key: str | None = None
    subject: str | None = None
    actor: str | None = None
    occurred_at: datetime | None = None
    deliver_at: datetime | None = None


def read(document: bytes) -> Offered:
    """Raises Invalid with every field that is wrong."""
    event = verbatim.parse(NewEvent, document, _OBJECTS)
    return Offered(
        type=event.type,
        data=event.data,
        key=event.id,
        subject=event.subject,
        actor=event.actor,
        occurred_at=event.occurred_at,
        deliver_at=event.deliver_at,
    )


def read_batch(document: bytes) -> list[Offered]:
    """The events of a NewBatch. Raises Invalid with every field that is wrong, such as `events.3.type`."""
    listed = events.items(verbatim.parse(NewBatch, document, ("events",)).events)
    if not 0 < len(listed) <= MAX_BATCH:
        raise Invalid.field("events", f"send 1 to {MAX_BATCH} events at once")
    offered: list[Offered] = []
    found: list[Detail] = []
    for place, each in enumerate(listed):
        try:
            offered.append(read(each.encode()))
        except Invalid as problem:
            found += problem.within(f"events.{place}")
    refuse(found)
    return offered


def refuse(found: list[Detail]) -> None:
    """Raises Invalid for a batch in which anything is wrong."""
    if found:
        raise Invalid("invalid_request", f"{found[0].field}: {found[0].message}", tuple(found))
