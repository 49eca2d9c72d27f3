"""What a dialect is: a policy as data, and one function that writes the body."""

from collections.abc import Callable
from dataclasses import dataclass

from zonehook.messages import AcceptedEvent, Policy


@dataclass(frozen=True)
class Dialect:
    """How one vendor's webhooks look and behave. `envelope` takes the event and the delivery's id."""

    name: str
    policy: Policy
    envelope: Callable[[AcceptedEvent, str], bytes]
