"""The desk for looking things up: how deliveries stand, every attempt, what was sent, and how an endpoint does."""

from dataclasses import dataclass

from sqlalchemy import Connection

from zonehook import clock, dialects, health, verdicts
from zonehook.errors import NotFound
from zonehook.health import Health
from zonehook.store import deliveries, endpoints
from zonehook.store import health as recorded
from zonehook.store.cipher import Cipher
from zonehook.store.database import Database
from zonehook.store.deliveries import Delivery, DeliveryFilter, RecordedAttempt
from zonehook.store.pages import Page


@dataclass(frozen=True)
class DeliveryRequest:
    """What is sent, as it may be shown: no signature, nor the time it is made at, and no custom header's value."""

    url: str
    headers: dict[str, str]
    body: str


class Archive:
    """Changes nothing."""

    def __init__(self, database: Database, cipher: Cipher) -> None:
        self._database = database
        self._cipher = cipher

    async def get(self, account_id: int, delivery_id: str) -> Delivery:
        """Raises NotFound."""
        delivery = await self._database.read(deliveries.get, account_id, delivery_id)
        if delivery is None:
            raise NotFound.delivery(delivery_id)
        return delivery

    async def page(self, account_id: int, wanted: DeliveryFilter, limit: int, cursor: str | None) -> Page[Delivery]:
        return await self._database.read(deliveries.page, account_id, wanted, limit, cursor)

    async def attempts(self, account_id: int, delivery_id: str) -> list[RecordedAttempt]:
        """Every attempt, the first one first. Raises NotFound."""
        await self.get(account_id, delivery_id)
        return await self._database.read(deliveries.attempts_of, account_id, delivery_id)

    async def health(self, account_id: int, endpoint_id: str) -> Health:
        """How an endpoint does, by the attempts that were recorded. Raises NotFound."""
        found = await self._database.read(_health, account_id, endpoint_id)
        if found is None:
            raise NotFound.endpoint(endpoint_id)
        return found

    async def request(self, account_id: int, delivery_id: str) -> DeliveryRequest:
        """What is sent, without what must not be shown. Raises NotFound."""
        row = await self._database.read(deliveries.duty, account_id, delivery_id)
        if row is None:
            raise NotFound.delivery(delivery_id)
        secret = self._cipher.open(row.secret)
        secrets = (secret,) if secret else ()
        sent = dialects.headers(row.dialect, secrets, delivery_id, row.created_at, row.body, row.test)
        # Content and id are the same on every attempt; all others are signatures, their times, or the user's own
        hidden = [*(sent.keys() - _SHOWN), *self._cipher.open_map(row.headers)]
        return DeliveryRequest(row.url, sent | dict.fromkeys(hidden, "[redacted]"), row.body.decode())


def _health(conn: Connection, account_id: int, endpoint_id: str) -> Health | None:
    endpoint = endpoints.get(conn, account_id, endpoint_id)
    if endpoint is None:
        return None
    policy = dialects.named(endpoint.dialect).policy
    confirming = verdicts.confirming(policy)
    tallies = recorded.tallies(conn, account_id, endpoint_id, clock.now() - health.SPAN)
    failure = recorded.last_failure(conn, account_id, endpoint_id, confirming)
    return Health(
        status=endpoint.status,
        consecutive_failures=endpoint.consecutive_failures,
        last_success_at=recorded.last_success(conn, account_id, endpoint_id, confirming),
        last_failure_at=failure.at if failure else None,
        last_error=failure.error if failure else None,
        attempts_24h=sum(each.made for each in tallies),
        success_rate_24h=health.success_rate(tallies, policy),
        p50_ms=health.within_ms(tallies, 0.5),
        p95_ms=health.within_ms(tallies, 0.95),
    )


_SHOWN = {"content-type", "user-agent", "webhook-id", "zonehook-test"}
