"""The desk for trying an endpoint out: a sample of one event type, delivered to that endpoint alone."""

from zonehook import endpoints
from zonehook.catalogues import Catalogues
from zonehook.errors import Conflict, NotFound
from zonehook.fanout import Fanout
from zonehook.intake import Intake
from zonehook.offers import Offered
from zonehook.registry import Registry
from zonehook.store import deliveries
from zonehook.store.database import Database
from zonehook.store.deliveries import Delivery


class Trials:
    """Sends samples. They go the way of every event: signed, retried, recorded, counted in the endpoint's health."""

    def __init__(
        self, database: Database, registry: Registry, catalogues: Catalogues, intake: Intake, fanout: Fanout
    ) -> None:
        self._database = database
        self._registry = registry
        self._catalogues = catalogues
        self._intake = intake
        self._fanout = fanout

    async def send(self, account_id: int, endpoint_id: str, event_type: str | None) -> Delivery:
        """The delivery of a type's sample, whether the endpoint subscribes to that or not. `event_type` None: the first
        it subscribes to. The event is durable before the delivery is opened here, in advance of its workflow.

        Raises NotFound; Conflict when the endpoint takes nothing; Invalid for a type its dialect does not have;
        Unavailable.
        """
        endpoint = await self._registry.get(account_id, endpoint_id)
        inactive = endpoints.inactive_because(endpoint.disabled_at, endpoint.suppressed_at)
        if inactive is not None:
            raise Conflict.inactive(inactive)
        chosen, data, subject = await self._catalogues.sample(account_id, endpoint.dialect, endpoint.events, event_type)
        sample = Offered(type=chosen, data=data, subject=subject)
        event = await self._intake.accept_trial(account_id, endpoint.id, endpoint.dialect, sample)
        await self._fanout.open(event)
        opened = await self._database.read(deliveries.of_event, account_id, event.id)
        if not opened:  # it was deleted meanwhile
            raise NotFound.endpoint(endpoint_id)
        return opened[0]
