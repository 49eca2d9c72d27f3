"""The plans: how many endpoints an account may have, and events in a month. The one table."""

_ENDPOINTS: dict[str, int | None] = {"starter": 3, "pro": 10, "business": None, "enterprise": None, "unlimited": None}
_CREDITS: dict[str, int | None] = {
    "starter": 10_000,
    "pro": 100_000,
    "business": 1_000_000,
    "enterprise": None,
    "unlimited": None,
}
NAMES = tuple(_ENDPOINTS)
# What the plans without a number have, unless the operator sets another
FAIR_USE = 1000  # endpoints
FAIR_USE_CREDITS = 10_000_000


def endpoints_of(plan: str, fair_use: int) -> int:
    """How many endpoints this plan has room for; those without a number of their own have the `fair_use` ceiling."""
    own = _ENDPOINTS[plan]
    return fair_use if own is None else own


def credits_of(plan: str, fair_use: int) -> int:
    """How many events a month this plan includes; nothing is refused beyond."""
    own = _CREDITS[plan]
    return fair_use if own is None else own


def quota_sentence(plan: str, fair_use: int) -> str:
    """Why there is no room for another endpoint, and what to do."""
    limit = endpoints_of(plan, fair_use)
    if _ENDPOINTS[plan] is None:
        return (
            f"the {plan} plan has no fixed limit, but fair use ends at {limit:,} endpoints an account;"
            " delete one, or ask the operator to raise ZONEHOOK_FAIR_USE_ENDPOINTS"
        )
    return f"the {plan} plan has room for {limit} endpoints, and all are taken; delete one, or move to a larger plan"
