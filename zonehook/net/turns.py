"""No host, however slow, holds so many of this worker's slots that others wait for it."""

import contextlib
import itertools
import time
from collections.abc import Iterator

from zonehook.errors import Unavailable

_SLOW_SECONDS = 1.0
_SLOW_AT_ONCE = 50  # of the worker's slots, for one host


class Turns:
    """Counts what is under way by host. Only what is slow counts: a host that answers at once may have every slot."""

    def __init__(self) -> None:
        self._began: dict[str, dict[object, float]] = {}

    @contextlib.contextmanager
    def turn(self, host: str) -> Iterator[None]:
        """Raises Unavailable, for another time, while too many exchanges with this host are slow already."""
        under_way = self._began.setdefault(host, {})
        now = time.monotonic()
        # In the order they began: if this one is slow, so are all before it
        decisive = next(itertools.islice(under_way.values(), _SLOW_AT_ONCE - 1, None), now)
        if now - decisive > _SLOW_SECONDS:
            raise Unavailable("host_busy", f"{_SLOW_AT_ONCE} attempts to {host} are waiting for its answer already")
        token = object()
        under_way[token] = now
        try:
            yield
        finally:
            del under_way[token]
            if not under_way:
                self._began.pop(host, None)
