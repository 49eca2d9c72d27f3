"""API keys: how they look and what is remembered of them."""

import re

from hypothesis import given
from hypothesis import strategies as st

from zonehook import keys

ENTROPY = st.binary(min_size=keys.ENTROPY_BYTES, max_size=keys.ENTROPY_BYTES)


@given(ENTROPY)
def test_a_key_is_recognisable_and_safe_to_paste(entropy: bytes) -> None:
    """`zhk_` and 43 characters that need no quoting in a shell, a URL or a header."""
    assert re.fullmatch(r"zhk_[A-Za-z0-9_-]{43}", keys.api_key(entropy))


@given(ENTROPY, ENTROPY)
def test_keys_and_digests_differ_with_their_bytes(one: bytes, other: bytes) -> None:
    """All 256 random bits are in the key, and two keys are never remembered as one."""
    assert (keys.api_key(one) == keys.api_key(other)) is (one == other)
    assert (keys.digest(keys.api_key(one)) == keys.digest(keys.api_key(other))) is (one == other)


def test_the_digest_does_not_give_the_key_away() -> None:
    """What is stored has nothing of the key in it and is the same every time."""
    key = keys.api_key(bytes(range(32)))
    assert keys.digest(key) == keys.digest(key)
    assert re.fullmatch(r"[0-9a-f]{64}", keys.digest(key))
    assert key.removeprefix("zhk_")[:8] not in keys.digest(key)
