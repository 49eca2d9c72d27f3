"""The shapes of v1's answers that more than one call gives."""

from datetime import datetime
from typing import Annotated, Generic, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, PlainSerializer

from api import examples
from zonehook.moments import timestamp
from zonehook.reading import example

Item = TypeVar("Item")
Time = Annotated[datetime, PlainSerializer(timestamp, return_type=str, when_used="json")]


class Shape(BaseModel):
    """Read straight from the value of the same name at the desk."""

    model_config = ConfigDict(from_attributes=True)


class PageShape(Shape, Generic[Item]):
    data: list[Item]
    next_cursor: str | None


class EndpointShape(Shape):
    id: str
    url: str
    events: list[str]
    description: str | None
    dialect: str
    status: Literal["enabled", "disabled", "suppressed"]
    disabled_at: Time | None
    suppressed_at: Time | None
    consecutive_failures: int
    created_at: Time
    updated_at: Time

    model_config = example(
        id=examples.ENDPOINT,
        url=examples.URL,
        events=[examples.TYPE],
        description="The shop's own zones",
        dialect="standard",
        status="enabled",
        disabled_at=None,
        suppressed_at=None,
        consecutive_failures=0,
        created_at=examples.REGISTERED,
        updated_at=examples.REGISTERED,
    )


class HealthShape(Shape):
    status: Literal["enabled", "disabled", "suppressed"]
    consecutive_failures: int
    last_success_at: Time | None
    last_failure_at: Time | None
    last_error: str | None
    attempts_24h: int
    success_rate_24h: float | None
    p50_ms: int | None
    p95_ms: int | None

    model_config = example(
        status="enabled",
        consecutive_failures=0,
        last_success_at=examples.DELIVERED,
        last_failure_at=examples.ACCEPTED,
        last_error="timeout",
        attempts_24h=200,
        success_rate_24h=0.995,
        p50_ms=84,
        p95_ms=310,
    )


class DeliveryShape(Shape):
    id: str
    event_id: str
    endpoint_id: str
    type: str
    test: bool
    status: Literal["pending", "retrying", "delivered", "failed", "cancelled", "skipped"]
    reason: str | None
    attempts: int
    next_retry_at: Time | None
    last_status_code: int | None
    created_at: Time
    completed_at: Time | None

    model_config = example(
        id=examples.DELIVERY,
        event_id=examples.EVENT,
        endpoint_id=examples.ENDPOINT,
        type=examples.TYPE,
        test=False,
        status="delivered",
        reason=None,
        attempts=2,
        next_retry_at=None,
        last_status_code=200,
        created_at=examples.ACCEPTED,
        completed_at=examples.DELIVERED,
    )
