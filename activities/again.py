"""Failing so that Temporal calls again."""

import contextlib
from collections.abc import Iterator

from temporalio.exceptions import ApplicationError, ApplicationErrorCategory

from zonehook.errors import Unavailable


@contextlib.contextmanager
def again_later() -> Iterator[None]:
    """While something of ours is away the activity fails with its sentence, to be called again; nobody's alarm."""
    try:
        yield
    except Unavailable as problem:
        raise ApplicationError(problem.message, category=ApplicationErrorCategory.BENIGN) from None
