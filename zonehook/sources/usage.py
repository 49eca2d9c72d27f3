"""What a customer of CaptainDNS uses: thresholds of each period, months billed, and unusual traffic on a key."""

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Annotated, Any

from pydantic import Field, StrictBool, ValidationInfo, field_validator

from zonehook.errors import Conflict
from zonehook.moments import timestamp
from zonehook.reading import Text
from zonehook.sources.api_key import Prefix
from zonehook.sources.messages import SourceTerms
from zonehook.sources.source import Count, Derived, Fact, Name, Source, Step, Told, When, check_end, matching

_PERCENT = (80, 100, 120)
_SPIKE = 10  # times the average
_KEPT_PERIODS = 3  # counts of the last one still come in when the next has begun
_KEPT_MONTHS = 36
_KEPT_KEYS = 500
_SILENCE = timedelta(minutes=5)  # after so much of it, what was unusual is over


class Consumed(Fact):
    """All that was consumed so far in a period."""

    period_start: When
    period_end: When
    consumed: Count
    limit: Annotated[Count, Field(ge=1)]

    @field_validator("period_end")
    @classmethod
    def _after_its_start(cls, end: datetime, info: ValidationInfo) -> datetime:
        if "period_start" in info.data and end <= info.data["period_start"]:
            raise ValueError("a period ends after its start")
        return end


class Billed(Fact):
    """The overage of a month was to be billed, and was or was not."""

    period: Annotated[str, matching(r"2[01][0-9]{2}-(0[1-9]|1[0-2])", "send a month such as 2026-06")]
    succeeded: StrictBool
    credits: Count
    amount: Annotated[str, matching(r"[0-9]{1,12}(\.[0-9]{1,4})?", "send an amount such as 18.75, as a string")]
    currency: Annotated[str, matching(r"[A-Z]{3}", "send a currency such as EUR")]
    provider: Annotated[Text, Field(min_length=1, max_length=60)]


class Requested(Fact):
    """The requests of a minute on a key, and how many of them were answered 429."""

    key_id: Name
    key_prefix: Prefix
    minute: When
    requests: Count
    throttled: Count = 0


class Closed(Fact):
    """Nothing more is used."""


@dataclass(frozen=True)
class Period:
    """`as_of`: when what is known of it was so. `reached`: the thresholds that were told."""

    start: datetime
    as_of: datetime
    reached: tuple[int, ...] = ()


@dataclass(frozen=True)
class Traffic:
    """A key's: `average` of requests a minute over so many `minutes`; what was unusual in the last that was told."""

    minute: datetime
    average: float = 0.0
    minutes: int = 0
    unusual: tuple[str, ...] = ()


@dataclass(frozen=True)
class Usage:
    """`begun_at`: as of its first fact. Of periods, months and keys the latest are kept."""

    begun_at: datetime
    periods: tuple[Period, ...] = ()
    billed: tuple[str, ...] = ()
    traffic: dict[str, Traffic] = field(default_factory=dict)


def hear(state: Usage | None, fact: Fact, told: Told) -> Step[Usage]:
    """Any fact begins it. Repeated facts, and those older than one of their kind that counted, change nothing."""
    state = state or Usage(told.at)
    if isinstance(fact, Consumed):
        return _consumed(state, fact, told)
    if isinstance(fact, Billed):
        return _billed(state, fact, told)
    if isinstance(fact, Requested):
        return _requested(state, fact, told)
    check_end(state.begun_at, fact)
    return Step(None)


def _consumed(state: Usage, fact: Consumed, told: Told) -> Step[Usage]:
    if fact.period_start > told.at:  # it would be kept, and the real ones be over
        raise Conflict("not_yet", "period_start: it begins later than the moment that this fact is about")
    others = tuple(each for each in state.periods if each.start != fact.period_start)
    if len(others) == _KEPT_PERIODS and fact.period_start < others[0].start:
        raise Conflict("period_is_over", "this period is over; three later ones are known")
    known = next((each for each in state.periods if each not in others), Period(fact.period_start, told.at))
    if told.at < known.as_of:
        return Step(state)
    crossed = tuple(each for each in _PERCENT if 100 * fact.consumed >= each * fact.limit and each not in known.reached)
    known = replace(known, as_of=told.at, reached=known.reached + crossed)
    periods = sorted((*others, known), key=lambda each: each.start)[-_KEPT_PERIODS:]
    return Step(replace(state, periods=tuple(periods)), tuple(_reached(each, fact, told) for each in crossed))


def _reached(percent: int, fact: Consumed, told: Told) -> Derived:
    data = {
        "threshold_percent": percent,
        "consumed": fact.consumed,
        "limit": fact.limit,
        "period_start": timestamp(fact.period_start),
        "period_end": timestamp(fact.period_end),
    }
    return Derived("usage.threshold_reached", data, told.at)


def _billed(state: Usage, fact: Billed, told: Told) -> Step[Usage]:
    if not fact.succeeded or fact.period in state.billed:
        return Step(state)
    if len(state.billed) == _KEPT_MONTHS and fact.period < state.billed[0]:
        raise Conflict("period_is_over", "this month is too long ago to tell whether it was billed before")
    billed = tuple(sorted((*state.billed, fact.period))[-_KEPT_MONTHS:])
    data = {
        "credits": fact.credits,
        "amount": fact.amount,
        "currency": fact.currency,
        "period": fact.period,
        "provider": fact.provider,
    }
    return Step(replace(state, billed=billed), (Derived("usage.overage_reported", data, told.at),))


def _requested(state: Usage, fact: Requested, told: Told) -> Step[Usage]:
    if fact.minute > told.at:
        raise Conflict("not_yet", "minute: it begins later than the moment that this fact is about")
    known = state.traffic.get(fact.key_id)
    if known is not None and fact.minute <= known.minute:
        return Step(state)
    known = known or Traffic(fact.minute)
    alerts = _unusual(known, fact, told.terms)
    weight = min(known.minutes + 1, told.terms.alert_window)
    now = Traffic(
        minute=fact.minute,
        average=known.average + (fact.requests - known.average) / weight,
        minutes=known.minutes + 1,
        unusual=tuple(each["kind"] for each in alerts),
    )
    traffic = {**state.traffic, fact.key_id: now}
    if len(traffic) > _KEPT_KEYS:
        del traffic[min(traffic, key=lambda key: (traffic[key].minute, key))]
    lasting = known.unusual if fact.minute - known.minute <= _SILENCE else ()
    fresh = [each for each in alerts if each["kind"] not in lasting]
    return Step(replace(state, traffic=traffic), tuple(_alert(each, fact, told) for each in fresh))


def _unusual(known: Traffic, fact: Requested, terms: SourceTerms) -> list[dict[str, Any]]:
    """What is, in this minute, as the events tell it. A key that is hardly used counts as used once a minute."""
    found: list[dict[str, Any]] = []
    factor = fact.requests / max(known.average, 1.0)
    if known.minutes >= terms.alert_sample and fact.requests >= terms.alert_requests and factor >= _SPIKE:
        found.append({"kind": "spike", "factor": round(factor, 1), "average_per_minute": round(known.average)})
    if fact.throttled >= terms.alert_requests:
        found.append({"kind": "rate_limit_storm", "throttled_per_minute": fact.throttled})
    return found


def _alert(alert: dict[str, Any], fact: Requested, told: Told) -> Derived:
    data = {
        "key_id": fact.key_id,
        "key_prefix": fact.key_prefix,
        **alert,
        "requests_per_minute": fact.requests,
        "detected_at": timestamp(told.at),
    }
    return Derived("monitoring.alert", data, told.at)


def due(state: Usage) -> None:
    """Nothing comes with time alone."""


def tick(state: Usage, told: Told) -> Step[Usage]:
    return Step(state)


SOURCE = Source(
    name="usage",
    facts={"consumed": Consumed, "billed": Billed, "requested": Requested, "closed": Closed},
    types=("usage.threshold_reached", "usage.overage_reported", "monitoring.alert"),
    state=Usage,
    hear=hear,
    due=due,
    tick=tick,
)
