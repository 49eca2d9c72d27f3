"""Who may do what: one table of actions, by the role of a key's holder and by the key's scope."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from zonehook.keys import Scope


class Role(StrEnum):
    """What a person is in an account; each may do all that those below may. Keys of no member act as the owner."""

    OWNER = "owner"
    ADMIN = "admin"
    MEMBER = "member"


class Action(StrEnum):
    """What a call does, as the table knows it. No action shows a secret but those that say so."""

    VIEW_ACCOUNT = "view_account"
    VIEW_ENDPOINTS = "view_endpoints"
    VIEW_EVENTS = "view_events"
    VIEW_DELIVERIES = "view_deliveries"
    VIEW_MEMBERS = "view_members"
    VIEW_NAMES = "view_names"
    READ_AUDIT_LOG = "read_audit_log"
    PUBLISH_EVENTS = "publish_events"
    CHANGE_EVENTS = "change_events"
    STEER_DELIVERIES = "steer_deliveries"
    SEND_TESTS = "send_tests"
    CREATE_ENDPOINTS = "create_endpoints"
    CHANGE_ENDPOINTS = "change_endpoints"
    DELETE_ENDPOINTS = "delete_endpoints"
    ROTATE_SECRET = "rotate_secret"  # noqa: S105 (its name)
    REVEAL_SECRET = "reveal_secret"  # noqa: S105 (its name)
    MANAGE_EVENT_TYPES = "manage_event_types"
    MANAGE_KEYS = "manage_keys"
    MANAGE_MEMBERS = "manage_members"


@dataclass(frozen=True)
class Actor:
    """Who does something in an account. Without a key it is Zonehook itself, or the operator's machine."""

    account_id: int
    key_id: str | None = None
    member_id: str | None = None
    email: str | None = None
    role: Role = Role.OWNER
    address: str | None = None  # the client's, as the API saw it


@dataclass(frozen=True)
class _Allowed:
    """From `role` upwards, with a key of the scope manage or one of these."""

    role: Role
    scopes: frozenset[Scope] = frozenset()


_EMAIL = re.compile(r"[^\s@]{1,64}@[^\s@]{1,189}")
_RANKS = (Role.MEMBER, Role.ADMIN, Role.OWNER)
_READING = frozenset({Scope.READ})
_TABLE: Mapping[Action, _Allowed] = {
    Action.VIEW_ACCOUNT: _Allowed(Role.MEMBER, _READING),
    Action.VIEW_ENDPOINTS: _Allowed(Role.MEMBER, _READING),
    Action.VIEW_EVENTS: _Allowed(Role.MEMBER, _READING),
    Action.VIEW_DELIVERIES: _Allowed(Role.MEMBER, _READING),
    Action.VIEW_MEMBERS: _Allowed(Role.MEMBER, _READING),
    Action.VIEW_NAMES: _Allowed(Role.MEMBER, _READING),
    Action.READ_AUDIT_LOG: _Allowed(Role.ADMIN, _READING),
    Action.PUBLISH_EVENTS: _Allowed(Role.ADMIN, frozenset({Scope.PUBLISH})),
    Action.CHANGE_EVENTS: _Allowed(Role.ADMIN, frozenset({Scope.PUBLISH})),
    Action.STEER_DELIVERIES: _Allowed(Role.ADMIN),
    Action.SEND_TESTS: _Allowed(Role.ADMIN),
    Action.CREATE_ENDPOINTS: _Allowed(Role.ADMIN),
    Action.CHANGE_ENDPOINTS: _Allowed(Role.ADMIN),
    Action.DELETE_ENDPOINTS: _Allowed(Role.ADMIN),
    Action.ROTATE_SECRET: _Allowed(Role.ADMIN),
    Action.REVEAL_SECRET: _Allowed(Role.ADMIN),
    Action.MANAGE_EVENT_TYPES: _Allowed(Role.ADMIN),
    Action.MANAGE_KEYS: _Allowed(Role.ADMIN),
    Action.MANAGE_MEMBERS: _Allowed(Role.ADMIN),
}
_OF_SCOPE = {
    Scope.READ: "this key may only read",
    Scope.PUBLISH: "this key may only publish events",
    Scope.OPERATOR: "this key belongs to the operator and manages accounts alone",
}
_OF_ROLE = {
    Role.MEMBER: "a member may look but change nothing; ask an owner or an admin of this account",
    Role.ADMIN: "only an owner of this account may do this",
}


def refusal(role: Role, scope: Scope, action: Action) -> str | None:
    """Why a key of this scope, held by somebody in this role, may not do this; None when it may."""
    allowed = _TABLE[action]
    if scope is not Scope.MANAGE and scope not in allowed.scopes:
        return _OF_SCOPE[scope]
    if not is_at_least(role, allowed.role):
        return _OF_ROLE[role]
    return None


def is_at_least(role: Role, other: Role) -> bool:
    """Whether it ranks no lower. Nobody changes members, or gets keys, that rank higher than oneself."""
    return _RANKS.index(role) >= _RANKS.index(other)


def is_good_for_anything(role: Role, scope: Scope) -> bool:
    """Whether there is an action that such a key may do."""
    return any(refusal(role, scope, action) is None for action in Action)


def email_problem(text: str) -> str | None:
    """What is wrong with a person's address; whether it receives anything is not asked."""
    return None if _EMAIL.fullmatch(text) else "write an e-mail address such as ada@example.com"
