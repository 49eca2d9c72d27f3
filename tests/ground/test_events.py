"""What an event's type may be, how deep its data may nest, and when two events are the same."""

import json
import random
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zonehook import events, moments

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)
GOOD_TYPES = [
    "domain.create", "domain.renew:started", "domain.registrant_change:cancelled", "a.b", "a.b.c.d",
    "zone_record.create", "api_key.expires_soon", "domain.flow.completed", "v2.x_1:y_2", "1.2", "_._", "a." + "b" * 98,
]  # fmt: skip
BAD_TYPES = [
    "", "domain", "Domain.create", "domain.Create", "domain.create ", " domain.create", "domain.create\n",
    "domain create", "domain-name.create", ".create", "domain.", "domain..create", "domain.create:", "domain:started",
    ":started", "domain.create:started:again", "domain.create:started.now", "domain/create", "domäne.create",
    "domain.*", "*", "domain.create\0", "a." + "b" * 99,
]  # fmt: skip


@pytest.mark.parametrize("name", GOOD_TYPES)
def test_a_type_is_object_and_action(name: str) -> None:
    """Lower-case words with dots between, an optional state behind a colon, up to 100 characters."""
    assert events.type_problem(name) is None


@pytest.mark.parametrize("name", BAD_TYPES)
def test_other_types_are_refused_with_a_sentence(name: str) -> None:
    """A malformed type is refused, and the sentence says how one is written."""
    problem = events.type_problem(name)
    assert problem is not None
    assert "domain.create" in problem or "100 characters" in problem


@pytest.mark.parametrize(
    ("at", "text"),
    [
        (datetime(2026, 7, 2, 12, 0, 0, tzinfo=UTC), "2026-07-02T12:00:00Z"),
        (datetime(2026, 7, 2, 12, 0, 0, 999_999, tzinfo=UTC), "2026-07-02T12:00:00Z"),
        (datetime(2026, 7, 2, 1, 30, tzinfo=timezone(timedelta(hours=5, minutes=30))), "2026-07-01T20:00:00Z"),
        (datetime(2026, 1, 1, tzinfo=timezone(timedelta(hours=-8))), "2026-01-01T08:00:00Z"),
        (datetime(999, 1, 1, tzinfo=UTC), "0999-01-01T00:00:00Z"),
    ],
)
def test_times_are_written_in_utc_to_the_second(at: datetime, text: str) -> None:
    """Every time on the wire is UTC with a Z, whatever zone it came in."""
    assert moments.timestamp(at) == text


@pytest.mark.parametrize(
    "text",
    [
        "[" * 500 + "]" * 500,
        '{"a":' * 500 + "1" + "}" * 500,
        "[" + "[]," * 5000 + "[]]",
        json.dumps(["[" * 5000, "{" * 5000]),
        json.dumps(['"[' * 5000, "\\" * 5001 + "{" * 600]),
        json.dumps({"[" * 600: "]" * 600}),
    ],
)
def test_data_may_nest_500_levels(text: str) -> None:
    """500 levels are fine, and brackets beside each other or inside strings are no levels."""
    json.loads(text)
    assert not events.is_too_deep(text)


@pytest.mark.parametrize(
    "text",
    [
        "[" * 501 + "]" * 501,
        '{"a":' * 501 + "1" + "}" * 501,
        '["\\"",' + '[{"]":' * 250 + "[1]" + "}]" * 250 + "]",
        "[" * 100_000 + "]" * 100_000,
    ],
)
def test_data_may_not_nest_deeper(text: str) -> None:
    """501 levels are too deep, and finding that out needs no recursion."""
    assert events.is_too_deep(text)


def _shuffled(value: Any, dice: random.Random) -> Any:
    if isinstance(value, dict):
        keys = list(value)
        dice.shuffle(keys)
        return {key: _shuffled(value[key], dice) for key in keys}
    return [_shuffled(each, dice) for each in value] if isinstance(value, list) else value


@given(JSON, st.randoms())
def test_order_of_keys_and_white_space_do_not_matter(data: Any, dice: random.Random) -> None:
    """The same content written another way is the same event."""
    written = json.dumps(data)
    other_way = json.dumps(_shuffled(data, dice), indent=3, ensure_ascii=False, separators=(" ,", " : "))
    assert events.fingerprint(("domain.create",), (written,)) == events.fingerprint(("domain.create",), (other_way,))


@given(JSON, JSON)
def test_other_content_is_another_event(one: Any, other: Any) -> None:
    """Two documents share a fingerprint only when they say the same."""
    is_same = json.dumps(one, sort_keys=True) == json.dumps(other, sort_keys=True)
    assert (events.fingerprint((), (json.dumps(one),)) == events.fingerprint((), (json.dumps(other),))) is is_same


def test_numbers_count_as_they_are_written() -> None:
    """1, 1.0, "1" and their like are different content, since a receiver would see different bytes."""
    spellings = ["1", "1.0", '"1"', "1.00", "1e0", "10e-1", "-1", "[1]", '{"1":1}', "true", "null", '"null"', "[]"]
    assert len({events.fingerprint((), (f'{{"a":{each}}}',)) for each in spellings}) == len(spellings)


@pytest.mark.parametrize(
    "text", ['["number","1"]', '{"number":"1"}', '"number1"', '"\\u00001"', '["1"]', '[["number","1"]]']
)
def test_nothing_else_counts_as_a_number(text: str) -> None:
    """No list, object or text that a producer can write has the fingerprint of the number 1."""
    assert events.fingerprint((), (text,)) != events.fingerprint((), ("1",))


def test_texts_count_letter_by_letter_and_in_their_place() -> None:
    """Type, subject and the rest are not interchangeable, and nothing is not the same as an empty text."""
    seen = {
        events.fingerprint(texts, documents)
        for texts, documents in [
            (("a", None), ("{}",)), ((None, "a"), ("{}",)), (("", "a"), ("{}",)), (("a", ""), ("{}",)),
            (("A", None), ("{}",)), (("a", None), (None,)), (("a", None), ("null",)), (("a", None), ('"{}"',)),
        ]
    }  # fmt: skip
    assert len(seen) == 8


@pytest.mark.parametrize(
    "text", ["NaN", "Infinity", "-Infinity", '{"a":NaN}', "[1,-Infinity]", "", "{", "{'a':1}", "1 2"]
)
def test_what_is_not_json_has_no_fingerprint(text: str) -> None:
    """NaN and the infinities are refused like any other text that is not JSON."""
    with pytest.raises(ValueError, match=r".+"):
        events.fingerprint((), (text,))


def test_monstrous_numbers_are_not_computed() -> None:
    """Numbers beyond what a machine holds are compared by their spelling."""
    huge, huger = "1" * 5000, "1" * 5001
    assert events.fingerprint((), (huge,)) != events.fingerprint((), (huger,))
    assert events.fingerprint((), ("1e400",)) != events.fingerprint((), ("1e401",))
