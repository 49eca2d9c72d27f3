"""Public ids: sorted by time, or the same for the same key."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zonehook import clock, ids

ENTROPY = st.binary(min_size=ids.ENTROPY_BYTES, max_size=ids.ENTROPY_BYTES)
AT = datetime(2026, 7, 2, 12, tzinfo=UTC)


@given(ENTROPY, ENTROPY, st.integers(1, 10**12))
def test_later_ids_sort_later(one: bytes, other: bytes, milliseconds: int) -> None:
    """An id made at least a millisecond later sorts behind, whatever the dice say."""
    later = AT + timedelta(milliseconds=milliseconds)
    assert ids.time_ordered("dlv", AT, one) < ids.time_ordered("dlv", later, other)


@given(ENTROPY, ENTROPY)
def test_ids_of_the_same_moment_differ(one: bytes, other: bytes) -> None:
    """Within a millisecond every one of the 80 random bits counts."""
    assert (ids.time_ordered("dlv", AT, one) == ids.time_ordered("dlv", AT, other)) is (one == other)


@pytest.mark.parametrize("length", [0, 9, 11])
def test_an_id_takes_ten_random_bytes(length: int) -> None:
    """Fewer or more random bytes than an id holds are refused."""
    with pytest.raises(ValueError, match="10 bytes"):
        ids.time_ordered("dlv", AT, bytes(length))


@given(st.integers(1, 2**31), st.text(min_size=1, max_size=255))
def test_a_key_always_leads_to_the_same_id(account_id: int, key: str) -> None:
    """Publishing again with the same key arrives at the same id; another key or account does not."""
    derived = ids.derived("evt", account_id, key)
    assert derived == ids.derived("evt", account_id, key)
    assert derived != ids.derived("evt", account_id + 1, key)
    assert derived != ids.derived("evt", account_id, key + "x")


def test_account_and_key_do_not_run_together() -> None:
    """Account 1 with the key 23 is not account 12 with the key 3."""
    assert ids.derived("evt", 1, "23") != ids.derived("evt", 12, "3")


@given(ENTROPY, st.text(min_size=1, max_size=50))
def test_every_id_that_is_made_is_recognised(entropy: bytes, key: str) -> None:
    """Both kinds of ids have the form that the API accepts."""
    assert ids.is_id(ids.time_ordered("att", AT, entropy))
    assert ids.is_id(ids.derived("evt", 7, key))


@pytest.mark.parametrize(
    "text",
    ["", "dlv", "dlv_", "dlv_" + "0" * 25, "dlv_" + "0" * 27, "dlv_" + "A" * 26, "DLV_" + "0" * 26, "_" + "0" * 26,
     "dlv_" + "0" * 26 + "\n", " dlv_" + "0" * 26, "dlv_" + "0" * 25 + "/", "dlv_" + "٣" * 26, "a_" + "0" * 26],
)  # fmt: skip
def test_what_is_no_id_is_not_looked_for(text: str) -> None:
    """A text of another form is no id, so that it never reaches a database or a workflow's name."""
    assert not ids.is_id(text)


def test_fresh_ids_are_unique() -> None:
    """A thousand ids made in a row are a thousand."""
    made = [clock.new_id("evt") for _ in range(1000)]
    assert len(set(made)) == 1000
    assert all(ids.is_id(each) for each in made)
