"""Who may do what: a key opens its own account and nothing else."""

import re
from typing import Any

import httpx
import pytest
import pytest_asyncio

from tests.api import shapes
from tests.receiver import Mailbox
from tests.running import Account, House

ENDPOINT = "/v1/webhook-endpoints/{endpoint}"
DELIVERY = "/v1/webhook-deliveries/{delivery}"
URL = "https://127.0.0.1:9/"
OF_ONE = [
    ("GET", ENDPOINT, None),
    ("PATCH", ENDPOINT, {"description": "taken"}),
    ("POST", f"{ENDPOINT}/disable", None),
    ("POST", f"{ENDPOINT}/enable", None),
    ("POST", f"{ENDPOINT}/clear-suppression", None),
    ("POST", f"{ENDPOINT}/rotate-secret", None),
    ("POST", f"{ENDPOINT}/reveal-secret", None),
    ("GET", f"{ENDPOINT}/health", None),
    ("DELETE", ENDPOINT, None),
    ("GET", "/v1/events/{event}", None),
    ("GET", DELIVERY, None),
    ("GET", f"{DELIVERY}/attempts", None),
    ("POST", f"{DELIVERY}/replay", None),
    ("POST", f"{DELIVERY}/retry-now", None),
    ("POST", f"{DELIVERY}/cancel", None),
]
OF_ALL = [
    ("POST", "/v1/webhook-endpoints", {"url": URL}),
    ("GET", "/v1/webhook-endpoints", None),
    ("POST", "/v1/events", {"type": "domain.create", "data": {}}),
    ("GET", "/v1/events", None),
    ("GET", "/v1/webhook-deliveries", None),
]
OPEN = ("POST", "/v1/accounts", {"name": "mine"})


class Possession:
    """An account with an endpoint, an event and a delivery, and how they stand."""

    def __init__(self, account: Account, ids: dict[str, str]) -> None:
        self.account = account
        self.ids = ids

    async def state(self) -> list[Any]:
        paths = [path for method, path, _ in OF_ONE + OF_ALL if method == "GET"]
        return [await self.account.call("GET", path.format(**self.ids), status=200) for path in paths]


@pytest_asyncio.fixture
async def possession(account: Account, mailbox: Mailbox) -> Possession:
    endpoint = await account.register(mailbox.url)
    event = await account.publish(id="k")
    [delivery] = await account.settled(event["id"])
    return Possession(account, {"endpoint": endpoint["id"], "event": event["id"], "delivery": delivery["id"]})


@pytest.mark.rows("CD-03", "ALL-09")
@pytest.mark.parametrize(
    "credentials",
    [
        "",
        "Bearer",
        "Bearer x",
        f"Bearer zhk_{'A' * 43}",
        "Bearer {}x",
        "Bearer x{}",
        "Bearer {0} {0}",
        "Bearer zhk_…",
        "Bearer \udcff",
        "Basic {}",
        "Token {}",
        "Digest username={}",
        "{}",
    ],
    ids=ascii,
)
async def test_no_good_key(possession: Possession, credentials: str) -> None:
    """Without a known key, or with one in another scheme, every call is a 401 and changes nothing."""
    before = await possession.state()
    client = possession.account.client
    good = client.headers["Authorization"]
    sent = credentials.format(good.removeprefix("Bearer ")).encode(errors="surrogateescape")

    for method, path, body in OF_ONE + OF_ALL + [OPEN]:
        headers = [(b"authorization", sent)] if credentials else []
        del client.headers["Authorization"]
        answer = await client.request(method, path.format(**possession.ids), json=body, headers=headers)
        client.headers["Authorization"] = good
        assert shapes.refusal(answer, 401)["code"] == "unauthorized"
        assert answer.headers["www-authenticate"] == "Bearer"
    assert await possession.state() == before


async def test_a_key_elsewhere_does_not_count(account: Account) -> None:
    """A key is read from the Authorization header alone, where it would not end up in logs."""
    key = account.client.headers["Authorization"].removeprefix("Bearer ")
    async with httpx.AsyncClient(base_url=account.client.base_url, trust_env=False) as client:
        shapes.refusal(await client.get("/v1/events", params={"api_key": key, "access_token": key}), 401)
        shapes.refusal(await client.get("/v1/events", headers={"X-Api-Key": key}), 401)
        shapes.refusal(await client.get("/v1/events", headers={"Cookie": f"api_key={key}"}), 401)


async def test_the_operator_has_no_account(house: House, possession: Possession) -> None:
    """The operator's key opens accounts; every call on what an account holds is a 403."""
    operator = house.operator()

    for method, path, body in OF_ONE + OF_ALL:
        answer = await operator.client.request(method, path.format(**possession.ids), json=body)
        assert shapes.refusal(answer, 403)["code"] == "forbidden"


async def test_only_the_operator_opens_accounts(account: Account) -> None:
    """An account's own key is refused where accounts are opened."""
    method, path, body = OPEN

    assert shapes.refusal(await account.client.request(method, path, json=body), 403)["code"] == "forbidden"


async def test_a_new_account(house: House) -> None:
    """The operator gets the account with a key that opens it; every account has its own number and key."""
    made = [await house.operator().call(OPEN[0], OPEN[1], body={"name": name}, status=201) for name in ("a", "ä" * 200)]

    for each in made:
        shapes.check(
            each,
            {
                "id": lambda value: type(value) is int,
                **dict.fromkeys(("name", "dialect", "plan", "api_key"), shapes.text),
                "created_at": shapes.time,
            },
        )
        assert each["dialect"] == "standard"
        assert re.fullmatch(r"zhk_[A-Za-z0-9_-]{43}", each["api_key"])
    assert [each["name"] for each in made] == ["a", "ä" * 200]
    assert made[0]["id"] != made[1]["id"]
    assert made[0]["api_key"] != made[1]["api_key"]


@pytest.mark.rows("CD-34", "CD-35")
async def test_a_stranger_finds_nothing(house: House, possession: Possession, mailbox: Mailbox) -> None:
    """For another account's key everything is a 404 and every list empty; nothing is shown, changed or sent."""
    stranger = await house.new_account()
    before = await possession.state()

    for method, path, body in OF_ONE:
        answer = await stranger.client.request(method, path.format(**possession.ids), json=body)
        unknown = await stranger.client.request(
            method, path.format(**{name: each[:-3] + "000" for name, each in possession.ids.items()}), json=body
        )
        error = shapes.refusal(answer, 404)
        assert error["code"] == shapes.refusal(unknown, 404)["code"] == "not_found"
    for path in ("/v1/webhook-endpoints", "/v1/events", "/v1/webhook-deliveries"):
        assert await stranger.call("GET", path, status=200) == {"data": [], "next_cursor": None}
    for wanted in ({"endpoint_id": "endpoint"}, {"event_id": "event"}):
        assert await stranger.deliveries(**{name: possession.ids[each] for name, each in wanted.items()}) == []

    assert await possession.state() == before
    assert len(mailbox.received) == 1


@pytest.mark.rows("DN2-01")
async def test_an_event_of_another_account_is_not_delivered(
    house: House, possession: Possession, mailbox: Mailbox
) -> None:
    """An event of one account, even with the same id, reaches no endpoint of another."""
    stranger = await house.new_account()
    await stranger.register(mailbox.url, events=["zone.create"])

    await stranger.publish(id="k")
    last = await stranger.publish("zone.create")
    await stranger.settled(last["id"])

    assert [each["event_id"] for each in await stranger.deliveries()] == [last["id"]]
    assert len(await possession.account.deliveries()) == 1
    assert len(mailbox.received) == 2


async def test_a_cursor_shows_nothing_of_another_account(house: House, account: Account) -> None:
    """A page's cursor of one account leads another account to nothing that is not its own."""
    for _ in range(3):
        await account.register(URL)
    page = await account.call("GET", "/v1/webhook-endpoints", params={"limit": 1}, status=200)
    stranger = await house.new_account()

    found = await stranger.call("GET", "/v1/webhook-endpoints", params={"cursor": page["next_cursor"]}, status=200)

    assert found["data"] == []
