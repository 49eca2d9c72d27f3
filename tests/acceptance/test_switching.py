"""Disabling, enabling and deleting an endpoint: what waits, what is under way and what comes then."""

import asyncio
import itertools
import random
from collections import Counter
from typing import Any

import pytest

from tests import samples
from tests.acceptance import steering
from tests.receiver import Mailbox, Receiver, Reply
from tests.running import Account, House

_KINDS = (
    "disabled, confirmed",
    "disabled, refused",
    "deleted, confirmed",
    "deleted, refused",
    "enabled again, refused",
)
_EXPECTED = {
    "disabled, confirmed": ("delivered", 1, None),
    "disabled, refused": ("cancelled", 1, "the endpoint was disabled when attempt 2 fell due"),
    "deleted, confirmed": ("delivered", 1, None),
    "deleted, refused": ("cancelled", 1, "the endpoint was deleted"),
    "enabled again, refused": ("delivered", 2, None),
}


@pytest.mark.rows("DN2-43")
async def test_a_disabled_endpoint_gets_nothing(account: Account, mailbox: Mailbox) -> None:
    """A new event for a disabled endpoint is listed as skipped; enabled again, replay sends it."""
    endpoint = await account.register(mailbox.url)
    await _switch(account, endpoint, "disable")

    event = await account.publish()
    [skipped] = await account.settled(event["id"])
    refused = await account.call("POST", steering.path("replay", skipped["id"]), status=409)
    await _switch(account, endpoint, "enable")
    await account.call("POST", steering.path("replay", skipped["id"]), status=202)
    [delivered] = await account.settled(event["id"])

    assert (skipped["status"], skipped["attempts"]) == ("skipped", 0)
    assert skipped["reason"] == "the endpoint was disabled when the event came"
    assert refused["error"]["code"] == "endpoint_inactive"
    assert (delivered["status"], len(mailbox.received)) == ("delivered", 1)


@pytest.mark.rows("DN2-40", "DN2-41", "DN2-42")
async def test_disabled_when_due_ends_and_enabled_before_due_goes_on(
    patient_account: Account, receiver: Receiver
) -> None:
    """Disabled when a retry is due ends the delivery; enabled again before keeps number and schedule."""
    stays = {dialect: receiver.mailbox() for dialect in ("standard", "dnsimple")}
    comes_back = {dialect: receiver.mailbox() for dialect in ("standard", "dnsimple")}
    registered = {}
    for dialect, box in (*stays.items(), *comes_back.items()):
        box.refuse(1)
        registered[box.url] = await patient_account.register(box.url, dialect=dialect)
    event = await patient_account.publish(**_event())
    waiting = await patient_account.settled(event["id"], count=4, statuses=("retrying",))
    for endpoint in registered.values():
        await _switch(patient_account, endpoint, "disable")
    for box in comes_back.values():
        await _switch(patient_account, registered[box.url], "enable")

    unchanged = await patient_account.deliveries(event_id=event["id"])
    found = {each["endpoint_id"]: each for each in await patient_account.settled(event["id"], count=4)}

    assert unchanged == waiting
    for box in stays.values():
        ended = found[registered[box.url]["id"]]
        assert (ended["status"], ended["attempts"], len(box.received)) == ("cancelled", 1, 1)
        assert ended["reason"] == "the endpoint was disabled when attempt 2 fell due"
    for box in comes_back.values():
        gone_on = found[registered[box.url]["id"]]
        assert (gone_on["status"], gone_on["attempts"], len(box.received)) == ("delivered", 2, 2)
        assert [each["number"] for each in await patient_account.attempts(gone_on["id"])] == [1, 2]
        assert 14 <= box.received[1].at - box.received[0].at < 20  # the wait after that would be 28 s


@pytest.mark.rows("ALL-11", "DN3-27")
@pytest.mark.parametrize("dialect", ["standard", "dnsimple"])
async def test_deleting_ends_what_is_pending(
    patient_house: House, patient_account: Account, mailbox: Mailbox, dialect: str
) -> None:
    """Deleting an endpoint ends its waiting deliveries at once, with the reason, and no POST comes later."""
    endpoint = await patient_account.register(mailbox.url, dialect=dialect)
    mailbox.otherwise = Reply(500)
    events = [await patient_account.publish(**_event()) for _ in range(2)]
    for event in events:
        [waiting] = await patient_account.settled(event["id"], statuses=("retrying",))
        await steering.backed_off(patient_house, waiting["id"])

    await patient_account.call("DELETE", f"/v1/webhook-endpoints/{endpoint['id']}", status=204)
    cancelled = await patient_account.deliveries()
    for each in cancelled:  # its turn comes now instead of in 14 s
        await steering.by_signal(patient_house, patient_account, "retry-now", each["id"])
        await steering.ended(patient_house, patient_account, each["id"])

    assert [(each["status"], each["next_retry_at"]) for each in cancelled] == [("cancelled", None)] * 2
    assert {each["reason"] for each in cancelled} == {"the endpoint was deleted"}
    assert await patient_account.deliveries() == cancelled
    assert len(mailbox.received) == 2


async def test_a_receiver_that_is_gone_disables_its_endpoint(
    patient_house: House, patient_account: Account, mailbox: Mailbox
) -> None:
    """After a 410 the endpoint is disabled: what waits ends when due, new events are skipped, enabling restores."""
    endpoint = await patient_account.register(mailbox.url)
    mailbox.refuse(1)
    earlier = await patient_account.publish()
    [waiting] = await patient_account.settled(earlier["id"], statuses=("retrying",))
    await steering.backed_off(patient_house, waiting["id"])
    mailbox.refuse(1, status=410)
    last = await patient_account.publish()
    [gone] = await patient_account.settled(last["id"])

    shown = await patient_account.call("GET", f"/v1/webhook-endpoints/{endpoint['id']}", status=200)
    await steering.by_signal(patient_house, patient_account, "retry-now", waiting["id"])
    [cancelled] = await patient_account.settled(earlier["id"])
    [skipped] = await patient_account.settled((await patient_account.publish())["id"])
    enabled = await _switch(patient_account, endpoint, "enable")
    [delivered] = await patient_account.settled((await patient_account.publish())["id"])

    assert (shown["status"], shown["disabled_at"] is not None) == ("disabled", True)
    assert (gone["status"], gone["attempts"], gone["last_status_code"]) == ("cancelled", 1, 410)
    assert gone["reason"] == "the receiver answered 410 (gone), so the endpoint was disabled"
    assert (cancelled["status"], cancelled["attempts"]) == ("cancelled", 1)
    assert cancelled["reason"] == "the endpoint was disabled when attempt 2 fell due"
    assert skipped["status"] == "skipped"
    assert enabled["status"] == "enabled"
    assert (delivered["status"], len(mailbox.received)) == ("delivered", 3)


@pytest.mark.rows("ALL-10", "ALL-11", "DN2-41", "DN2-42")
async def test_switched_while_attempts_are_under_way(account: Account, receiver: Receiver) -> None:
    """What is under way when its endpoint is switched is finished and recorded, and the switch decides what follows."""
    release = asyncio.Event()
    endpoints: dict[str, tuple[str, Mailbox]] = {}
    for kind in _KINDS * 4:
        box = receiver.mailbox()
        box.replies.append(Reply(200 if "confirmed" in kind else 503, hold=release))
        endpoints[(await account.register(box.url))["id"]] = (kind, box)
    event = await account.publish()
    for _, box in endpoints.values():
        await box.wait_for(1)

    await asyncio.gather(*(_as(account, kind, endpoint_id) for endpoint_id, (kind, _) in endpoints.items()))
    release.set()
    # A deletion is written at once, so deliveries may be over before what is under way is recorded
    await account.attempted(sum(attempts for _, attempts, _ in _EXPECTED.values()) * 4, event_id=event["id"])
    found = await account.settled(event["id"], count=20)

    for each in found:
        kind, box = endpoints[each["endpoint_id"]]
        assert (each["status"], each["attempts"], each["reason"]) == _EXPECTED[kind], kind
        assert len(box.received) == each["attempts"]
        assert len(await account.attempts(each["id"])) == each["attempts"]


@pytest.mark.rows("ALL-10", "ALL-11")
async def test_switched_to_and_fro_meanwhile(account: Account, receiver: Receiver) -> None:
    """Whatever is switched while deliveries are tried, each ends as what became of it, and every POST is recorded."""
    chance = random.Random(7)
    boxes = [receiver.mailbox() for _ in range(8)]
    endpoints = []
    for box in boxes:
        box.replies.extend(Reply(chance.choice((200, 503, 503))) for _ in range(8))
        endpoints.append(await account.register(box.url))

    published, *_ = await asyncio.gather(
        asyncio.gather(*(account.publish() for _ in range(2))),
        *(_to_and_fro(account, endpoint, is_deleted=place % 3 == 0) for place, endpoint in enumerate(endpoints)),
    )
    for event in published:
        await _over(account, event)
    found = await account.deliveries(limit=200)

    posts = Counter(each.headers["webhook-id"] for box in boxes for each in box.received)
    assert posts == Counter({each["id"]: each["attempts"] for each in found if each["attempts"]})
    for each in found:
        await _tells_the_truth(account, each)


async def _tells_the_truth(account: Account, delivery: Any) -> None:
    """Status, reason and attempts agree with each other."""
    answers = [each["status_code"] for each in await account.attempts(delivery["id"])]
    assert len(answers) == delivery["attempts"]
    match delivery["status"]:
        case "delivered":
            assert answers[-1] == 200
            assert 200 not in answers[:-1]
        case "cancelled":
            assert 200 not in answers
            due = f"the endpoint was disabled when attempt {len(answers) + 1} fell due"
            assert delivery["reason"] in (due, "the endpoint was deleted", due.replace("disabled", "deleted"))
        case status:
            assert (status, answers) == ("skipped", [])
            assert delivery["reason"] == "the endpoint was disabled when the event came"


async def _over(account: Account, event: Any) -> None:
    """Returns when nothing of an event is still to be delivered; how many deliveries it has is left to chance."""
    async with asyncio.timeout(60):
        while True:
            shown = await account.call("GET", f"/v1/events/{event['id']}", status=200)
            statuses = {each["status"] for each in shown["deliveries"]}
            if statuses and not statuses & {"pending", "retrying"}:
                return
            await asyncio.sleep(0.05)  # the API tells how things stand, not when they change


async def _to_and_fro(account: Account, endpoint: Any, *, is_deleted: bool) -> None:
    for verb in itertools.islice(itertools.cycle(("disable", "enable")), 4):
        await _switch(account, endpoint, verb)
    if is_deleted:
        await account.call("DELETE", f"/v1/webhook-endpoints/{endpoint['id']}", status=204)


async def _as(account: Account, kind: str, endpoint_id: str) -> None:
    """Does to an endpoint what the kind's name says."""
    if kind.startswith("deleted"):
        await account.call("DELETE", f"/v1/webhook-endpoints/{endpoint_id}", status=204)
        return
    await _switch(account, {"id": endpoint_id}, "disable")
    if kind.startswith("enabled again"):
        await _switch(account, {"id": endpoint_id}, "enable")


async def _switch(account: Account, endpoint: Any, verb: str) -> Any:
    return await account.call("POST", f"/v1/webhook-endpoints/{endpoint['id']}/{verb}", status=200)


def _event() -> dict[str, Any]:
    """What `publish` takes, for endpoints of the standard dialect and of DNSimple's."""
    event = samples.event("dnsimple")
    return {"type_": event.pop("type"), **event}
