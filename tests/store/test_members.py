"""The people of an account, when several change them at once."""

import asyncio
import time
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import Connection

from zonehook.errors import Conflict, NotFound
from zonehook.members import Members
from zonehook.roles import Actor, Role
from zonehook.store import members as stored
from zonehook.store.database import Database


@pytest.fixture(autouse=True)
def long_thoughts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Between looking and changing there is time for all the others to look, too."""
    for name in ("owners", "has_email"):
        monkeypatch.setattr(stored, name, _slowly(getattr(stored, name)))


def _slowly(look: Callable[..., Any]) -> Callable[..., Any]:
    def looks(conn: Connection, *args: Any) -> Any:
        seen = look(conn, *args)
        time.sleep(0.1)
        return seen

    return looks


async def test_owners_who_remove_each_other_at_once(database: Database, account_id: int) -> None:
    """Of five owners who are all removed at the same moment one is left, on every database."""
    members, actor = Members(database), Actor(account_id)
    owners = [await members.add(actor, f"owner-{number}@example.com", Role.OWNER) for number in range(5)]

    done = await asyncio.gather(*(members.remove(actor, each.id) for each in owners), return_exceptions=True)

    refused = [each for each in done if each is not None]
    assert [type(each) for each in refused] == [Conflict]
    assert len((await members.page(account_id, 50, None)).data) == 1


async def test_one_person_added_several_times_at_once(database: Database, account_id: int) -> None:
    """However often the same address is added at the same moment, the person is a member once; the rest are told so."""
    members, actor = Members(database), Actor(account_id)

    done = await asyncio.gather(
        *(members.add(actor, "ada@example.com", Role.MEMBER) for _ in range(5)), return_exceptions=True
    )

    assert sorted(type(each).__name__ for each in done) == ["Conflict"] * 4 + ["Member"]


async def test_a_member_who_was_removed_is_not_found(database: Database, account_id: int) -> None:
    """Whoever was removed can come again, and is somebody new."""
    members, actor = Members(database), Actor(account_id)
    await members.add(actor, "owner@example.com", Role.OWNER)
    gone = await members.add(actor, "ada@example.com", Role.MEMBER)
    await members.remove(actor, gone.id)

    again = await members.add(actor, "ada@example.com", Role.ADMIN)

    assert again.id != gone.id
    with pytest.raises(NotFound, match=gone.id):
        await members.remove(actor, gone.id)
