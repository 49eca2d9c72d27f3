"""The sources' rules: what follows from facts, in whatever order and however often they are told."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter

from zonehook import dialects, sources
from zonehook.errors import Invalid, NotFound, ZonehookError
from zonehook.messages import AcceptedEvent
from zonehook.sources import Derived, SourceTerms, Step, Told

START = datetime(2026, 7, 1, tzinfo=UTC)
SECOND, MINUTE, DAY = timedelta(seconds=1), timedelta(minutes=1), timedelta(days=1)
TERMS = SourceTerms()
CONNECTION = "5b0d9a63-7f0e-4c58-9c3c-2f6c1d1c7f10"
DIALECTS = {"connection": "connect-domain", "api-key": "captaindns", "usage": "captaindns", "host": "novadns"}
_ADAPTERS: dict[str, TypeAdapter[Any]] = {name: TypeAdapter(sources.named(name).state) for name in DIALECTS}
Telling = tuple[str, dict[str, Any]]


@dataclass
class Course:
    """A source to which facts are told, one after the other, and what followed."""

    name: str
    id: str = CONNECTION
    at: datetime = START
    state: Any = None
    events: list[Derived] = field(default_factory=list)
    refusals: list[str] = field(default_factory=list)

    def tell(self, signal: str, after: timedelta = SECOND, late: timedelta = timedelta(0), **fact: Any) -> list[str]:
        """The types of the events that follow from a fact told so long after the last; `late`: it happened before."""
        before = len(self.events)
        self.at += after
        at = self.at - late
        self.wait_until(at)
        try:
            read = sources.read(self.source, signal, json.dumps(fact).encode(), self.at)
            self._take(self.source.hear(self.state, read, Told(self.id, read.at or at, TERMS)))
        except ZonehookError as refusal:
            self.refusals.append(refusal.message)
        self.wait_until(at)
        return [each.type for each in self.events[before:]]

    def wait_until(self, at: datetime) -> None:
        self._take(sources.passed(self.source, self.state, self.id, TERMS, at))

    def types(self) -> list[str]:
        return [each.type for each in self.events]

    @property
    def source(self) -> Any:
        return sources.named(self.name)

    def _take(self, step: Step[Any]) -> None:
        adapter = _ADAPTERS[self.name]  # as it travels from one run to the next
        self.state = None if step.state is None else adapter.validate_json(adapter.dump_json(step.state))
        assert self.state == step.state
        self.events += step.events


def _moment(at: datetime) -> str:
    return at.isoformat()


_moments = st.integers(0, 100).map(lambda days: _moment(START + days * DAY))
_addresses = st.fixed_dictionaries(
    {},
    optional={
        "ipv4": st.sampled_from(["192.0.2.1", "192.0.2.2", None]),
        "ipv6": st.sampled_from(["::1", "0:0:0:0:0:0:0:1", "2001:DB8::1", None]),
    },
)
_nothing: st.SearchStrategy[dict[str, Any]] = st.just({})


def _facts(**told: Any) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries({n: v if isinstance(v, st.SearchStrategy) else st.just(v) for n, v in told.items()})


_TELLINGS: dict[str, dict[str, st.SearchStrategy[dict[str, Any]]]] = {
    "connection": {
        "created": st.sampled_from(
            [{"hostname": "a.example", "setup_type": "automatic", "written": written} for written in (True, False)]
            + [{"hostname": "a.example", "setup_type": "manual"}]
        ),
        "verified": _nothing,
        "checked": _facts(records=st.booleans(), certificate=st.booleans()),
        "deleted": _nothing,
    },
    "api-key": {
        "created": _facts(key_prefix="cdns_1", expires_at=_moments) | _facts(key_prefix="cdns_1"),
        "expiry_changed": _facts(expires_at=_moments | st.none()),
        "rotated": _facts(key_id=st.sampled_from(["k2", "k3"]), key_prefix="cdns_2", grace_ends_at=_moments),
        "revoked": _nothing,
    },
    "usage": {
        "consumed": _facts(
            period_start=_moment(START),
            period_end=_moment(START + 31 * DAY),
            consumed=st.integers(0, 150),
            limit=st.sampled_from([100, 200]),
        ),
        "billed": _facts(
            period=st.sampled_from(["2026-05", "2026-06"]),
            succeeded=st.booleans(),
            credits=st.integers(0, 9),
            amount="18.75",
            currency="EUR",
            provider="paddle",
        ),
        "requested": _facts(
            key_id=st.sampled_from(["k1", "k2"]),
            key_prefix="cdns_1",
            minute=st.integers(0, 40).map(lambda n: _moment(START - DAY + n * MINUTE)),
            requests=st.sampled_from([0, 10, 1000]),
            throttled=st.sampled_from([0, 1000]),
        ),
        "closed": _nothing,
    },
    "host": {
        "created": st.builds(lambda more: {"host": "a.example", **more}, _addresses),
        "updated": _addresses,
        "deleted": _nothing,
    },
}


def _tellings(name: str) -> st.SearchStrategy[list[tuple[str, dict[str, Any], timedelta]]]:
    after = st.sampled_from([SECOND, MINUTE, 11 * MINUTE, 20 * DAY])
    each = [st.tuples(st.just(signal), facts, after) for signal, facts in _TELLINGS[name].items()]
    return st.lists(st.one_of(each), max_size=30)


every_source = pytest.mark.parametrize("name", DIALECTS)


@every_source
@given(data=st.data())
def test_a_repeated_fact_changes_nothing(name: str, data: st.DataObject) -> None:
    """Told twice, as a producer does that had no answer, a fact leads to what it leads to told once."""
    once, twice = Course(name), Course(name)
    for signal, fact, after in data.draw(_tellings(name)):
        once.tell(signal, after, **fact)
        twice.tell(signal, after, **fact)
        twice.tell(signal, timedelta(0), **fact)

    assert twice.events == once.events
    assert twice.state == once.state


@every_source
@given(data=st.data())
def test_it_does_not_matter_when_the_worker_looks(name: str, data: st.DataObject) -> None:
    """A worker that was away derives the same events, of the same moments, as one that looked every day."""
    away, there = Course(name), Course(name)
    for signal, fact, after in data.draw(_tellings(name)):
        for days in range(after.days):
            there.wait_until(there.at + days * DAY)
        there.tell(signal, after, **fact)
        away.tell(signal, after, **fact)
    for course in (away, there):
        course.wait_until(course.at + 400 * DAY)

    assert away.events == there.events


@every_source
@given(data=st.data())
def test_every_event_is_one_of_the_vendors(name: str, data: st.DataObject) -> None:
    """Whatever follows from facts is an event that the vendor's receivers can be sent."""
    course = Course(name)
    for signal, fact, after in data.draw(_tellings(name)):
        course.tell(signal, after, **fact)
    course.wait_until(course.at + 400 * DAY)

    for each in course.events:
        event = AcceptedEvent(1, "evt_1", each.type, json.dumps(each.data), each.at, "", subject=CONNECTION)
        assert dialects.problems(DIALECTS[name], event) == []


@pytest.mark.rows("CD-16", "CD-20")
@given(_tellings("connection"))
def test_the_pair_is_always_a_pair(tellings: list[tuple[str, dict[str, Any], timedelta]]) -> None:
    """Each live transition is metered and fires ssl.issued with domain.flow.completed, and the next one comes only
    after a drift.
    """
    course, metered = Course("connection"), 0
    for signal, fact, after in tellings:
        if signal == "deleted":
            continue
        types = course.tell(signal, after, **fact)
        assert types.count("ssl.issued") == types.count("domain.flow.completed") <= 1
        now = 0 if course.state is None else course.state.metered
        assert now - metered == types.count("ssl.issued")
        metered = now
    going = [each for each in course.types() if each in ("ssl.issued", "domain.drift")]
    assert all(earlier != later for earlier, later in pairwise(going))
    assert going[:1] in ([], ["ssl.issued"])


@pytest.mark.rows("NOV-22", "NOV-23", "NOV-26", "NOV-27")
@given(_tellings("host"))
def test_hosts_tell_changes_alone(tellings: list[tuple[str, dict[str, Any], timedelta]]) -> None:
    """No two host.ip_updated in a row have the same addresses, and no two host.status_changed the same status."""
    course = Course("host")
    for signal, fact, after in tellings:
        if signal != "deleted":
            course.tell(signal, after, **fact)
    addresses = [
        (each.data["ipv4"], each.data["ipv6"])
        for each in course.events
        if each.type in ("host.created", "host.ip_updated")
    ]
    statuses = [each.data["status"] for each in course.events if each.type == "host.status_changed"]
    assert all(earlier != later for earlier, later in pairwise(addresses))
    assert all(earlier != later for earlier, later in pairwise(["offline", *statuses]))


@pytest.mark.rows("CAP-10")
@given(_tellings("api-key"))
def test_one_warning_a_key(tellings: list[tuple[str, dict[str, Any], timedelta]]) -> None:
    """However often its expiry is moved, a key is warned of at most once, and never more than 30 days before."""
    course = Course("api-key")
    course.tell("created", key_prefix="cdns_1")
    for signal, fact, after in tellings:
        if signal != "created":  # what is created again is another key
            course.tell(signal, after, **fact)
    course.wait_until(course.at + 400 * DAY)
    warnings = [each for each in course.events if each.type == "api_key.expires_soon"]
    assert len(warnings) <= 1
    assert all(0 < each.data["days_left"] <= 30 for each in warnings)


def _told(name: str, *tellings: Telling) -> Course:
    course = Course(name)
    for signal, fact in tellings:
        course.tell(signal, **fact)
    return course


LIVE: Sequence[Telling] = (
    ("created", {"hostname": "a.example", "setup_type": "manual"}),
    ("checked", {"records": True, "certificate": True}),
)


def test_a_check_older_than_one_that_counted() -> None:
    """A report of before the connection went live, that comes after, is no drift; nor does one make it live again."""
    course = _told("connection", *LIVE)
    assert course.tell("checked", late=5 * SECOND, records=False, certificate=False) == []
    assert course.tell("checked", records=False, certificate=False) == ["domain.drift"]
    assert course.tell("checked", late=5 * SECOND, records=True, certificate=True) == []
    assert course.state.status == "drifted"


def test_verified_after_it_went_live() -> None:
    """The owner's record that is found last is told of, and the connection stays live."""
    course = _told("connection", *LIVE)
    assert course.tell("verified") == ["domain.verified"]
    assert course.state.status == "live"


@pytest.mark.parametrize(("records", "certificate"), [(True, False), (False, True), (False, False)])
@pytest.mark.rows("CD-13")
def test_live_takes_records_and_certificate(records: bool, certificate: bool) -> None:
    """A connection of which either is missing does not go live."""
    course = _told("connection", LIVE[0])
    assert course.tell("checked", records=records, certificate=certificate) == []
    assert course.state.status == "pending"


@pytest.mark.parametrize(
    ("name", "telling"),
    [
        ("connection", ("verified", {})),
        ("api-key", ("revoked", {})),
        ("api-key", ("expiry_changed", {"expires_at": None})),
        ("host", ("updated", {"ipv4": "192.0.2.1"})),
        ("host", ("deleted", {})),
    ],
)
def test_a_fact_about_nothing(name: str, telling: Telling) -> None:
    """What was never created, or is gone, has no events; the refusal says how one begins."""
    course = _told(name, telling)
    assert (course.state, course.events) == (None, [])
    assert course.refusals[0].endswith("the first fact about one is created")


@pytest.mark.parametrize(
    ("name", "created", "end"),
    [
        ("connection", LIVE[0], "deleted"),
        ("api-key", ("created", {"key_prefix": "cdns_1"}), "revoked"),
        ("host", ("created", {"host": "a.example"}), "deleted"),
    ],
)
def test_an_end_of_the_one_before(name: str, created: Telling, end: str) -> None:
    """An end that is told again, or comes late, does not end what was created after it."""
    signal, fact = created
    again = _told(name, created, (end, {}), created)
    again.tell(end, at=_moment(again.at - SECOND))
    overtaken = _told(name, created)
    overtaken.tell(signal, after=MINUTE, **fact)
    overtaken.tell(end, at=_moment(overtaken.at - 30 * SECOND))

    for course in (again, overtaken):
        assert course.state is not None
        assert course.refusals == ["this end is older than what is there; it ended something before that"]
        assert course.tell(end) == [each for each in course.source.types if each.endswith(end)]
        assert course.state is None


def test_usage_that_was_closed_before() -> None:
    """What is used after a customer's end is not ended by the end before."""
    used = {"minute": _moment(START - DAY), "key_id": "k1", "key_prefix": "cdns_1", "requests": 1}
    course = _told("usage", ("requested", used), ("closed", {}), ("requested", used))
    course.tell("closed", at=_moment(course.at - SECOND))
    assert (len(course.refusals), course.state is None) == (1, False)
    course.tell("closed")
    assert course.state is None


@pytest.mark.rows("CAP-10")
def test_what_is_told_late_of_a_key_that_expired() -> None:
    """A week long it still counts that a key was revoked, rotated or prolonged; warned of, it is once all the same."""
    rotated: dict[str, Any] = {"key_id": "k2", "key_prefix": "cdns_2", "grace_ends_at": _moment(START + 99 * DAY)}
    for signal, fact, expected in (
        ("revoked", {}, ["api_key.revoked"]),
        ("rotated", rotated, ["api_key.rotated"]),
        ("expiry_changed", {"expires_at": _moment(START + 60 * DAY)}, []),
    ):
        key = _told("api-key", ("created", {"key_prefix": "cdns_1", "expires_at": _moment(START + 40 * DAY)}))
        assert key.tell(signal, after=46 * DAY, **fact) == ["api_key.expires_soon", *expected]
        late = _told("api-key", ("created", {"key_prefix": "cdns_1", "expires_at": _moment(START + 40 * DAY)}))
        assert late.tell(signal, after=48 * DAY, **fact) == ["api_key.expires_soon"]
        assert late.refusals == ["there is no such key; the first fact about one is created"]


def test_contradictions_are_refused() -> None:
    """A fact that contradicts what is known changes nothing, and is answered with a sentence."""
    connection = _told("connection", LIVE[0], ("created", {"hostname": "b.example", "setup_type": "manual"}))
    host = _told("host", ("created", {"host": "a.example", "ipv4": "192.0.2.1"}), ("updated", {"ipv4": None}))
    rotated: dict[str, Any] = {"key_id": "k2", "key_prefix": "cdns_2", "grace_ends_at": _moment(START + DAY)}
    key = _told("api-key", ("created", {"key_prefix": "cdns_1"}), ("rotated", rotated))
    key.tell("rotated", **rotated | {"key_id": "k3"})
    key.tell("expiry_changed", expires_at=None)
    past = _told("api-key", ("created", {"key_prefix": "cdns_1"}))
    past.tell("rotated", **rotated | {"grace_ends_at": _moment(START)})

    assert [len(each.refusals) for each in (connection, host, key, past)] == [1, 1, 2, 1]
    assert connection.state.hostname == "a.example"
    assert host.types() == ["host.created"]
    assert key.types() == ["api_key.rotated"]
    assert past.types() == []


def test_an_update_that_was_long_on_its_way() -> None:
    """An update of before a host went offline, heard after, brings it online for what is left of its ten minutes, and
    no event is dated before the one that it follows.
    """
    course = _told("host", ("created", {"host": "a.example"}), ("updated", {}))
    course.wait_until(START + 11 * MINUTE)
    course.tell("updated", after=11 * MINUTE, late=6 * MINUTE)
    course.wait_until(START + DAY)
    statuses = [each for each in course.events if each.type == "host.status_changed"]

    assert [each.data["status"] for each in statuses] == ["online", "offline", "online", "offline"]
    seconds = [each.at.replace(microsecond=0) for each in statuses]
    assert seconds == sorted(set(seconds))


def test_counts_that_come_late() -> None:
    """Counts of a period that is just over still cross its thresholds, an older count of a period changes nothing, and
    what was three periods ago is refused.
    """
    course = Course("usage", at=START + 60 * DAY)

    def count(month: int, consumed: int, **told: Any) -> list[str]:
        period: dict[str, Any] = {
            "period_start": f"2026-0{month}-01T00:00:00Z",
            "period_end": f"2026-0{month + 1}-01T00:00:00Z",
        }
        return course.tell("consumed", consumed=consumed, limit=100, **period, **told)

    assert count(6, 70) == []
    assert count(7, 10) == []
    assert count(6, 85) == ["usage.threshold_reached"]
    assert count(7, 90, late=5 * SECOND) == []
    assert [count(8, 0), count(5, 500)] == [[], []]
    assert course.refusals == ["this period is over; three later ones are known"]


def test_a_spike_is_told_when_it_begins() -> None:
    """One alert for as long as it lasts; not of a key that is hardly known, nor for ten times next to nothing."""
    course = Course("usage", at=START + DAY)
    minutes = iter(range(1000))

    def traffic(*counts: int, key: str = "k1") -> list[str]:
        told: list[str] = []
        for requests in counts:
            minute = _moment(START + next(minutes) * MINUTE)
            told += course.tell("requested", key_id=key, key_prefix="cdns_1", minute=minute, requests=requests)
        return told

    assert traffic(*[20] * 9, 500) == []  # known of nine minutes
    assert traffic(*[1] * 20, 99, key="k2") == []
    assert traffic(*[20] * 60) == []
    assert traffic(1000, 2000, 1500) == ["monitoring.alert"]
    assert traffic(100, 10_000) == ["monitoring.alert"]
    assert course.tell("requested", key_id="k1", key_prefix="cdns_1", minute=_moment(START), requests=10**6) == []


def test_periods_that_have_not_begun() -> None:
    """However many periods that are far ahead are told, by mistake, the real one is still counted."""
    course = Course("usage", at=START + DAY)

    def count(year: int) -> list[str]:
        period: dict[str, Any] = {"period_start": f"{year}-07-01T00:00:00Z", "period_end": f"{year}-08-01T00:00:00Z"}
        return course.tell("consumed", consumed=80, limit=100, **period)

    assert [count(year) for year in (2096, 2097, 2098)] == [[], [], []]
    assert count(2026) == ["usage.threshold_reached"]
    assert course.refusals == ["period_start: it begins later than the moment that this fact is about"] * 3


@pytest.mark.parametrize(("silence", "alerts"), [(5, []), (6, ["monitoring.alert"] * 2)])
def test_what_was_unusual_is_over_after_a_silence(silence: int, alerts: list[str]) -> None:
    """A spike and a storm of 429s that come after minutes in which nothing was told are new ones, and told."""
    course = Course("usage", at=START + DAY)

    def traffic(minute: int, requests: int) -> list[str]:
        told: dict[str, Any] = {"minute": _moment(START + minute * MINUTE), "requests": requests}
        return course.tell("requested", key_id="k1", key_prefix="cdns_1", throttled=requests // 10, **told)

    for minute in range(10):
        assert traffic(minute, 20) == []
    assert traffic(10, 5000) == ["monitoring.alert"] * 2
    assert traffic(10 + silence, 9000) == alerts


def test_only_so_much_is_kept() -> None:
    """A customer with very many keys, periods and months does not grow without end."""
    course = Course("usage", at=START + 100 * DAY)
    for number in range(600):
        minute = _moment(START + number * MINUTE)
        course.tell("requested", key_id=f"k{number}", key_prefix="cdns_1", minute=minute, requests=1)
    for month in range(48):
        period = f"20{26 + month // 12}-{month % 12 + 1:02}"
        billed: dict[str, Any] = {
            "succeeded": True,
            "credits": 1,
            "amount": "1",
            "currency": "EUR",
            "provider": "paddle",
        }
        course.tell("billed", period=period, **billed)

    assert len(course.state.traffic) == 500
    assert "k599" in course.state.traffic
    assert (len(course.state.billed), course.state.billed[-1]) == (36, "2029-12")
    assert len(TypeAdapter(type(course.state)).dump_json(course.state)) < 128 * 1024


@pytest.mark.parametrize(
    ("name", "signal", "fact", "wrong"),
    [
        ("connection", "created", {"hostname": "a b", "setup_type": "manual"}, "hostname"),
        ("connection", "created", {"hostname": "a", "setup_type": "by hand"}, "setup_type"),
        ("connection", "checked", {"records": "true", "certificate": True}, "records"),
        ("api-key", "created", {"key_prefix": "cdns_1", "key": "cdns_1_the_whole_key"}, "key"),
        ("api-key", "created", {"key_prefix": "zhk_" + "A" * 43}, "key_prefix"),
        ("api-key", "created", {"key_prefix": "cdns_1", "expires_at": "0001-01-01T00:00:00Z"}, "expires_at"),
        ("api-key", "expiry_changed", {}, "expires_at"),
        ("usage", "consumed", {"period_start": "2026-07-01T00:00:00Z", "period_end": "2026-07-01T00:00:00Z",
                               "consumed": 1, "limit": 1}, "period_end"),
        ("usage", "requested", {"key_id": "k 1", "key_prefix": "a", "minute": _moment(START), "requests": 1}, "key_id"),
        ("usage", "billed", {"period": "2026-13", "succeeded": True, "credits": 1, "amount": "1", "currency": "EUR",
                             "provider": "paddle"}, "period"),
        ("host", "updated", {"ipv4": "::1"}, "ipv4"),
        ("host", "updated", {"ipv6": "fe80::1%eth0"}, "ipv6"),
        ("host", "deleted", {"at": _moment(START + DAY)}, "at"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_named(name: str, signal: str, fact: dict[str, Any], wrong: str) -> None:
    """A fact that cannot be read is refused with the name of the field, and without what stood there."""
    with pytest.raises(Invalid) as refusal:
        sources.read(sources.named(name), signal, json.dumps(fact).encode(), START)
    assert [each.field for each in refusal.value.details] == [wrong]
    assert "ids look like" not in refusal.value.message
    assert str(fact.get(wrong, "whole")) not in refusal.value.message


@pytest.mark.parametrize("document", [b"", b"null", b"[]", b"\xff", b'{"at":' * 9999, b'{"at": "' + b"x" * 99_999])
def test_what_is_no_fact(document: bytes) -> None:
    """Whatever bytes are sent, they are refused with a sentence."""
    with pytest.raises(Invalid):
        sources.read(sources.named("host"), "deleted", document, START)


def test_names() -> None:
    """There are four sources, each with its signals; others are told which there are."""
    with pytest.raises(NotFound, match="connection, api-key, usage, host"):
        sources.named("hosts")
    with pytest.raises(NotFound, match="created, updated, deleted"):
        sources.read(sources.named("host"), "moved", b"{}", START)


@pytest.mark.parametrize(
    ("workflow_id", "fits"),
    [
        ("host/1/home-7", True),
        (f"connection/12/{CONNECTION}", True),
        ("host/1/", False),
        ("host/01/home", False),
        ("host/1/a b", False),
        ("host/1/a\n", False),
        (f"host/1/{'a' * 101}", False),
        ("host/9999999999/a", False),
        ("connection/1/home", False),
        (f"connection/1/{CONNECTION.upper()}", False),
        ("event/1/a", False),
        ("host", False),
    ],
)
def test_ids_of_workflows(workflow_id: str, fits: bool) -> None:
    """One thing of an account has one workflow: what is called otherwise is none of a source's."""
    assert (sources.of_workflow(workflow_id) is not None) is fits
