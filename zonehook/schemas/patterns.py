"""Regular expressions whose time grows with the text alone: RE2's, which has no backtracking."""

import functools
from typing import Any

import re2

LONGEST_TEXT = 4096
_MOST_MEMORY = 128 * 1024  # of a compiled expression: x{1000} and its like end here
_OPTIONS = re2.Options()
_OPTIONS.max_mem = _MOST_MEMORY
_OPTIONS.log_errors = False
_OPTIONS.never_capture = True


def pattern_problem(pattern: str) -> str | None:
    """Why a pattern is not taken, as a sentence; None when it is."""
    try:
        _compiled(pattern)
    except re2.error as problem:
        told = problem.args[0].decode(errors="replace") if problem.args else "it cannot be read"
        return f"this pattern is not taken ({told}); write it in RE2's syntax: no look-around, no backreferences"
    except UnicodeEncodeError:
        return "this pattern has half of a character; write the whole one"
    return None


def matches(pattern: str, text: str) -> bool:
    """Whether it is found anywhere in a text of at most LONGEST_TEXT characters."""
    return _compiled(pattern).search(text.encode("utf-8", "surrogatepass")) is not None


@functools.lru_cache(maxsize=1024)
def _compiled(pattern: str) -> Any:
    return re2.compile(pattern.encode(), _OPTIONS)
