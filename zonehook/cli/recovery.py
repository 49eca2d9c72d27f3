"""The commands that send again what an endpoint missed."""

import re
import time
from datetime import timedelta
from typing import Annotated, Any

import typer
from rich.progress import Progress

from zonehook import clock, moments
from zonehook.cli import house
from zonehook.cli.tables import console, print_table
from zonehook.errors import Invalid

recoveries = typer.Typer(no_args_is_help=True, help="List, watch, pause, resume and cancel recoveries.")
_AGO = re.compile(r"([0-9]{1,6})([smhd])")
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}
_LOOK_SECONDS = 0.5


def recover(
    endpoint_id: str,
    since: Annotated[str, typer.Option(help="30m, 2h or 3d ago, or a moment such as 2026-07-02T12:00:00Z.")],
    until: Annotated[str | None, typer.Option(help="Likewise; now unless given.")] = None,
    status: Annotated[
        list[str] | None, typer.Option(help="failed, cancelled or skipped; again for more, none: all three.")
    ] = None,
    detach: Annotated[bool, typer.Option("--detach", help="Do not await its end.")] = False,
) -> None:
    """Send again what an endpoint missed, and show how far it is. Ctrl-C stops looking; the recovery goes on."""
    zonehook = house.of_settings()
    wanted: dict[str, Any] = {"since": _moment("since", since)}
    if until is not None:
        wanted["until"] = _moment("until", until)
    if status:
        wanted["statuses"] = status
    recovery = zonehook.call("POST", f"/v1/webhook-endpoints/{endpoint_id}/recover", wanted)
    if detach:
        _tell(recovery)
    else:
        _watch(zonehook, recovery)


@recoveries.command("list")
def list_recoveries() -> None:
    """List recoveries, newest first."""
    found = house.of_settings().call("GET", "/v1/recoveries", params={"limit": 200})["data"]
    print_table(found, ["id", "status", "total", "done", "failed", "created_at"])


@recoveries.command("watch")
def watch(recovery_id: str) -> None:
    """Show how far a recovery is, until it pauses or ends."""
    zonehook = house.of_settings()
    _watch(zonehook, zonehook.call("GET", f"/v1/recoveries/{recovery_id}"))


@recoveries.command("pause")
def pause(recovery_id: str) -> None:
    """Send nothing further until it is resumed."""
    _steer(recovery_id, "pause")


@recoveries.command("resume")
def resume(recovery_id: str) -> None:
    """Go on where it paused."""
    _steer(recovery_id, "resume")


@recoveries.command("cancel")
def cancel(recovery_id: str) -> None:
    """End it; what was sent again already goes on."""
    _steer(recovery_id, "cancel")


def _steer(recovery_id: str, verb: str) -> None:
    _tell(house.of_settings().call("POST", f"/v1/recoveries/{recovery_id}/{verb}"))


def _watch(zonehook: house.House, recovery: dict[str, Any]) -> None:
    try:
        with Progress(console=console, transient=True, disable=not console.is_terminal) as progress:
            task = progress.add_task(f"sending again ({recovery['id']})", total=recovery["total"])
            while recovery["status"] == "running":
                progress.update(task, completed=recovery["done"] + recovery["failed"], total=recovery["total"])
                time.sleep(_LOOK_SECONDS)
                recovery = zonehook.call("GET", f"/v1/recoveries/{recovery['id']}")
    except KeyboardInterrupt:
        console.print(f"it goes on; look again with: zonehook recoveries watch {recovery['id']}", soft_wrap=True)
        raise typer.Exit(130) from None
    _tell(recovery)


def _tell(recovery: dict[str, Any]) -> None:
    because = f": {recovery['reason']}" if recovery["reason"] else ""
    told = [
        f"{recovery['id']} is {recovery['status']}{because}",
        f"{recovery['done']} of {recovery['total']} sent again, {recovery['failed']} could not be",
        *(f"{each['delivery_id']}: {each['reason']}" for each in recovery["failures"]),
    ]
    console.print("\n".join(told), markup=False, highlight=False, soft_wrap=True)


def _moment(option: str, text: str) -> str:
    """A moment as the API takes it; what is not so long ago it judges itself."""
    ago = _AGO.fullmatch(text)
    if ago is None and "-" not in text:
        raise Invalid.field(option, f"--{option}: write 30m, 2h or 3d, or a moment such as 2026-07-02T12:00:00Z")
    if ago is None:
        return text
    try:
        return moments.timestamp(clock.now() - timedelta(**{_UNITS[ago[2]]: int(ago[1])}))
    except OverflowError:
        raise Invalid.field(option, f"--{option} {text} is in no calendar") from None
