"""The commands. Each is one or two calls of the REST API and a table."""

import json
import os
import runpy
import sys
from typing import Annotated, Any
from urllib.parse import quote

import typer
from rich.console import Console

from zonehook import __version__
from zonehook.cli import access, house, listening, recovery
from zonehook.cli.encryption import rotate_encryption
from zonehook.cli.tables import console as _console
from zonehook.cli.tables import print_table as _print_table
from zonehook.errors import Invalid, ZonehookError


class _Sentences(typer.core.TyperGroup):
    """Shows an expected failure as its sentence, exit status 1, and no traceback."""

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except ZonehookError as problem:
            _complaints.print(f"zonehook: {problem.message}", markup=False, highlight=False, soft_wrap=True)
            raise typer.Exit(1) from None


_complaints = Console(stderr=True)
app = typer.Typer(
    cls=_Sentences,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)
endpoints = typer.Typer(no_args_is_help=True, help="Register, list, switch and delete endpoints.")
app.add_typer(endpoints, name="endpoints")
app.add_typer(access.accounts, name="accounts")
app.add_typer(access.keys, name="keys")
access.keys.command("rotate-encryption")(rotate_encryption)
app.add_typer(recovery.recoveries, name="recoveries")
app.command()(recovery.recover)


@app.command()
def up() -> None:
    """Run everything: Temporal, API and worker in one process. This is what make run does."""
    runpy.run_module("standalone", run_name="__main__")


@app.command()
def worker(
    processes: Annotated[
        int | None,
        typer.Option(min=1, max=256, help="So many (default: 1, or ZONEHOOK_WORKER_PROCESSES); each runs on one core."),
    ] = None,
) -> None:
    """Run a worker against the Temporal server and the database of the settings."""
    if processes is not None:
        os.environ["ZONEHOOK_WORKER_PROCESSES"] = str(processes)
    runpy.run_module("worker", run_name="__main__")


def _print_version(wanted: bool) -> None:
    if wanted:
        _console.print(__version__, highlight=False)
        raise typer.Exit


@app.callback()
def zonehook(
    version: Annotated[bool, typer.Option("--version", is_eager=True, callback=_print_version)] = False,
) -> None:
    """Zonehook: durable, signed webhook delivery."""


@app.command()
def listen(
    port: Annotated[int, typer.Option(min=1, max=65535, help="Where to listen, on 127.0.0.1.")] = 9000,
    fail: Annotated[int, typer.Option(min=0, help="Refuse this many deliveries first, with status 503.")] = 0,
    status: Annotated[int, typer.Option(min=200, max=599, help="What to answer otherwise.")] = 200,
    delay: Annotated[float, typer.Option(min=0, help="Seconds to wait before each answer.")] = 0,
    events: Annotated[list[str] | None, typer.Option(help="Subscribe to this type; again for more.")] = None,
    secret: Annotated[str | None, typer.Option(help="Check with this secret and register nothing.")] = None,
) -> None:
    """Receive deliveries, check their signatures and show them. Registers itself, and only once per port."""
    manners = listening.Manners(refusals=fail, status=status, delay=delay)
    with listening.bound(port) as place:
        known = secret or listening.registered_secret(house.of_settings(), port, events or [])
        listening.serve(place, known, manners)


@app.command()
def publish(
    type: Annotated[str, typer.Argument(help="The event's type, such as domain.create.")],
    data: Annotated[str, typer.Argument(help="Its data, a JSON object; - reads it from standard input.")] = "{}",
    id: Annotated[str | None, typer.Option(help="Your id of the event: publishing it twice is one event.")] = None,
    at: Annotated[
        str | None, typer.Option(help="Deliver it then: 2026-07-02T12:00:00Z, 90 days ahead at most.")
    ] = None,
) -> None:
    """Publish an event."""
    text = _object(sys.stdin.buffer.read() if data == "-" else os.fsencode(data))
    head = json.dumps({"type": type} | ({"id": id} if id else {}) | ({"deliver_at": at} if at else {}))
    accepted = house.of_settings().call("POST", "/v1/events", raw=f'{head[:-1]}, "data": {text}}}'.encode())
    known = ", known already: nothing new is delivered" if accepted["duplicate"] else ""
    _console.print(f"{accepted['id']} accepted at {accepted['accepted_at']}{known}", highlight=False, soft_wrap=True)
    if _console.is_terminal:
        _console.print(f"see what became of it: zonehook deliveries {accepted['id']}", style="dim", soft_wrap=True)


@app.command()
def deliveries(
    id: Annotated[str | None, typer.Argument(help="A delivery to show with its attempts, or an event.")] = None,
    status: Annotated[
        str | None, typer.Option(help="pending, retrying, delivered, failed, cancelled, skipped.")
    ] = None,
    endpoint: Annotated[str | None, typer.Option(help="Of this endpoint alone.")] = None,
    event: Annotated[str | None, typer.Option(help="Of this event alone.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=200)] = 20,
) -> None:
    """List deliveries, newest first, or show one with its attempts."""
    zonehook = house.of_settings()
    if id is not None and not id.startswith("evt_"):
        _show_delivery(zonehook, id)
        return
    wanted = {"status": status, "endpoint_id": endpoint, "event_id": id or event, "limit": limit}
    found = zonehook.call("GET", "/v1/webhook-deliveries", params=wanted)
    columns = ["id", "type", "status", "attempts", "last_status_code", "next_retry_at"]
    # An id that is broken over two lines cannot be copied
    is_wide = not _console.is_terminal or _console.width >= 130
    _print_table(found["data"], columns + ["endpoint_id", "reason"] * is_wide)
    if not is_wide and any(each["reason"] for each in found["data"]):
        _complaints.print("why one ended so: zonehook deliveries dlv_…, or a wider terminal", highlight=False)
    if found["next_cursor"]:
        _complaints.print(f"… and older ones; show more with --limit (now {limit})", highlight=False)


@app.command()
def replay(delivery_id: Annotated[str, typer.Argument(help="A delivery that has ended.")]) -> None:
    """Send a delivery again: the same bytes, signed anew."""
    delivery = house.of_settings().call("POST", f"/v1/webhook-deliveries/{delivery_id}/replay")
    _console.print(f"{delivery['id']} is {delivery['status']} again", highlight=False, soft_wrap=True)


@app.command("retry-now")
def retry_now(delivery_id: Annotated[str, typer.Argument(help="A delivery that waits for its next attempt.")]) -> None:
    """Make the waiting attempt at once; the waits after it go on as they would have."""
    delivery = house.of_settings().call("POST", f"/v1/webhook-deliveries/{delivery_id}/retry-now")
    _console.print(f"{delivery['id']}: the attempt that waited is made now", highlight=False, soft_wrap=True)


@app.command()
def cancel(delivery_id: Annotated[str, typer.Argument(help="A delivery that has not ended.")]) -> None:
    """Make no attempt of a delivery any more; replay sends it after all."""
    delivery = house.of_settings().call("POST", f"/v1/webhook-deliveries/{delivery_id}/cancel")
    _console.print(f"{delivery['id']} is {delivery['status']}", highlight=False, soft_wrap=True)


@app.command("event-types")
def event_types(
    name: Annotated[str | None, typer.Argument(help="One type, to see its sample and schema.")] = None,
) -> None:
    """List the event types of the account, or show one with a sample of its data."""
    zonehook = house.of_settings()
    if name is None:
        found = zonehook.call("GET", "/v1/event-types")
        if found["data"]:
            _print_table(found["data"], ["name", "description"])
        else:
            told = "Any type can be published; none is registered with a description, a sample or a schema."
            _console.print(told, soft_wrap=True)
        _console.print("\nTold by Zonehook itself, to endpoints that subscribe to them by name:", soft_wrap=True)
        _print_table(found["zonehook"], ["name", "description"])
        return
    shown = zonehook.call("GET", f"/v1/event-types/{quote(name, safe='')}")
    _console.print(f"{shown['name']}: {shown['description'] or 'no description'}", markup=False, soft_wrap=True)
    for title, document in (("sample", shown["sample"]), ("schema", shown["schema"])):
        if document is not None:
            _console.print(
                f"\n{title}:\n{json.dumps(document, indent=2, ensure_ascii=False)}", markup=False, soft_wrap=True
            )


@endpoints.command("create")
def create_endpoint(
    url: Annotated[str, typer.Argument(help="Where to deliver: https://…, or http://127.0.0.1:9000/ to try it out.")],
    events: Annotated[
        list[str] | None, typer.Option(help="domain.create or domain.*; again for more, none: all.")
    ] = None,
    description: str | None = None,
    dialect: Annotated[str | None, typer.Option(help="Whose webhooks it speaks; the account's unless given.")] = None,
    secret: Annotated[str | None, typer.Option(help="A signing secret of your own.")] = None,
) -> None:
    """Register an endpoint and print its signing secret, this once."""
    wanted = {"url": url, "events": events or [], "description": description, "dialect": dialect, "secret": secret}
    endpoint = house.of_settings().call("POST", "/v1/webhook-endpoints", wanted)
    shown = endpoint["signing_secret"]
    told = f"signing secret, shown this once: {shown}" if shown else "its deliveries are not signed"
    _console.print(f"{endpoint['id']}\n{told}", soft_wrap=True)


@endpoints.command("test")
def try_endpoint(
    endpoint_id: str, type: Annotated[str | None, typer.Argument(help="Of this type; the first it gets.")] = None
) -> None:
    """Deliver a sample to one endpoint."""
    zonehook = house.of_settings()
    delivery = zonehook.call("POST", f"/v1/webhook-endpoints/{endpoint_id}/test", {"type": type})
    _console.print(f"{delivery['id']}: a sample of {delivery['type']} is on its way", highlight=False, soft_wrap=True)


@endpoints.command("reveal-secret")
def reveal_secret(endpoint_id: str) -> None:
    """Print the signing secret once more, where the endpoint's dialect allows it."""
    shown = house.of_settings().call("POST", f"/v1/webhook-endpoints/{endpoint_id}/reveal-secret")
    _console.print(shown["signing_secret"], highlight=False, soft_wrap=True)


@endpoints.command("list")
def list_endpoints() -> None:
    """List endpoints, newest first."""
    found = house.of_settings().call("GET", "/v1/webhook-endpoints", params={"limit": 200})["data"]
    _print_table(found, ["id", "url", "status", "events", "consecutive_failures"])


@endpoints.command("enable")
def enable_endpoint(endpoint_id: str) -> None:
    """Deliver to it again."""
    _switch(endpoint_id, "enable")


@endpoints.command("disable")
def disable_endpoint(endpoint_id: str) -> None:
    """Deliveries that fall due while it is disabled are cancelled, and new events skipped; replay sends them."""
    _switch(endpoint_id, "disable")


@endpoints.command("clear-suppression")
def clear_suppression(endpoint_id: str) -> None:
    """Deliver again to an endpoint that failed too often."""
    _switch(endpoint_id, "clear-suppression")


@endpoints.command("delete")
def delete_endpoint(endpoint_id: str) -> None:
    """Delete it and cancel what was still to be delivered to it."""
    house.of_settings().call("DELETE", f"/v1/webhook-endpoints/{endpoint_id}")
    _console.print(f"{endpoint_id} is deleted", highlight=False)


def _object(raw: bytes) -> str:
    """The JSON object as it was typed. Raises Invalid for anything else, and for what comes after it."""
    try:
        text = raw.decode()
        is_object = isinstance(json.loads(text, parse_int=str), dict)
    except (ValueError, RecursionError) as problem:
        raise Invalid.field(
            "data", f"the data are not JSON ({problem}); the type comes first, then the data in single quotes"
        ) from None
    if not is_object:
        raise Invalid.field("data", "the data are not a JSON object")
    return text


def _switch(endpoint_id: str, verb: str) -> None:
    endpoint = house.of_settings().call("POST", f"/v1/webhook-endpoints/{endpoint_id}/{verb}")
    if verb == "enable" and endpoint["status"] == "suppressed":
        raise ZonehookError(
            "still_suppressed",
            f"it is still suppressed, after {endpoint['consecutive_failures']} failures in a row; use: "
            f"zonehook endpoints clear-suppression {endpoint_id}",
        )
    _console.print(f"{endpoint_id} is {endpoint['status']}", highlight=False)


def _show_delivery(zonehook: house.House, delivery_id: str) -> None:
    delivery = zonehook.call("GET", f"/v1/webhook-deliveries/{delivery_id}")
    attempts = zonehook.call("GET", f"/v1/webhook-deliveries/{delivery_id}/attempts")["data"]
    because = f": {delivery['reason']}" if delivery["reason"] else ""
    _console.print(
        f"{delivery['type']} to {delivery['request']['url']} is {delivery['status']}{because}",
        soft_wrap=True,
        markup=False,
    )
    if delivery["next_retry_at"]:
        _console.print(f"next attempt at {delivery['next_retry_at']}", highlight=False)
    _print_table(attempts, ["number", "trigger", "started_at", "duration_ms", "status_code", "error"])
