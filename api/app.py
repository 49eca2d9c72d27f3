"""The application: every router, every refusal, one edge."""

from fastapi_offline import FastAPIOffline

from api import canary, description, health, refusals
from api.doors import Desks
from api.edge import Edge
from api.v1 import (
    accounts,
    api_keys,
    audit_log,
    deliveries,
    endpoints,
    event_types,
    events,
    members,
    recoveries,
    signals,
)
from api.v2 import identity, webhooks
from zonehook import __version__
from zonehook.ratelimits import RateLimits


def create_app(desks: Desks, limits: RateLimits, requests_per_minute: int) -> Edge:
    """The REST API over these desks; `/docs` needs no internet."""
    app = FastAPIOffline(
        title="Zonehook",
        version=__version__,
        description="Durable, signed webhook delivery for domain and DNS platforms.",
        redoc_url=None,
        redirect_slashes=False,
    )
    app.state.desks = desks
    of_v1 = (events, signals, event_types, endpoints, deliveries, recoveries, accounts, members, api_keys, audit_log)
    for module in (*of_v1, identity, webhooks, canary, health):
        app.include_router(module.router)
    refusals.install(app)
    description.install(app)
    # Around everything, so that even the answer to an unexpected failure carries its headers
    return Edge(app, limits, desks.credits, desks.tenants, per_minute=requests_per_minute)
