"""Every failure a caller can meet, as a value with a code, a sentence and the field it is about.

The doors (REST, CLI) render these; nobody below them knows what an HTTP status is.

    ZonehookError
    ├── Invalid        the request cannot be accepted as it is; `details` names the fields
    ├── Unauthorized   no key, or one that is not known
    ├── Forbidden      a known key that may not do this
    ├── QuotaExceeded  the account's plan has no room for it
    ├── NotFound       no such object in this account (another account's object is not found either)
    ├── Conflict       right in itself, but not now, or not beside what is already there
    └── Unavailable    the database or Temporal cannot be reached just now; try again
"""

from dataclasses import dataclass

_WHAT_TO_DO = {
    "disabled": "enable it first",
    "suppressed": "clear its suppression first",
    "deleted": "nothing can be sent to it any more",
}


@dataclass(frozen=True)
class Detail:
    """One field that is wrong: `field` is its path (`events.0`), `message` says what to do about it."""

    field: str
    message: str


class ZonehookError(Exception):
    """Base of all expected failures. `code` is stable and machine-readable, `message` is for a person."""

    def __init__(self, code: str, message: str, details: tuple[Detail, ...] = ()) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.details = details


class Invalid(ZonehookError):
    """Bad input. Build it with `Invalid.field(...)` when one field is to blame."""

    @classmethod
    def field(cls, field: str, message: str, code: str = "invalid_request") -> "Invalid":
        return cls(code, message, (Detail(field, message),))

    def within(self, place: str) -> tuple[Detail, ...]:
        """What is wrong, with the paths that it has in the document of which this was one part."""
        if not self.details:
            return (Detail(place, self.message),)
        return tuple(Detail(f"{place}.{each.field}", each.message) for each in self.details)


class Unauthorized(ZonehookError):
    """The caller is not known."""


class Forbidden(ZonehookError):
    """The caller is known and may not."""


class QuotaExceeded(ZonehookError):
    """The account has as many as its plan has room for."""


class NotFound(ZonehookError):
    """No such object in the caller's account."""

    @classmethod
    def endpoint(cls, endpoint_id: str) -> "NotFound":
        return cls("not_found", f"there is no endpoint {endpoint_id[:60]} in this account")

    @classmethod
    def delivery(cls, delivery_id: str) -> "NotFound":
        return cls("not_found", f"there is no delivery {delivery_id[:60]} in this account")


class Conflict(ZonehookError):
    """The object's state, or an earlier request, stands against this one."""

    INACTIVE = "endpoint_inactive"

    @classmethod
    def inactive(cls, because: str) -> "Conflict":
        """Of an endpoint that is `disabled`, `suppressed` or `deleted`."""
        return cls(cls.INACTIVE, f"the endpoint is {because}; {_WHAT_TO_DO[because]}")


class Unavailable(ZonehookError):
    """A part we stand on is away. Safe to try again; an event with an id of its own is still one event."""
