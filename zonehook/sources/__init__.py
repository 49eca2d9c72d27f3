"""The sources by name: connections, API keys, usage and hosts, whose events follow from producers' facts. Pure.

A source is a state and three functions: what a fact leads to, when something is due, and what that leads to. Its
workflow (`workflows/source.py`) keeps the state, waits, and has the events published.
"""

import re
import uuid
from datetime import datetime, timedelta
from typing import Any

from zonehook import ids, reading
from zonehook.errors import Invalid, NotFound
from zonehook.sources import api_key, connection, host, usage
from zonehook.sources.messages import SourceOrder, SourceTerms
from zonehook.sources.source import Derived, Fact, Source, Step, Told, passed

MAX_FACT_BYTES = 16 * 1024
_AHEAD = timedelta(minutes=5)  # how far clocks may be apart
_ID = re.compile(r"[A-Za-z0-9._:-]{1,100}")
_SOURCES: dict[str, Source[Any]] = {
    each.name: each for each in (connection.SOURCE, api_key.SOURCE, usage.SOURCE, host.SOURCE)
}
FACTS = {f"{name} {signal}": fact for name, source in _SOURCES.items() for signal, fact in source.facts.items()}


def named(name: str) -> Source[Any]:
    """Raises NotFound with the names there are."""
    if name not in _SOURCES:
        raise NotFound("not_found", f"there is no source {name[:60]}; there are {', '.join(_SOURCES)}")
    return _SOURCES[name]


def read(source: Source[Any], signal: str, document: bytes, now: datetime) -> Fact:
    """A fact as it was sent. Raises NotFound for a signal there is not, Invalid with every field that is wrong."""
    if signal not in source.facts:
        known = ", ".join(source.facts)
        raise NotFound("not_found", f"{source.name} has no signal {signal[:60]}; it has {known}")
    if len(document) > MAX_FACT_BYTES:
        raise Invalid("invalid_request", f"a fact has at most {MAX_FACT_BYTES} bytes; this one has {len(document)}")
    fact = reading.parse(source.facts[signal], document)
    if fact.at is not None and fact.at > now + _AHEAD:
        raise Invalid.field("at", "at: this has not happened yet; compare the clocks, or leave it out")
    return fact


def id_problem(source: Source[Any], id_: str) -> str | None:
    """Why nothing of this kind can be called so, as a sentence; None when it can."""
    if source.has_uuids:
        return None if _is_uuid(id_) else f"the id of a {source.name} is its UUID, in lower case"
    return None if _ID.fullmatch(id_) else "an id has 1 to 100 of the characters A-Z a-z 0-9 . _ : -"


def of_workflow(workflow_id: str) -> tuple[SourceOrder, str] | None:
    """Whose source of what kind a workflow is, and its id; None for a workflow that is called otherwise."""
    name, _, rest = workflow_id.partition("/")
    account_id, _, id_ = rest.partition("/")
    if name not in _SOURCES or not ids.is_number(account_id) or id_problem(_SOURCES[name], id_):
        return None
    if account_id != str(int(account_id)):  # 01 would be another workflow of account 1
        return None
    return SourceOrder(int(account_id), name), id_


def _is_uuid(text: str) -> bool:
    try:
        return str(uuid.UUID(text)) == text
    except ValueError:
        return False


__all__ = [
    "FACTS",
    "MAX_FACT_BYTES",
    "Derived",
    "Fact",
    "Source",
    "SourceTerms",
    "Step",
    "Told",
    "id_problem",
    "named",
    "of_workflow",
    "passed",
    "read",
]
