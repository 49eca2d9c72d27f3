"""The table of roles: who may do what, and with which key."""

import itertools

import pytest

from zonehook import roles
from zonehook.keys import Scope
from zonehook.roles import Action, Role

CHANGES = set(Action) - {each for each in Action if each.startswith(("view_", "read_"))}
SECRETS = {Action.REVEAL_SECRET, Action.ROTATE_SECRET}


def _may(role: Role, scope: Scope) -> set[Action]:
    return {action for action in Action if roles.refusal(role, scope, action) is None}


def test_a_higher_role_may_do_all_that_a_lower_may() -> None:
    """Whatever a member may, an admin may, and whatever an admin may, the owner may, with every scope."""
    for scope in Scope:
        assert _may(Role.MEMBER, scope) <= _may(Role.ADMIN, scope) <= _may(Role.OWNER, scope)


def test_a_narrower_scope_adds_nothing() -> None:
    """No scope lets a role do what the scope manage does not."""
    for role, scope in itertools.product(Role, Scope):
        assert _may(role, scope) <= _may(role, Scope.MANAGE)


def test_owners_and_admins_do_everything_in_their_account() -> None:
    """With a key of the scope manage owner and admin may do every action there is, seeing secrets among them."""
    assert _may(Role.OWNER, Scope.MANAGE) == _may(Role.ADMIN, Scope.MANAGE) == set(Action)


def test_a_member_changes_nothing_and_sees_no_secret() -> None:
    """A member may look with any key, and do nothing that changes something or shows a secret."""
    assert _may(Role.MEMBER, Scope.MANAGE) == _may(Role.MEMBER, Scope.READ)
    assert not _may(Role.MEMBER, Scope.MANAGE) & (CHANGES | SECRETS)
    assert _may(Role.MEMBER, Scope.PUBLISH) == set()


def test_keys_that_read_and_keys_that_publish() -> None:
    """A key that reads changes nothing and sees no secret, whoever holds it; one that publishes does that alone, and
    moves and cancels what is scheduled.
    """
    assert not _may(Role.OWNER, Scope.READ) & (CHANGES | SECRETS)
    assert _may(Role.OWNER, Scope.PUBLISH) == {Action.PUBLISH_EVENTS, Action.CHANGE_EVENTS}
    assert _may(Role.OWNER, Scope.OPERATOR) == set()


def test_who_ranks_over_whom() -> None:
    """Owner, admin, member, in this order; everybody is at least what they are."""
    ranked = [Role.OWNER, Role.ADMIN, Role.MEMBER]
    assert [[roles.is_at_least(one, other) for other in ranked] for one in ranked] == [
        [True, True, True],
        [False, True, True],
        [False, False, True],
    ]


@pytest.mark.parametrize("text", ["ada@example.com", "a+b@x", "ädä@bücher.example", f"{'a' * 64}@{'b' * 189}"])
def test_an_address(text: str) -> None:
    """What may be a person's address passes."""
    assert roles.email_problem(text) is None


@pytest.mark.parametrize("text", ["", "ada", "@example.com", "ada@", "a b@x", "a@b@c", "a@x\n", f"{'a' * 65}@x"])
def test_no_address(text: str) -> None:
    """What cannot be one is refused with an example."""
    assert "@example.com" in (roles.email_problem(text) or "")
