"""JSON text as the values that a schema speaks of; numbers that cannot be computed with are refused."""

import json
import math
from typing import Any

_LONGEST_NUMBER = 300


class NotComparable(Exception):
    """Of a document that no schema can be held against. Says why, in words that follow "it"."""


def parse(text: str) -> Any:
    """The value of well-formed JSON. Raises NotComparable."""
    try:
        return json.loads(text, parse_int=_whole, parse_float=_fraction)
    except RecursionError:
        raise NotComparable("nests too deep") from None


def _whole(spelling: str) -> int:
    if len(spelling) > _LONGEST_NUMBER:
        raise NotComparable(f"has a number of more than {_LONGEST_NUMBER} digits")
    return int(spelling)


def _fraction(spelling: str) -> float:
    number = float(spelling)
    if math.isinf(number):
        raise NotComparable("has a number that is too large")
    return number
