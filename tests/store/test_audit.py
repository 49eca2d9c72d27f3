"""A change and its line in the audit log are there together or not at all; a key is looked up in one statement."""

from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

import pytest
from prometheus_client import REGISTRY
from sqlalchemy import Connection

from tests.store import given
from zonehook import keys
from zonehook.errors import Unauthorized
from zonehook.keyring import Keyring, Wanted
from zonehook.keys import Scope
from zonehook.members import Members
from zonehook.registry import Registry
from zonehook.roles import Action, Actor, Role
from zonehook.store import audit
from zonehook.store.database import Database
from zonehook.store.tables import metadata
from zonehook.tenants import Operator, Tenants


class Desks:
    """Everything that changes something, with an endpoint, two members and a key to be changed."""

    def __init__(self, database: Database, registry: Registry, account_id: int) -> None:
        self.registry = registry
        self.members, self.keyring, self.tenants = Members(database), Keyring(database), Tenants(database)
        self.actor = Actor(account_id)
        self.endpoint_id = self.member_id = self.key_id = ""

    async def begin(self) -> None:
        self.endpoint_id = await given.endpoint(self.registry, self.actor.account_id)
        await self.members.add(self.actor, "owner@example.com", Role.OWNER)
        self.member_id = (await self.members.add(self.actor, "ada@example.com", Role.MEMBER)).id
        self.key_id = (await self.keyring.create(self.actor, Wanted("ours", Scope.READ)))[0].id


CHANGES: dict[str, Callable[[Desks], Awaitable[Any]]] = {
    "register": lambda desks: given.endpoint(desks.registry, desks.actor.account_id),
    "change": lambda desks: desks.registry.change(desks.actor, desks.endpoint_id, {"description": "x"}),
    "disable": lambda desks: desks.registry.disable(desks.actor, desks.endpoint_id),
    "enable": lambda desks: desks.registry.enable(desks.actor, desks.endpoint_id),
    "clear suppression": lambda desks: desks.registry.clear_suppression(desks.actor, desks.endpoint_id),
    "rotate a secret": lambda desks: desks.registry.rotate_secret(desks.actor, desks.endpoint_id),
    "delete": lambda desks: desks.registry.delete(desks.actor, desks.endpoint_id),
    "add a member": lambda desks: desks.members.add(desks.actor, "bob@example.com", Role.ADMIN),
    "change a role": lambda desks: desks.members.change_role(desks.actor, desks.member_id, Role.ADMIN),
    "remove a member": lambda desks: desks.members.remove(desks.actor, desks.member_id),
    "create a key": lambda desks: desks.keyring.create(desks.actor, Wanted("new", Scope.READ)),
    "rotate a key": lambda desks: desks.keyring.rotate(desks.actor, desks.key_id, timedelta(0)),
    "revoke a key": lambda desks: desks.keyring.revoke(desks.actor, desks.key_id),
    "open an account": lambda desks: desks.tenants.open_account("new", "standard", "pro", "ada@example.com"),
    "change an account": lambda desks: desks.tenants.change_account(
        Operator(), desks.actor.account_id, {"plan": "pro"}
    ),
    "start": lambda desks: desks.tenants.first_start(),
}


@pytest.fixture
async def desks(database: Database, registry: Registry, account_id: int) -> Desks:
    desks = Desks(database, registry, account_id)
    await desks.begin()
    return desks


def _everything(conn: Connection) -> dict[str, list[Any]]:
    return {name: sorted(map(repr, conn.execute(table.select()))) for name, table in metadata.tables.items()}


@pytest.mark.parametrize("name", CHANGES)
async def test_no_change_without_its_line(
    database: Database, desks: Desks, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the line cannot be written, nothing at all is changed; where it can, both are there."""
    before = await database.read(_everything)

    def fails(*_: object) -> None:
        raise _AtTheEnd

    with monkeypatch.context() as broken:
        broken.setattr(audit, "_add", fails)
        with pytest.raises(_AtTheEnd):
            await CHANGES[name](desks)
    assert await database.read(_everything) == before

    await CHANGES[name](desks)
    after = await database.read(_everything)
    assert len(after["audit_log"]) > len(before["audit_log"])
    assert {table for table in after if after[table] != before[table]} != {"audit_log"}


@pytest.mark.parametrize("name", CHANGES)
async def test_no_line_without_its_change(database: Database, desks: Desks, name: str) -> None:
    """Where the transaction fails at its very end, after the line was written, neither is there."""
    before = await database.read(_everything)
    desks_of_failure = _Failing(database)
    for desk in (desks.registry, desks.members, desks.keyring, desks.tenants):
        desk._database = desks_of_failure  # type: ignore[assignment]

    with pytest.raises(_AtTheEnd):
        await CHANGES[name](desks)

    assert desks_of_failure.lines > len(before["audit_log"])
    assert await database.read(_everything) == before


class _AtTheEnd(Exception):
    """The line, or the transaction, fails."""


class _Failing:
    """A database whose every transaction fails when all was said."""

    def __init__(self, database: Database) -> None:
        self.read = database.read
        self._database = database
        self.lines = 0

    async def write(self, change: Callable[..., Any], *args: Any) -> Any:
        def failing(conn: Connection) -> None:
            change(conn, *args)
            self.lines = len(_everything(conn)["audit_log"])
            raise _AtTheEnd

        return await self._database.write(failing)


async def test_who_calls_is_one_statement(database: Database, desks: Desks) -> None:
    """Key, account, member and role are asked for in one statement, whoever holds the key."""
    actor = Actor(desks.actor.account_id, member_id=desks.member_id)
    _, of_member = await desks.keyring.create(actor, Wanted("own", Scope.READ))
    _, of_account = await desks.keyring.create(desks.actor, Wanted("ours", Scope.MANAGE))
    for key, role, email in ((of_member, Role.MEMBER, "ada@example.com"), (of_account, Role.OWNER, None)):
        before = _reads()
        caller = await desks.tenants.caller(key, Action.VIEW_ENDPOINTS)
        assert _reads() - before == 1
        assert (caller.account_id, caller.role, caller.email) == (desks.actor.account_id, role, email)


async def test_a_digest_opens_nothing(database: Database, desks: Desks) -> None:
    """What the database holds is no key: neither a digest nor a text that differs in its last character opens."""
    _, key = await desks.keyring.create(desks.actor, Wanted("ours", Scope.MANAGE))
    for other in (keys.digest(key), key[:-1] + ("A" if key[-1] != "A" else "B"), key + "\0", f" {key}"):
        with pytest.raises(Unauthorized, match="not known"):
            await desks.tenants.caller(other, Action.VIEW_ENDPOINTS)
    dump = repr(await database.read(_everything))
    assert keys.digest(key) in dump
    assert key not in dump


def _reads() -> float:
    return REGISTRY.get_sample_value("zonehook_database_statements_total", {"kind": "read"}) or 0.0
