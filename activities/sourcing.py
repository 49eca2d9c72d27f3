"""Beginning a source: what holds for it."""

from temporalio import activity
from temporalio.exceptions import ApplicationError, ApplicationErrorCategory

from zonehook.errors import Unavailable
from zonehook.facts import Facts
from zonehook.sources.messages import OPEN_SOURCE, SourceOrder, SourceTerms


class Sourcing:
    """Holds the desk."""

    def __init__(self, facts: Facts) -> None:
        self._facts = facts

    @activity.defn(name=OPEN_SOURCE)
    async def open_source(self, order: SourceOrder) -> SourceTerms:
        """Fails, to be called again, while the database is away."""
        try:
            return await self._facts.terms(order)
        except Unavailable as problem:
            raise ApplicationError(problem.message, category=ApplicationErrorCategory.BENIGN) from None
