"""Every role, with a key of every scope, an outsider and the operator, at every call there is."""

import asyncio
import itertools
import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import pytest_asyncio

from tests.acceptance.recovering import LONG_AGO
from tests.api import shapes
from tests.receiver import Receiver
from tests.running import Account, House

ROLES = ("owner", "admin", "member")
SCOPES = ("manage", "read", "publish")
Who = frozenset[tuple[str, str]]


def _who(roles: str, scopes: str) -> Who:
    return frozenset(itertools.product(roles.split(), scopes.split()))


LOOK = _who("owner admin member", "manage read")
READ_THE_LOG = _who("owner admin", "manage read")
PUBLISH = _who("owner admin", "manage publish")
CHANGE = _who("owner admin", "manage")
NOBODY: Who = frozenset()  # of an account: the operator alone
IN_A_DAY = (datetime.now(UTC) + timedelta(days=1)).isoformat()
ENDPOINT = {"url": "https://127.0.0.1:9/", "events": []}


@dataclass(frozen=True)
class Call:
    """Who may make it; what it answers them; what it takes. `outsider`: what another account's owner gets."""

    who: Who
    status: int
    body: Any = None
    outsider: int = 404


TABLE = {
    "POST /v1/webhook-endpoints": Call(CHANGE, 201, ENDPOINT, outsider=201),
    "GET /v1/webhook-endpoints": Call(LOOK, 200, outsider=200),
    "GET /v1/webhook-endpoints/{endpoint_id}": Call(LOOK, 200),
    "PATCH /v1/webhook-endpoints/{endpoint_id}": Call(CHANGE, 200, {"description": "changed"}),
    "DELETE /v1/webhook-endpoints/{endpoint_id}": Call(CHANGE, 204),
    "POST /v1/webhook-endpoints/{endpoint_id}/disable": Call(CHANGE, 200),
    "POST /v1/webhook-endpoints/{endpoint_id}/enable": Call(CHANGE, 200),
    "POST /v1/webhook-endpoints/{endpoint_id}/clear-suppression": Call(CHANGE, 200),
    "POST /v1/webhook-endpoints/{endpoint_id}/rotate-secret": Call(CHANGE, 200),
    "POST /v1/webhook-endpoints/{endpoint_id}/test": Call(CHANGE, 202),
    "POST /v1/webhook-endpoints/{endpoint_id}/reveal-secret": Call(CHANGE, 200),
    "GET /v1/webhook-endpoints/{endpoint_id}/health": Call(LOOK, 200),
    "POST /v1/events": Call(PUBLISH, 202, {"type": "domain.delete", "data": {}}, outsider=202),
    "POST /v1/signals/{source}/{id}/{signal}": Call(PUBLISH, 202, {"host": "home.example.net"}, outsider=202),
    "POST /v1/events/batch": Call(PUBLISH, 202, {"events": [{"type": "domain.delete", "data": {}}] * 2}, outsider=202),
    "GET /v1/events": Call(LOOK, 200, outsider=200),
    "GET /v1/events/{event_id}": Call(LOOK, 200),
    "PATCH /v1/events/{event_id}": Call(PUBLISH, 200, {"deliver_at": IN_A_DAY}),
    "POST /v1/events/{event_id}/cancel": Call(PUBLISH, 200),
    "GET /v1/webhook-deliveries": Call(LOOK, 200, outsider=200),
    "GET /v1/webhook-deliveries/{delivery_id}": Call(LOOK, 200),
    "GET /v1/webhook-deliveries/{delivery_id}/attempts": Call(LOOK, 200),
    "POST /v1/webhook-deliveries/{delivery_id}/replay": Call(CHANGE, 202),
    # Let through, and then there is nothing to retry or to cancel: the delivery has ended
    "POST /v1/webhook-deliveries/{delivery_id}/retry-now": Call(CHANGE, 409),
    "POST /v1/webhook-deliveries/{delivery_id}/cancel": Call(CHANGE, 409),
    # Let through: who missed nothing is recovered at once, and then there is nothing to steer any more
    "POST /v1/webhook-endpoints/{endpoint_id}/recover": Call(CHANGE, 202, {"since": LONG_AGO}),
    "GET /v1/recoveries": Call(LOOK, 200, outsider=200),
    "GET /v1/recoveries/{recovery_id}": Call(LOOK, 200),
    "POST /v1/recoveries/{recovery_id}/pause": Call(CHANGE, 409),
    "POST /v1/recoveries/{recovery_id}/resume": Call(CHANGE, 409),
    "POST /v1/recoveries/{recovery_id}/cancel": Call(CHANGE, 409),
    "POST /v1/event-types": Call(CHANGE, 201, {"name": ""}, outsider=201),
    "GET /v1/event-types": Call(LOOK, 200, outsider=200),
    "GET /v1/event-types/{name}": Call(LOOK, 200),
    "PATCH /v1/event-types/{name}": Call(CHANGE, 200, {"description": "changed"}),
    "DELETE /v1/event-types/{name}": Call(CHANGE, 204),
    "GET /v1/account": Call(LOOK, 200, outsider=200),
    "POST /v1/members": Call(CHANGE, 201, {"email": "", "role": "member"}, outsider=201),
    "GET /v1/members": Call(LOOK, 200, outsider=200),
    "PATCH /v1/members/{member_id}": Call(CHANGE, 200, {"role": "admin"}),
    "DELETE /v1/members/{member_id}": Call(CHANGE, 204),
    "POST /v1/api-keys": Call(CHANGE, 201, {"name": "new", "scope": "read"}, outsider=201),
    "GET /v1/api-keys": Call(CHANGE, 200, outsider=200),
    "POST /v1/api-keys/{key_id}/rotate": Call(CHANGE, 200),
    "DELETE /v1/api-keys/{key_id}": Call(CHANGE, 204),
    "GET /v1/audit-log": Call(READ_THE_LOG, 200, outsider=200),
    "POST /public/v1/resolve": Call(LOOK, 200, {"domain": "canary.example"}, outsider=200),
    "GET /v2/whoami": Call(LOOK, 200, outsider=200),
    "GET /v2/accounts": Call(LOOK, 200, outsider=200),
    "POST /v2/{account}/webhooks": Call(CHANGE, 201, {"url": "https://127.0.0.1:9/v2"}),
    "GET /v2/{account}/webhooks": Call(LOOK, 200),
    "GET /v2/{account}/webhooks/{webhook}": Call(LOOK, 200),
    "GET /v2/{account}/webhook/{webhook}": Call(LOOK, 200),
    "DELETE /v2/{account}/webhooks/{webhook}": Call(CHANGE, 204),
    "POST /v1/accounts": Call(NOBODY, 201, {"name": "new"}, outsider=403),
    "GET /v1/accounts": Call(NOBODY, 200, outsider=403),
    "GET /v1/accounts/{account_id}": Call(NOBODY, 200, outsider=403),
    "PATCH /v1/accounts/{account_id}": Call(NOBODY, 200, {"name": "changed"}, outsider=403),
}
FOR_EVERYBODY = {"GET /healthz", "GET /readyz", "GET /metrics", "GET /ips"}
LISTS = [name.removeprefix("GET ") for name in TABLE if name.startswith("GET /v1/") and "{" not in name]


class Company:
    """An account with a key of every scope for an owner, an admin and a member, and something of everything."""

    def __init__(self, owner: Account, keys: dict[tuple[str, str], Account], receiver: Receiver) -> None:
        self.owner = owner
        self.keys = keys
        self._receiver = receiver
        self._numbers = itertools.count()

    def email(self) -> str:
        return f"person-{next(self._numbers)}@company.example"

    def name(self) -> str:
        return f"own.type_{'x' * (next(self._numbers) + 1)}"

    async def fresh(self, path: str) -> dict[str, Any]:
        """An object of each kind that the path speaks of, which nothing happened to before."""
        made: dict[str, Any] = {"account_id": self.owner.id, "account": self.owner.id}
        if "{webhook}" in path:
            path_of_all = f"/v2/{self.owner.id}/webhooks"
            registered = await self.owner.call("POST", path_of_all, body={"url": "https://127.0.0.1:9/"}, status=201)
            made["webhook"] = registered["data"]["id"]
        if "endpoint_id" in path:
            endpoint = await self.owner.register(self._receiver.mailbox().url, events=["domain.create"])
            made["endpoint_id"] = endpoint["id"]
        if "recovery_id" in path:
            endpoint = await self.owner.register(self._receiver.mailbox().url, events=["domain.never"])
            made["recovery_id"] = (await self._recovered(endpoint["id"]))["id"]
        if "event_id" in path or "delivery_id" in path:
            endpoint = await self.owner.register(self._receiver.mailbox().url, events=["zone.create"])
            made["event_id"] = (await self.owner.publish("zone.create"))["id"]
            [delivery] = await self.owner.settled(made["event_id"])
            made["delivery_id"] = delivery["id"]
            await self.owner.call("PATCH", f"/v1/webhook-endpoints/{endpoint['id']}", body=_DEAF, status=200)
        if "{source}" in path:
            made |= {"source": "host", "id": f"host-{next(self._numbers)}", "signal": "created"}
        if path.startswith("PATCH /v1/events/") or path.endswith("{event_id}/cancel"):
            made["event_id"] = (await self.owner.publish("zone.create", deliver_at=IN_A_DAY))["id"]
            await self.quiet({"id": made["event_id"]})
        if "{name}" in path:
            made["name"] = self.name()
            await self.owner.call("POST", "/v1/event-types", body={"name": made["name"]}, status=201)
        if "member_id" in path:
            wanted = {"email": self.email(), "role": "member"}
            made["member_id"] = (await self.owner.call("POST", "/v1/members", body=wanted, status=201))["id"]
        if "key_id" in path:
            member_id = (await self.fresh("{member_id}"))["member_id"]
            made["key_id"] = (await _key(self.owner, member_id, "read"))["id"]
        return made

    async def send(self, account: Account, name: str, made: dict[str, Any]) -> Any:
        method, _, path = name.partition(" ")
        body = TABLE[name].body
        if name == "POST /v1/members":
            body = {**body, "email": self.email()}
        if name == "POST /v1/event-types":
            body = {**body, "name": self.name()}
        return await account.client.request(method, path.format(**made), json=body)

    async def _recovered(self, endpoint_id: str) -> Any:
        """A recovery of nothing, once it is over."""
        path = f"/v1/webhook-endpoints/{endpoint_id}/recover"
        return await self._over(await self.owner.call("POST", path, body={"since": LONG_AGO}, status=202))

    async def _over(self, recovery: Any) -> Any:
        async with asyncio.timeout(60):
            while recovery["status"] == "running":
                await asyncio.sleep(0.02)  # the API tells how things stand, not when they change
                recovery = await self.owner.call("GET", f"/v1/recoveries/{recovery['id']}", status=200)
        return recovery

    async def quiet(self, answer: Any) -> None:
        """Awaits what an accepted event, fact or delivery still does by itself: no change of the next call's."""
        if "statuses" in answer:
            await self._over(answer)
            return
        if "data" in answer:
            for each in answer["data"]:
                await self.quiet(each)
            return
        if "event_id" in answer:
            await self.owner.settled(answer["event_id"])
            return
        async with asyncio.timeout(60):
            while True:
                listed = (await self.owner.call("GET", "/v1/events", status=200))["data"]
                is_opened = all(each["status"] != "accepted" for each in listed)
                if is_opened and answer["id"] in [told for each in listed for told in (each["id"], each["subject"])]:
                    return
                await asyncio.sleep(0.02)  # the API tells how things stand, not when they change

    async def state(self) -> list[Any]:
        """All there is to see."""
        return [
            await self.owner.call("GET", path, params={"limit": 200}, status=200)
            for path in LISTS
            if path not in ("/v1/accounts",)
        ]


_DEAF = {"events": ["domain.never"]}


async def _key(owner: Account, member_id: str, scope: str) -> Any:
    wanted = {"name": scope, "scope": scope, "member_id": member_id}
    return await owner.call("POST", "/v1/api-keys", body=wanted, status=201)


@pytest_asyncio.fixture
async def company(house: House, receiver: Receiver) -> Company:
    owner = await house.new_account()
    keys = {}
    for role in ROLES:
        wanted = {"email": f"{role}@company.example", "role": role}
        member = await owner.call("POST", "/v1/members", body=wanted, status=201)
        for scope in SCOPES:
            # A member may do nothing with a key that publishes: it was made while they were an admin
            promoted = role == "member" and scope == "publish"
            path = f"/v1/members/{member['id']}"
            if promoted:
                await owner.call("PATCH", path, body={"role": "admin"}, status=200)
            made = await _key(owner, member["id"], scope)
            keys[role, scope] = house.with_key(made["key"], owner.id)
            if promoted:
                await owner.call("PATCH", path, body={"role": "member"}, status=200)
    return Company(owner, keys, receiver)


async def test_every_call_is_in_the_table(account: Account) -> None:
    """No call of the OpenAPI document is left out of the table, and none is in it that is not there."""
    document = await account.call("GET", "/openapi.json", status=200)
    described = {f"{method.upper()} {path}" for path, calls in document["paths"].items() for method in calls}

    assert described - FOR_EVERYBODY == set(TABLE)


@pytest.mark.rows("NOV-52", "NOV-53", "NOV-54", "NOV-55", "NOV-56", "NOV-57", "NOV-58", "NOV-59", "NOV-60")
@pytest.mark.parametrize("name", TABLE)
async def test_who_may(house: House, company: Company, name: str) -> None:
    """Each key may do exactly what the table says; a refusal is a 403 with a sentence and changes nothing."""
    call = TABLE[name]
    for holder, account in company.keys.items():
        made = await company.fresh(name)
        if holder in call.who:
            answer = await company.send(account, name, made)
            assert answer.status_code == call.status, (holder, answer.text)
            if answer.status_code == 202:
                await company.quiet(answer.json())
            continue
        before = await company.state()
        message = _forbidden(await company.send(account, name, made), name)
        assert re.search(r"only|may look but change nothing|operator's key", message), (holder, message)
        assert await company.state() == before, holder


def _forbidden(answer: Any, name: str) -> str:
    """The sentence of a 403, in the shape of the surface that was addressed."""
    if " /v2/" not in name:
        error = shapes.refusal(answer, 403)
        assert error["code"] == "forbidden"
        return str(error["message"])
    assert (answer.status_code, answer.json().keys()) == (403, {"message"})
    return str(answer.json()["message"])


@pytest.mark.rows("NOV-60")
@pytest.mark.parametrize("name", TABLE)
async def test_outsiders(house: House, company: Company, name: str) -> None:
    """Another account's owner finds none of it; the operator's key opens accounts alone, an unknown one nothing."""
    call = TABLE[name]
    made = await company.fresh(name)
    outsider = await house.new_account()
    before = await company.state()

    answer = await company.send(outsider, name, made)
    by_operator = await company.send(house.operator(), name, made)
    unknown = await company.send(house.with_key(f"zhk_{'A' * 43}"), name, made)

    assert answer.status_code == call.outsider, answer.text
    if name != "POST /v1/members":  # which answers with the address that was sent
        assert "company.example" not in answer.text
    has_own = any(each in name for each in ("audit", "api-keys", "/v2/"))
    if call.outsider == 200 and "data" in answer.json() and not has_own:
        assert answer.json()["data"] == []
    assert by_operator.status_code == (403 if call.who else call.status)
    assert unknown.status_code == 401
    if call.who:
        assert await company.state() == before


@pytest.mark.rows("NOV-56", "NOV-57")
async def test_a_member_looks(company: Company) -> None:
    """A member sees the URLs of the endpoints, and no secret in anything that is shown to members."""
    endpoint = await company.owner.register("https://127.0.0.1:9/seen", headers={"X-Token": "t0ken"})
    member = company.keys["member", "manage"]

    seen = [await member.client.get(path) for path in LISTS]
    one = await member.call("GET", f"/v1/webhook-endpoints/{endpoint['id']}", status=200)

    assert one["url"] == "https://127.0.0.1:9/seen"
    for answer in seen:
        assert endpoint["signing_secret"] not in answer.text
        assert "t0ken" not in answer.text
        assert "zhk_" not in answer.text
