"""Beginning a source: what holds for it."""

from temporalio import activity

from activities.again import again_later
from zonehook.facts import Facts
from zonehook.sources.messages import OPEN_SOURCE, SourceOrder, SourceTerms


class Sourcing:
    """Holds the desk."""

    def __init__(self, facts: Facts) -> None:
        self._facts = facts

    @activity.defn(name=OPEN_SOURCE)
    async def open_source(self, order: SourceOrder) -> SourceTerms:
        """Fails, to be called again, while the database is away."""
        with again_later():
            return await self._facts.terms(order)
