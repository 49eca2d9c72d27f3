"""The desk for the people of an account: who is in it, and in which role. An account that has owners keeps one."""

from sqlalchemy import Connection

from zonehook import clock, roles
from zonehook.errors import Conflict, Forbidden, Invalid, NotFound
from zonehook.roles import Actor, Role
from zonehook.store import accounts, api_keys, audit
from zonehook.store import members as stored
from zonehook.store.database import Database
from zonehook.store.members import Member
from zonehook.store.pages import Page


class Members:
    """Only an owner makes owners, and changes or removes them."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def page(self, account_id: int, limit: int, cursor: str | None) -> Page[Member]:
        """Newest first."""
        return await self._database.read(stored.page, account_id, limit, cursor)

    async def first_owner(self, account_id: int) -> Member | None:
        """The owner who came first; None for an account without members."""
        return await self._database.read(stored.first_owner, account_id)

    async def add(self, actor: Actor, email: str, role: Role) -> Member:
        """A new member, who holds no key yet. Raises Invalid, Forbidden and Conflict."""
        if problem := roles.email_problem(email):
            raise Invalid.field("email", problem)
        return await self._database.write(_add, actor, email.lower(), role)

    async def change_role(self, actor: Actor, member_id: str, role: Role) -> Member:
        """From the next request on, their keys do what the new role may; those of who becomes an owner do nothing any
        more, as somebody of a lower rank may have made them and know their text. Raises NotFound, Forbidden, Conflict.
        """
        return await self._database.write(_change_role, actor, member_id, role)

    async def remove(self, actor: Actor, member_id: str) -> None:
        """Their keys open nothing from the next request on. Raises NotFound, Forbidden and Conflict."""
        await self._database.write(_remove, actor, member_id)


def _add(conn: Connection, actor: Actor, email: str, role: Role) -> Member:
    accounts.hold(conn, actor.account_id)
    _refuse_higher(actor, role)
    if stored.has_email(conn, actor.account_id, email):
        raise Conflict("member_exists", f"{email} is a member already; change the role instead")
    member = Member(clock.new_id("mem"), email, role, clock.now())
    stored.add(conn, actor.account_id, member)
    audit.note(conn, actor, "member.created", member.id)
    return member


def _change_role(conn: Connection, actor: Actor, member_id: str, role: Role) -> Member:
    member = _held(conn, actor, member_id)
    _refuse_higher(actor, role)
    if role is not member.role:
        _keep_an_owner(conn, actor, member)
        stored.change(conn, actor.account_id, member_id, {"role": role.value})
        audit.note(conn, actor, "member.role_changed", member_id)
        if role is Role.OWNER:
            for key_id in api_keys.revoke_of(conn, actor.account_id, member_id, clock.now()):
                audit.note(conn, actor, "api_key.revoked", key_id)
    return Member(member.id, member.email, role, member.created_at)


def _remove(conn: Connection, actor: Actor, member_id: str) -> None:
    member = _held(conn, actor, member_id)
    _keep_an_owner(conn, actor, member)
    stored.change(conn, actor.account_id, member_id, {"removed_at": clock.now()})
    audit.note(conn, actor, "member.removed", member_id)


def _held(conn: Connection, actor: Actor, member_id: str) -> Member:
    """The member, in an account that nobody else changes meanwhile: two last owners could each remove the other."""
    accounts.hold(conn, actor.account_id)
    member = stored.get(conn, actor.account_id, member_id)
    if member is None:
        raise NotFound("not_found", f"there is no member {member_id[:60]} in this account")
    _refuse_higher(actor, member.role)
    return member


def _refuse_higher(actor: Actor, role: Role) -> None:
    if not roles.is_at_least(actor.role, role):
        raise Forbidden("forbidden", f"only an owner of this account may make, change or remove an {role}")


def _keep_an_owner(conn: Connection, actor: Actor, leaving: Member) -> None:
    if leaving.role is Role.OWNER and stored.owners(conn, actor.account_id) == 1:
        raise Conflict("last_owner", "this is the last owner of the account; make somebody else an owner first")
