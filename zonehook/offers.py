"""An event as a producer offers it, the same over REST and by signal. Pure."""

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated

from pydantic import Field

from zonehook import events, verbatim
from zonehook.reading import Body, Moment, Text
from zonehook.verbatim import ObjectText

MAX_SUBJECT_LENGTH = 255
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
