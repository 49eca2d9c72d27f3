"""Registered types in the database: a change holds at once in every process, and publishing costs no statement more."""

import asyncio
import json
from collections.abc import Awaitable
from typing import Any

import pytest
from prometheus_client import REGISTRY

from zonehook import catalogues
from zonehook.catalogues import Catalogues
from zonehook.enforcement import Enforcement
from zonehook.errors import Conflict
from zonehook.roles import Action, Actor
from zonehook.store import event_types
from zonehook.store.database import Database
from zonehook.store.event_types import Entry
from zonehook.tenants import Caller, Tenants


class Process:
    """What an API process has in front of the database."""

    def __init__(self, database: Database) -> None:
        self.tenants = Tenants(database)
        self.enforcement = Enforcement(database)
        self.catalogues = Catalogues(database, self.enforcement)

    async def caller(self, key: str) -> Caller:
        return await self.tenants.caller(key, Action.PUBLISH_EVENTS)

    async def publish(self, key: str, data: dict[str, Any], type_: str = "a.b") -> list[str]:
        """The fields that are wrong with an event, asked as a publish does."""
        caller = await self.caller(key)
        found = await self.enforcement.problems_of_event(
            caller.account_id, type_, json.dumps(data), caller.catalogue_version
        )
        return [each.field for each in found]


def _needing(*names: str) -> str:
    return json.dumps({"required": names})


async def _account(process: Process) -> tuple[int, str]:
    account, key = await process.tenants.open_account("someone", "standard", "unlimited")
    return account.id, key


async def _statements(made: Awaitable[object]) -> float:
    """How many statements it takes."""

    def count() -> float:
        labels = [{"kind": kind} for kind in ("read", "write")]
        return sum(REGISTRY.get_sample_value("zonehook_database_statements_total", each) or 0.0 for each in labels)

    before = count()
    await made
    return count() - before


async def test_a_change_in_one_process_holds_in_another(database: Database) -> None:
    """Whichever process registers, changes or deletes a type, the next publish at the other is held against it."""
    one, other = Process(database), Process(database)
    account_id, key = await _account(one)
    found = [await other.publish(key, {})]
    await one.catalogues.register(Actor(account_id), "standard", Entry("a.b", None, None, _needing("x")))
    for needed in ("x", "y", "z"):
        found.append(await other.publish(key, {}))
        await one.catalogues.change(Actor(account_id), "standard", "a.b", {"schema": _needing(needed)})
        found.append(await other.publish(key, {}))
    await one.catalogues.remove(Actor(account_id), "standard", "a.b")
    found.append(await other.publish(key, {}))

    x, y, z = ["data.x"], ["data.y"], ["data.z"]
    assert found == [[], x, x, x, y, y, z, []]


async def test_what_publishing_costs(database: Database) -> None:
    """An account without types pays one statement, that of its key; one with types a second, once after each change."""
    process = Process(database)
    _, bare = await _account(process)
    account_id, key = await _account(process)
    await process.catalogues.register(Actor(account_id), "standard", Entry("a.b", None, None, _needing("x")))

    assert [await _statements(process.publish(bare, {})) for _ in range(2)] == [1, 1]
    assert [await _statements(process.publish(key, {})) for _ in range(3)] == [2, 1, 1]
    assert [await _statements(process.publish(key, {}, "not.registered")) for _ in range(2)] == [2, 1]
    await process.catalogues.change(Actor(account_id), "standard", "a.b", {"description": "changed"})
    assert [await _statements(process.publish(key, {})) for _ in range(2)] == [2, 1]


async def test_without_the_version_it_is_looked_up(database: Database) -> None:
    """Who publishes without an API key at hand is held to the schema, too."""
    process = Process(database)
    account_id, _ = await _account(process)
    await process.catalogues.register(Actor(account_id), "standard", Entry("a.b", None, None, _needing("x")))
    found = await process.enforcement.problems_of_event(account_id, "a.b", "{}", None)
    assert [each.field for each in found] == ["data.x"]


async def test_two_changes_at_once(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a new sample and a new schema that it does not fit, sent at the same moment, one alone is taken."""
    process = Process(database)
    account_id, _ = await _account(process)
    entry = Entry("a.b", None, '{"x": 1}', _needing("x"))
    await process.catalogues.register(Actor(account_id), "standard", entry)
    both_have_read = asyncio.Barrier(2)
    checked = process.catalogues._check

    async def wait_for_the_other(account: int, wanted: Entry) -> None:
        await both_have_read.wait()
        await checked(account, wanted)

    monkeypatch.setattr(process.catalogues, "_check", wait_for_the_other)
    changes: list[dict[str, str | None]] = [{"sample": '{"x": 2}'}, {"schema": _needing("x") + " "}]
    ends = await asyncio.gather(
        *(process.catalogues.change(Actor(account_id), "standard", "a.b", each) for each in changes),
        return_exceptions=True,
    )

    assert {type(each) for each in ends} == {Conflict, Entry}
    [taken] = [each for each in ends if isinstance(each, Entry)]
    assert await process.catalogues.get(account_id, "standard", "a.b") == taken


async def test_the_last_place_is_given_once(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """Five registrations at once for one place left: one is taken and four are refused."""
    monkeypatch.setattr(catalogues, "MAX_TYPES", 1)
    process = Process(database)
    account_id, _ = await _account(process)

    wanted = [Entry(f"a.t{place}", None, None, None) for place in range(5)]
    ends = await asyncio.gather(
        *(process.catalogues.register(Actor(account_id), "standard", each) for each in wanted), return_exceptions=True
    )

    assert [each.code for each in ends if isinstance(each, Conflict)] == ["too_many_event_types"] * 4
    assert len(await database.read(event_types.all_of, account_id)) == 1
