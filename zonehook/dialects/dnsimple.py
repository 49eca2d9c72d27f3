"""DNSimple's webhooks, and its old payload (`dnsimple-legacy`): exactly 200 confirms, ten attempts in two hours.

Unsigned, as the vendor's are, unless the endpoint was given a secret. The body's keys are the documentation's, in its
order; `data` goes out byte for byte as it came in.
"""

import json
from dataclasses import replace
from datetime import timedelta

from zonehook import events, ids, moments
from zonehook.dialects import catalogue, own
from zonehook.dialects.dialect import Dialect, Letter, Secrets, Subscribing
from zonehook.endpoints import Endpoint
from zonehook.errors import Detail
from zonehook.messages import AcceptedEvent, Policy

_CATALOGUE = catalogue.read("dnsimple")
_ENTITIES = ("user", "account", "dnsimple")
# What an event without an actor was caused by: the vendor's own asynchronous work
_SYSTEM = {"id": '"system"', "entity": '"dnsimple"', "pretty": '"support@dnsimple.com"'}
# And what Zonehook tells of itself, which is no work of the vendor's; as entity the platform is nearest
_ZONEHOOK = {"id": '"zonehook"', "entity": '"dnsimple"', "pretty": '"Zonehook"'}


def envelope(letter: Letter) -> bytes:
    """`{"name","api_version","request_identifier","data","account","actor"}`."""
    name = json.dumps(letter.account_name, ensure_ascii=False)
    account = f'{{"id":{letter.event.account_id},"identifier":{name},"display":{name}}}'
    return _body("name", letter, f'"account":{account},').encode()


def legacy_envelope(letter: Letter) -> bytes:
    """`{"action","api_version","request_identifier","data","actor"}`."""
    return _body("action", letter, "").encode()


def lacks(event: AcceptedEvent) -> list[Detail]:
    """The objects that the type is about, and an actor that strict parsers take: its id is a text, never a number."""
    found = catalogue.lacking(event.data, _CATALOGUE[event.type])
    if event.actor is None:
        return found
    actor = events.members(event.actor)
    for name in _SYSTEM:
        if name not in actor:
            found.append(Detail(f"actor.{name}", f"an actor has id, entity and pretty; {name} is missing"))
        elif events.kind(actor[name]) != "a string":
            found.append(Detail(f"actor.{name}", f"send a string as actor.{name}, not {events.kind(actor[name])}"))
    if events.kind(actor.get("entity", "null")) == "a string" and json.loads(actor["entity"]) not in _ENTITIES:
        found.append(Detail("actor.entity", f"an actor's entity is one of {', '.join(_ENTITIES)}"))
    found += [
        Detail(f"actor.{name}", "an actor has id, entity and pretty alone; leave this out")
        for name in actor
        if name not in _SYSTEM
    ]
    return found


def webhook_data(endpoint: Endpoint) -> str:
    """The data of `webhook.create` and `webhook.delete`, as JSON text."""
    suppressed_at = endpoint.suppressed_at and moments.timestamp(endpoint.suppressed_at)
    webhook = {"id": endpoint.number, "url": endpoint.url, "suppressed_at": suppressed_at}
    return json.dumps({"webhook": webhook}, ensure_ascii=False)


def account_actor(account_id: int, name: str) -> str:
    """The actor of what was done with an account's own key, as JSON text."""
    return json.dumps({"id": str(account_id), "entity": "account", "pretty": name}, ensure_ascii=False)


def _body(head: str, letter: Letter, account: str) -> str:
    event = letter.event
    nobody = _ZONEHOOK if own.is_own(event.type) else _SYSTEM
    actor = nobody if event.actor is None else events.members(event.actor)
    parts = ",".join(f'"{name}":{actor[name]}' for name in _SYSTEM)
    return (
        f'{{"{head}":{json.dumps(event.type)},"api_version":"v2",'
        f'"request_identifier":"{ids.as_uuid(letter.delivery_id)}",'
        f'"data":{event.data},{account}"actor":{{{parts}}}}}'
    )


DIALECT = Dialect(
    name="dnsimple",
    policy=Policy(
        waits=tuple(14.0 * 2**n for n in range(9)),  # 14 s … 3,584 s, 7,154 s in all
        window=7200,
        timeout=10,
        jitter=0,
        exactly_200=True,
        suppress_after=15,
    ),
    envelope=envelope,
    catalogue=_CATALOGUE,
    lacks=lacks,
    subscribing=Subscribing.ALWAYS_ALL,
    secrets=Secrets.OPTIONAL,
    overlap=timedelta(hours=24),
    reveals=True,
)
LEGACY = replace(DIALECT, name="dnsimple-legacy", envelope=legacy_envelope)
NAMES = (DIALECT.name, LEGACY.name)
