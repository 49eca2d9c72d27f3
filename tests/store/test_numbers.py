"""Endpoints are numbered over all accounts, in the order in which they can be seen."""

import asyncio

import pytest

from tests.store import given
from zonehook import clock
from zonehook.dialects import dnsimple
from zonehook.registration import Registration
from zonehook.registry import Registry
from zonehook.roles import Actor
from zonehook.store import accounts, announcements
from zonehook.store.cipher import Cipher
from zonehook.store.database import Database


@pytest.mark.rows("DN3-19")
async def test_many_at_once(database: Database, url: str, cipher: Cipher, account_id: int, stranger_id: int) -> None:
    """Forty registrations at once, by two accounts over two processes' connections: the numbers 1 to 40, each once."""
    elsewhere = Database(url)
    desks = [Registry(database, cipher, ()), Registry(elsewhere, cipher, ())]
    wanted = Registration(url=given.URL, events=[], dialect="dnsimple")
    try:
        made = await asyncio.gather(
            *(desks[n % 2].register(Actor((account_id, stranger_id)[n // 2 % 2]), wanted) for n in range(40))
        )
    finally:
        await elsewhere.close()

    assert sorted(endpoint.number for endpoint, _ in made) == list(range(1, 41))
    assert all(endpoint.account_id in (account_id, stranger_id) for endpoint, _ in made)


@pytest.mark.rows("DN3-19")
async def test_a_number_is_never_given_again(registry: Registry, account_id: int) -> None:
    """The number of an endpoint that was deleted, the latest too, goes to no other."""
    first = await given.endpoint(registry, account_id)
    await registry.delete(Actor(account_id), first)
    second = await registry.get(account_id, await given.endpoint(registry, account_id))

    assert second.number == 2


@pytest.mark.rows("DN3-12", "DN3-23")
async def test_only_the_accounts_own(registry: Registry, account_id: int, stranger_id: int) -> None:
    """Neither list nor look-up by number reaches another account's endpoint, or one of another dialect."""
    wanted = Registration(url=given.URL, events=[], dialect="dnsimple")
    theirs, _ = await registry.register(Actor(stranger_id), wanted)
    await given.endpoint(registry, account_id)  # of standard
    own, _ = await registry.register(Actor(account_id), wanted)

    assert await registry.all_numbered(account_id, dnsimple.NAMES, descending=False) == [own]
    assert await registry.numbered(stranger_id, theirs.number, dnsimple.NAMES) == theirs


@pytest.mark.rows("DN2-32", "DN2-33")
async def test_announced_with_the_change(database: Database, registry: Registry) -> None:
    """What comes and goes is announced in its own transaction: one announcement each, none for what was refused."""
    account = await database.write(accounts.add, "someone", "dnsimple", "unlimited", clock.now())
    wanted = Registration(url=given.URL, events=[], dialect="dnsimple")
    endpoint, _ = await registry.register(Actor(account.id), wanted)
    await asyncio.gather(*(registry.delete(Actor(account.id), endpoint.id) for _ in range(3)), return_exceptions=True)

    waiting = await database.read(announcements.after, "", 100)
    assert sorted(each.type for each in waiting) == ["webhook.create", "webhook.delete"]
    assert {each.data for each in waiting} == {dnsimple.webhook_data(endpoint)}
