"""Two accounts that make every call, with the ids of either: nothing of one is ever seen or changed by the other."""

import random
import re
from typing import Any

import pytest

from tests.acceptance import recovering
from tests.api.test_roles import IN_A_DAY, TABLE, Company
from tests.receiver import Receiver
from tests.running import Account, House
from zonehook.dialects.own import TYPES

STEPS = 60
# v2: tests/api_v2. What a fact is about is called as its teller likes: tests/acceptance/test_facts.py
CALLS = [name for name, call in TABLE.items() if call.who and " /v2/" not in name and "{source}" not in name]
LISTS = [name.removeprefix("GET ") for name in CALLS if name.startswith("GET ") and "{" not in name]
IDS = re.compile(r"\b(?:ep|evt|dlv|att|key|mem|aud|rcv)_[0-9a-z]{26}\b|\bregistered\.by_[a-z_]+\b")
IN_SAMPLES = set(IDS.findall(str(TYPES)))
PREFIXES = {
    "endpoint_id": "ep",
    "event_id": "evt",
    "delivery_id": "dlv",
    "recovery_id": "rcv",
    "member_id": "mem",
    "key_id": "key",
    "name": "registered.by",
}


class Party:
    """An account whose every text holds a word that no other account has, and the ids of all that is its own."""

    def __init__(self, account: Account, name: str, receiver: Receiver) -> None:
        self.account = account
        self.word = f"word-of-{name}"
        self.ids: set[str] = set()
        self.receiver = receiver
        self.own_key = ""
        self.type = "registered.by_" + "".join(chr(ord("a") + int(each)) if each.isdigit() else each for each in name
                                               if each != "-")  # fmt: skip

    async def state(self) -> str:
        """All that this account sees of itself, once nothing goes on by itself; and the ids in it are known."""
        open_ = [each for status in ("pending", "retrying") for each in await self.account.deliveries(status=status)]
        for each in open_:
            count = len(await self.account.deliveries(event_id=each["event_id"], limit=200))
            await self.account.settled(each["event_id"], count=count)
        answers = [(await self.account.client.get(path, params={"limit": 200})).text for path in LISTS]
        self.ids |= {each for text in answers for each in IDS.findall(text)} - IN_SAMPLES
        return "\n".join(answers)

    def of_kind(self, kind: str) -> list[str]:
        # Never the key that speaks for the account
        return sorted(each for each in self.ids if each.startswith(f"{PREFIXES[kind]}_") and each != self.own_key)


async def _party(house: House, receiver: Receiver, name: str) -> Party:
    wanted = {"name": f"word-of-{name}", "owner_email": f"ada@word-of-{name}.example"}
    made = await house.operator().call("POST", "/v1/accounts", body=wanted, status=201)
    party = Party(house.with_key(made["api_key"], made["id"]), name, receiver)
    [key] = (await party.account.call("GET", "/v1/api-keys", status=200))["data"]
    party.own_key = key["id"]
    endpoint = await party.account.register(receiver.mailbox().url, description=party.word)
    await recovering.completed(party.account, await recovering.start(party.account, endpoint))
    event = await party.account.publish("domain.create", {"domain": party.word})
    await party.account.settled(event["id"])
    await party.account.call(
        "POST", "/v1/members", body={"email": f"bob@{party.word}.example", "role": "member"}, status=201
    )
    await party.account.call("POST", "/v1/event-types", body={"name": party.type}, status=201)
    await party.account.call("POST", "/v1/api-keys", body={"name": party.word, "scope": "read"}, status=201)
    await party.state()
    return party


def _body(dice: random.Random, name: str, own: Party, other: Party) -> Any:
    """What the call takes, with ids of the other where it takes ids."""
    number = dice.randrange(10**9)
    bodies: dict[str, Any] = {
        "POST /v1/webhook-endpoints": {"url": own.receiver.mailbox().url, "description": own.word},
        "PATCH /v1/webhook-endpoints/{endpoint_id}": {"description": f"{own.word} {number}"},
        "POST /v1/events": {"type": "domain.create", "data": {"domain": own.word}, "id": dice.choice("abcdef")},
        "POST /v1/events/batch": {"events": [{"type": "domain.create", "data": {"domain": own.word}}] * 2},
        "PATCH /v1/events/{event_id}": {"deliver_at": IN_A_DAY},
        "POST /v1/webhook-endpoints/{endpoint_id}/recover": {"since": recovering.LONG_AGO},
        "POST /v1/event-types": {"name": f"{own.type}_{'x' * dice.randrange(1, 50)}"},
        "PATCH /v1/event-types/{name}": {"description": f"{own.word} {number}"},
        "POST /v1/members": {"email": f"{number}@{own.word}.example", "role": "admin"},
        "PATCH /v1/members/{member_id}": {"role": dice.choice(["admin", "member"])},
        "POST /v1/api-keys": {"name": own.word, "scope": "read"}
        | ({"member_id": dice.choice(other.of_kind("member_id"))} if dice.random() < 0.5 else {}),
    }
    return bodies.get(name)


def _params(dice: random.Random, name: str, other: Party, cursors: list[str]) -> dict[str, str]:
    """Filters and cursors of the other's."""
    params: dict[str, str] = {}
    if name == "GET /v1/webhook-deliveries" and dice.random() < 0.7:
        kind = dice.choice(["endpoint_id", "event_id"])
        params[kind] = dice.choice(other.of_kind(kind))
    if name.removeprefix("GET ") in LISTS and cursors and dice.random() < 0.5:
        params["cursor"] = dice.choice(cursors)
    return params


async def _cursors(party: Party) -> list[str]:
    pages = [(await party.account.client.get(path, params={"limit": 1})).json() for path in LISTS]
    return [page["next_cursor"] for page in pages if page.get("next_cursor")]


@pytest.mark.rows("CD-34", "CD-35", "NOV-60")
@pytest.mark.parametrize("seed", range(4))
async def test_strangers_stay_strangers(house: House, receiver: Receiver, seed: int) -> None:
    """Whatever call one account makes with ids, filters and cursors of the other: an object of the other is a 404 like
    one that never was, no answer holds anything of the other, and everything the other sees stays as it was.
    """
    dice = random.Random(seed)
    parties = [await _party(house, receiver, f"{name}-{seed}") for name in ("one", "two")]
    states = [await party.state() for party in parties]
    [operators_key] = parties[0].ids & parties[1].ids  # which opened both
    calls = CALLS + [dice.choice(CALLS) for _ in range(max(0, STEPS - len(CALLS)))]  # each of them at least once
    dice.shuffle(calls)
    for name in calls:
        here = dice.randrange(2)
        own, other = parties[here], parties[1 - here]
        method, _, path = name.partition(" ")
        kinds = re.findall(r"{(\w+)}", path)
        foreign = bool(kinds) and (dice.random() < 0.7 or not own.of_kind(kinds[0]))
        chosen = {kind: dice.choice((other if foreign else own).of_kind(kind)) for kind in kinds}
        body = _body(dice, name, own, other)
        params = _params(dice, name, other, await _cursors(other))

        answer = await own.account.client.request(method, path.format(**chosen), json=body, params=params)

        told = f"{name} {chosen} {body} {params}: {answer.status_code} {answer.text}"
        if answer.status_code == 202:
            await Company(own.account, {}, receiver).quiet(answer.json())
        asked = {*chosen.values(), *params.values(), *(str(each) for each in (body or {}).values())}
        assert answer.status_code < 500, told
        assert other.word not in answer.text, told
        assert not (set(IDS.findall(answer.text)) & other.ids) - asked - {operators_key}, told
        if foreign:
            never = {kind: f"{PREFIXES[kind]}_{'0' * 26}" for kind in kinds}
            unknown = await own.account.client.request(method, path.format(**never), json=body)
            assert (answer.status_code, unknown.status_code) == (404, 404), told
            assert _without(answer.text, chosen) == _without(unknown.text, never), told
        assert await other.state() == states[1 - here], told
        states[here] = await own.state()


def _without(text: str, ids: dict[str, str]) -> str:
    for each in ids.values():
        text = text.replace(each, "…")
    return text
