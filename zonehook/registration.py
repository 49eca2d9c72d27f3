"""What a new endpoint is made from, and whether it may be: its URL, its subscriptions, its headers, its secret."""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from zonehook import addresses, dialects, endpoints, signatures
from zonehook.dialects import Secrets
from zonehook.errors import Detail, Invalid, Unavailable
from zonehook.net import resolving


@dataclass(frozen=True)
class Registration:
    """What a new endpoint is made from. `secret` None: what the dialect does then."""

    url: str
    events: list[str]
    dialect: str
    description: str | None = None
    secret: str | None = None
    headers: dict[str, str] = field(default_factory=dict)


class Checks:
    """The same for a new endpoint and for a changed one. `targets` are the networks allowed although not public."""

    def __init__(self, targets: Sequence[addresses.Network]) -> None:
        self._targets = targets

    async def of(self, dialect: str, given: dict[str, Any]) -> None:
        """Raises Invalid with every field that is wrong, and Unavailable."""
        if "url" in given and (problem := await self._url_problem(given["url"])):
            raise Invalid.field("url", problem, code="invalid_url")
        details: list[Detail] = []
        if "events" in given:
            details += _subscription_problems(dialect, given["events"])
        for name, problem in endpoints.header_problems(given.get("headers", {})):
            details.append(Detail(f"headers.{name}", problem))
        if details:
            raise Invalid("invalid_request", details[0].message, tuple(details))

    async def _url_problem(self, url: str) -> str | None:
        """The same rules as when the socket opens. A name that cannot be resolved just now passes here."""
        if problem := addresses.url_problem(url, self._targets):
            return problem
        parts = urlsplit(url)
        try:
            found = await resolving.addresses_of(parts.hostname or "")
        except resolving.NotAsked:
            raise Unavailable("resolving_unavailable", "too many names are being looked up just now") from None
        if not found and parts.scheme == "http":
            return addresses.HTTPS_ONLY  # nobody can say that it leads to where plain http is allowed
        for address in found:
            if problem := addresses.address_problem(address, parts.scheme, self._targets):
                return problem
        return None


def first_secret(wanted: Registration) -> str | None:
    """The secret that was brought, or a new one where the dialect makes it; None: nothing is signed. Raises Invalid."""
    if wanted.secret is not None:
        if problem := dialects.secret_problem(wanted.dialect, wanted.secret):
            raise Invalid.field("secret", problem)
        return wanted.secret
    return new_secret() if dialects.named(wanted.dialect).secrets is Secrets.GENERATED else None


def new_secret() -> str:
    """A fresh signing secret of 256 bits."""
    return signatures.secret(secrets.token_bytes(signatures.SECRET_BYTES))


def _subscription_problems(dialect: str, wanted: list[str]) -> list[Detail]:
    malformed = [
        Detail(f"events.{place}", problem)
        for place, each in enumerate(wanted)
        if (problem := endpoints.subscription_problem(each))
    ]
    return malformed or dialects.subscription_problems(dialect, wanted)
