"""What holds of every dialect's bodies, whatever producers send: nothing is lost, and every key is the vendor's."""

import json
import re
import uuid
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.acceptance import vendors
from zonehook import dialects
from zonehook.dialects import Letter
from zonehook.messages import AcceptedEvent

NOW = datetime(2026, 7, 2, 12, 0, 0, 123_456, tzinfo=UTC)
EACH = pytest.mark.parametrize("dialect", dialects.NAMES)
# A busy machine is no counterexample
moderately = settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow])

TEXT = st.text(max_size=20)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
WRITING: tuple[dict[str, Any], ...] = (
    {"ensure_ascii": True},
    {"ensure_ascii": True, "separators": (",", ":")},
    {"ensure_ascii": False},
    {"ensure_ascii": False, "indent": "\t"},
)


def documents(members: dict[str, Any]) -> st.SearchStrategy[str]:
    """JSON text of an object with these members, as one producer or another writes it."""
    return st.sampled_from([json.dumps(members, **how) for how in WRITING])


@st.composite
def letters(draw: st.DrawFn, dialect: str) -> Letter:
    """An event that the dialect accepts: what its catalogue asks for, and what a producer adds of its own."""
    catalogue = dialects.named(dialect).catalogue
    type_ = "domain.create" if catalogue is None else draw(st.sampled_from(sorted(catalogue)))
    if dialect == "novadns":
        data = draw(_hosts("status" in (catalogue or {})[type_].required))
    else:
        sample = {} if catalogue is None else catalogue[type_].sample
        data = draw(st.dictionaries(st.text(max_size=8), JSON, max_size=3)) | sample
    actor = draw(st.none() | _actors())
    event = AcceptedEvent(
        account_id=draw(st.integers(1, 2**40)),
        id="evt_01jz5t5e00a1b2c3d4e5f6g7h8",
        type=type_,
        data=draw(documents(data)),
        accepted_at=NOW,
        fingerprint="0" * 64,
        subject=str(draw(st.uuids())),
        actor=None if actor is None else draw(documents(actor)),
        occurred_at=draw(st.none() | st.datetimes(timezones=st.just(UTC))),
    )
    return Letter(event, "dlv_01jz5t5vr0e4fgh2j3k4m5n6p7", draw(st.text(min_size=1, max_size=30)))


def _hosts(has_status: bool) -> st.SearchStrategy[dict[str, Any]]:
    status = {"status": st.sampled_from(["online", "offline"])} if has_status else {}
    addresses = {"ipv4": st.ip_addresses(v=4).map(str), "ipv6": st.none() | st.ip_addresses(v=6).map(str)}
    return st.fixed_dictionaries({"host": TEXT.filter(bool), **status, **addresses})


def _actors() -> st.SearchStrategy[dict[str, str]]:
    entities = st.sampled_from(["user", "account", "dnsimple"])
    return st.fixed_dictionaries({"pretty": TEXT, "id": st.text(max_size=10), "entity": entities})


@EACH
@moderately
@pytest.mark.rows("DN2-08", "DN3-03", "CD-22", "NOV-29", "NOV-31")
@given(st.data())
def test_bodies_say_what_the_producer_said(dialect: str, data: st.DataObject) -> None:
    """One JSON object with the documented keys in their order, and in it the producer's data unchanged."""
    letter = data.draw(letters(dialect))
    event = letter.event
    assert dialects.problems(dialect, event) == []

    body = dialects.named(dialect).envelope(letter)

    said, sent = json.loads(event.data), json.loads(body)
    assert body == dialects.named(dialect).envelope(letter)
    if dialect == "novadns":
        flat = {"ipv4": None, "ipv6": None} | said
        assert {name: sent[name] for name in flat} == flat
        assert body.isascii() == event.data.isascii()  # escapes are sent as escapes, letters as letters
        assert list(sent) == [*vendors.KEYS[dialect][:4], *(["status"] if "status" in said else []), "timestamp"]
    else:
        assert sent["data"] == said
        assert event.data.encode() in body  # byte for byte: white space, escapes, numbers and all
        assert list(sent) == vendors.KEYS[dialect]


@EACH
@moderately
@pytest.mark.rows("DN2-11", "DN2-13", "DN2-16", "DN2-17", "DN2-19", "CD-23", "CD-24", "NOV-32")
@given(st.data())
def test_bodies_say_who_and_when(dialect: str, data: st.DataObject) -> None:
    """Names, ids, actors and times stand where the vendor has them and as it writes them."""
    letter = data.draw(letters(dialect))
    event, sent = letter.event, json.loads(dialects.named(dialect).envelope(letter))
    happened = (event.occurred_at or NOW).replace(microsecond=0)

    for name in sent.keys() & {"timestamp", "sent_at"}:
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", sent[name])
        assert datetime.fromisoformat(sent[name]) == happened
    if dialect == "connect-domain":
        assert sent["jobId"] == event.subject
    if dialect.startswith("dnsimple"):
        system = {"id": "system", "entity": "dnsimple", "pretty": "support@dnsimple.com"}
        assert sent["actor"] == (system if event.actor is None else json.loads(event.actor))
        assert sent["api_version"] == "v2"
        assert str(uuid.UUID(sent["request_identifier"])) == sent["request_identifier"]
    if dialect == "dnsimple":
        name = letter.account_name
        assert sent["account"] == {"id": event.account_id, "identifier": name, "display": name}
