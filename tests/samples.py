"""Events as producers of each dialect publish them, from the catalogues."""

from typing import Any

from zonehook import dialects
from zonehook.dialects import own

CONNECTION = "5b0d9a63-7f0e-4c58-9c3c-2f6c1d1c7f10"
ONE_TYPE = {
    "standard": "domain.create",
    "dnsimple": "domain.create",
    "dnsimple-legacy": "domain.create",
    "connect-domain": "ssl.issued",
    "novadns": "host.ip_updated",
    "captaindns": "api_key.revoked",
}


def event(dialect: str, type_: str | None = None) -> dict[str, Any]:
    """The body of POST /v1/events for one type of a dialect; one of Zonehook's own, which nobody else publishes."""
    type_ = type_ or ONE_TYPE[dialect]
    if own.is_own(type_):
        return {"type": type_, "data": own.TYPES[type_].sample}
    catalogue = dialects.named(dialect).catalogue
    data = {"domain": "example.com"} if catalogue is None else catalogue[type_].sample
    return {"type": type_, "data": data} | ({"subject": CONNECTION} if dialect == "connect-domain" else {})


def endpoint(dialect: str, url: str) -> dict[str, Any]:
    """The body of POST /v1/webhook-endpoints: subscribed to that type where a type must be chosen."""
    chooses = dialect in ("novadns", "captaindns")
    secret = {"secret": "a shared secret of ours"} if dialect == "captaindns" else {}
    return {"url": url, "dialect": dialect, "events": [ONE_TYPE[dialect]] if chooses else []} | secret
