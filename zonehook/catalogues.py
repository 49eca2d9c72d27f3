"""The desk for event types: what there is to publish, with samples, and the types that accounts register themselves."""

import json
from collections.abc import Mapping, Sequence

from sqlalchemy import Connection

from zonehook import dialects, events
from zonehook.dialects import own
from zonehook.dialects.catalogue import EventType
from zonehook.enforcement import Enforcement
from zonehook.errors import Conflict, Detail, Invalid, NotFound
from zonehook.roles import Actor
from zonehook.store import audit, event_types
from zonehook.store.database import Database
from zonehook.store.event_types import Entry

MAX_TYPES = 500
MAX_SAMPLE_BYTES = 16 * 1024


class Catalogues:
    """Vendors' catalogues are the house's own and the same for all; those of `standard` accounts are stored."""

    def __init__(self, database: Database, enforcement: Enforcement) -> None:
        self._database = database
        self._enforcement = enforcement

    async def all_of(self, account_id: int, dialect: str) -> list[Entry]:
        """Every type of the account's dialect, or all that it has registered itself."""
        catalogue = dialects.named(dialect).catalogue
        if catalogue is not None:
            return [_entry(each) for each in catalogue.values()]
        return await self._database.read(event_types.all_of, account_id)

    def own(self) -> list[Entry]:
        """Zonehook's own types, which every account's endpoints may subscribe to and none publishes."""
        return [_entry(each) for each in own.TYPES.values()]

    async def get(self, account_id: int, dialect: str, name: str) -> Entry:
        """Raises NotFound."""
        if own.is_own(name):
            return _entry(own.TYPES[name])
        catalogue = dialects.named(dialect).catalogue
        if catalogue is not None and name in catalogue:
            return _entry(catalogue[name])
        if catalogue is not None or events.type_problem(name):
            raise _not_found(name)
        found = await self._database.read(event_types.get, account_id, name)
        if found is None:
            raise _not_found(name)
        return found

    async def register(self, actor: Actor, dialect: str, wanted: Entry) -> Entry:
        """From now on events of this type must fit its schema, if it has one.

        Raises Conflict for a dialect that has its own types, a name that is taken and one type too many; Invalid for a
        malformed name or schema, and a sample that does not fit.
        """
        _check_is_open(dialect, wanted.name)
        if problem := events.type_problem(wanted.name):
            raise Invalid.field("name", problem)
        await self._check(actor.account_id, wanted)
        await self._database.write(_add, actor, wanted)
        return wanted

    async def change(self, actor: Actor, dialect: str, name: str, changes: Mapping[str, str | None]) -> Entry:
        """Changes description, sample or schema; None removes one. Raises as `register`, and NotFound."""
        _check_is_open(dialect, name)
        before = await self.get(actor.account_id, dialect, name)
        wanted = Entry(**{**vars(before), **changes})
        await self._check(actor.account_id, wanted)
        if not await self._database.write(_change, actor, before, wanted):
            raise Conflict("changed_meanwhile", f"somebody else changed {name[:100]} at this moment; try again")
        return wanted

    async def remove(self, actor: Actor, dialect: str, name: str) -> None:
        """Events of this type are accepted as those of any that is not registered. Raises Conflict and NotFound."""
        _check_is_open(dialect, name)
        if events.type_problem(name) or not await self._database.write(_remove, actor, name):
            raise _not_found(name)

    async def sample(
        self, account_id: int, dialect: str, subscriptions: Sequence[str], wanted: str | None
    ) -> tuple[str, str, str | None]:
        """What to try an endpoint of this dialect with: a type (by default the first it subscribes to), JSON text and
        a subject.
        """
        is_open = dialects.named(dialect).catalogue is None
        own = await self._database.read(event_types.all_of, account_id) if is_open else []
        samples = {each.name: each.sample for each in own if each.sample is not None}
        chosen = wanted or dialects.first_type(dialect, subscriptions, tuple(samples))
        of_type = dialects.sample(dialect, chosen)
        return chosen, samples.get(chosen) or _json(of_type), of_type.subject

    async def _check(self, account_id: int, wanted: Entry) -> None:
        found: list[Detail] = []
        if wanted.sample is not None and len(wanted.sample.encode()) > MAX_SAMPLE_BYTES:
            found.append(Detail("sample", f"a sample has at most {MAX_SAMPLE_BYTES // 1024} KiB"))
        elif wanted.sample is not None and events.is_too_deep(wanted.sample):
            found.append(Detail("sample", f"a sample nests at most {events.MAX_DEPTH} levels"))
        else:
            found = await self._enforcement.problems_of_type(account_id, wanted)
        if found:
            raise Invalid("invalid_request", f"{found[0].field}: {found[0].message}", tuple(found))


def _add(conn: Connection, actor: Actor, wanted: Entry) -> None:
    event_types.begin_change(conn, actor.account_id)
    if event_types.get(conn, actor.account_id, wanted.name) is not None:
        raise Conflict("event_type_exists", f"{wanted.name} is registered already; change it with PATCH")
    if event_types.count(conn, actor.account_id) >= MAX_TYPES:
        raise Conflict(
            "too_many_event_types",
            f"an account registers at most {MAX_TYPES} event types; delete one that is not used any more, "
            "or publish this type without registering it",
        )
    event_types.add(conn, actor.account_id, wanted)
    audit.note(conn, actor, "event_type.registered", wanted.name)


def _change(conn: Connection, actor: Actor, before: Entry, wanted: Entry) -> bool:
    """Whether it still was as before: the sample was held against the schema of then."""
    event_types.begin_change(conn, actor.account_id)
    if event_types.get(conn, actor.account_id, before.name) != before:
        return False
    event_types.change(conn, actor.account_id, wanted)
    audit.note(conn, actor, "event_type.changed", wanted.name)
    return True


def _remove(conn: Connection, actor: Actor, name: str) -> bool:
    event_types.begin_change(conn, actor.account_id)
    if not event_types.remove(conn, actor.account_id, name):
        return False
    audit.note(conn, actor, "event_type.deleted", name)
    return True


def _check_is_open(dialect: str, name: str) -> None:
    if own.is_own(name):
        raise Conflict("own_event_type", f"{name} is Zonehook's own and cannot be changed; choose another name")
    if dialects.named(dialect).catalogue is not None:
        raise Conflict(
            "catalogue_closed",
            f"the event types of {dialect} are its vendor's and cannot be changed; accounts of dialect standard "
            "register their own",
        )


def _not_found(name: str) -> NotFound:
    return NotFound("not_found", f"there is no event type {name[:100]} in this account's catalogue")


def _entry(of_vendor: EventType) -> Entry:
    return Entry(of_vendor.name, of_vendor.description, _json(of_vendor), schema=None)


def _json(of_vendor: EventType) -> str:
    return json.dumps(of_vendor.sample, ensure_ascii=False)
