"""Which events an endpoint listens to, which headers it may ask for, and how its status is told."""

from datetime import UTC, datetime

import pytest

from zonehook import endpoints
from zonehook.endpoints import EndpointStatus

AT = datetime(2026, 7, 2, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("subscriptions", "event_type", "is_wanted"),
    [
        ([], "domain.create", True),
        ([], "anything.at_all:ended", True),
        (["domain.create"], "domain.create", True),
        (["domain.create"], "domain.delete", False),
        (["domain.create"], "domain.create:started", False),
        (["domain.create"], "domain.created", False),
        (["domain.create"], "domain.create.later", False),
        (["domain.delete", "domain.create"], "domain.create", True),
        (["domain.*"], "domain.create", True),
        (["domain.*"], "domain.renew:started", True),
        (["domain.*"], "domain.flow.completed", True),
        (["domain.*"], "domains.create", False),
        (["domain.*"], "subdomain.create", False),
        (["domain.*"], "zone.domain.create", False),
        (["domain.flow.*"], "domain.flow.completed", True),
        (["domain.flow.*"], "domain.create", False),
        (["zone.*", "domain.create"], "domain.create", True),
    ],
)
def test_an_endpoint_gets_what_it_subscribed_to(subscriptions: list[str], event_type: str, is_wanted: bool) -> None:
    """An exact type, everything below an object with `.*`, or all events when nothing is named."""
    assert endpoints.subscribes(subscriptions, event_type) is is_wanted


@pytest.mark.parametrize("wanted", ["domain.create", "domain.renew:started", "domain.*", "domain.flow.*"])
def test_a_subscription_is_a_type_or_all_of_an_object(wanted: str) -> None:
    """Types and objects with `.*` may be subscribed to."""
    assert endpoints.subscription_problem(wanted) is None


@pytest.mark.parametrize(
    "wanted",
    ["*", "", ".*", "*.*", "*.create", "domain", "domain*", "domain.*.create", "Domain.*", "domain.create:*",
     "domain:started.*", "domain..*", "domain.* ", "a" * 100 + ".*"],
)  # fmt: skip
def test_other_subscriptions_are_refused_with_a_sentence(wanted: str) -> None:
    """A subscription that could never match is refused, with what to write instead."""
    problem = endpoints.subscription_problem(wanted)
    assert problem is not None
    assert len(problem.split()) > 4


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("Authorization", "Bearer abc.def"),
        ("X-Api-Key", "s3cret"),
        ("x_custom", ""),
        ("X-Long", "a" * 1000),
        ("a" * 100, "value with spaces and ~!@#$%^&*()"),
        ("Webhook", "not one of ours"),
    ],
)
def test_an_endpoint_may_ask_for_headers(name: str, value: str) -> None:
    """Any header that Zonehook does not set itself may be sent along."""
    assert endpoints.header_problem(name, value) is None


@pytest.mark.parametrize(
    "name",
    ["Host", "HOST", "Content-Length", "content-type", "Content-Encoding", "Transfer-Encoding", "Connection",
     "User-Agent", "TE", "Upgrade", "Expect", "Webhook-Id", "webhook-signature", "WEBHOOK-TIMESTAMP",
     "Proxy-Authorization", "Zonehook-Anything"],
)  # fmt: skip
def test_our_own_headers_cannot_be_replaced(name: str) -> None:
    """Headers that carry the signature or frame the request are refused by name, in any case of letters."""
    problem = endpoints.header_problem(name, "x")
    assert problem is not None
    assert problem.startswith(name)


@pytest.mark.parametrize("name", ["", "X Y", "X:Y", "X\r\nY", "X-ü", "X\0", "a" * 101, "X\n", "(X)"])
def test_a_malformed_name_is_refused(name: str) -> None:
    """A name that could break or smuggle a header is refused."""
    assert endpoints.header_problem(name, "x") is not None


@pytest.mark.parametrize(
    "value", ["a\r\nX-Injected: yes", "a\n", "a\rb", "a\0b", "a\tb", "ü", "\x7f", "a" * 1001, " a", "a ", " "]
)
def test_a_malformed_value_is_refused(value: str) -> None:
    """A value that could break or smuggle a header, or that cannot be sent as it is, is refused."""
    assert endpoints.header_problem("X-Custom", value) is not None


@pytest.mark.parametrize(
    ("disabled_at", "suppressed_at", "expected"),
    [
        (None, None, EndpointStatus.ENABLED),
        (AT, None, EndpointStatus.DISABLED),
        (None, AT, EndpointStatus.SUPPRESSED),
        (AT, AT, EndpointStatus.DISABLED),
    ],
)
def test_disabled_outweighs_suppressed(
    disabled_at: datetime | None, suppressed_at: datetime | None, expected: EndpointStatus
) -> None:
    """What a person decided is told before what the failures brought about."""
    assert endpoints.status(disabled_at, suppressed_at) is expected
