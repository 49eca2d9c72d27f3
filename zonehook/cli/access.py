"""The commands for accounts, with the operator's key, and for an account's API keys."""

from typing import Annotated, Any

import typer

from zonehook.cli import house
from zonehook.cli.tables import console, print_table

accounts = typer.Typer(no_args_is_help=True, help="Open and list accounts: with the operator's key.")
keys = typer.Typer(
    no_args_is_help=True,
    help="An account's API keys: create, list, rotate, revoke; and the keys that secrets are encrypted with.",
)


@accounts.command("create")
def open_account(
    name: str,
    dialect: Annotated[str, typer.Option(help="Whose webhooks it speaks.")] = "standard",
    plan: Annotated[str | None, typer.Option(help="starter, pro, business, enterprise or unlimited.")] = None,
    owner: Annotated[str | None, typer.Option(help="The owner's e-mail address; they hold the key.")] = None,
) -> None:
    """Open an account and print its owner's API key, this once."""
    wanted = {"name": name, "dialect": dialect, "plan": plan, "owner_email": owner}
    account = house.of_operator().call("POST", "/v1/accounts", _given(wanted))
    console.print(f"account {account['id']}", highlight=False)
    _show_once(account["api_key"])


@accounts.command("list")
def list_accounts() -> None:
    """List accounts, newest first."""
    found = house.of_operator().call("GET", "/v1/accounts", params={"limit": 200})["data"]
    print_table([each | {"account": str(each["id"])} for each in found], ["account", "name", "dialect", "plan"])


@keys.command("create")
def create_key(
    name: str,
    scope: Annotated[str, typer.Option(help="manage, read or publish.")] = "manage",
    member: Annotated[str | None, typer.Option(help="The id of the member who holds it; you, unless given.")] = None,
    expires_at: Annotated[str | None, typer.Option(help="Such as 2026-12-31T00:00:00Z; never, unless given.")] = None,
) -> None:
    """Create an API key and print it, this once."""
    wanted = {"name": name, "scope": scope, "member_id": member, "expires_at": expires_at}
    made = house.of_settings().call("POST", "/v1/api-keys", _given(wanted))
    console.print(made["id"], highlight=False)
    _show_once(made["key"])


@keys.command("list")
def list_keys() -> None:
    """List API keys, newest first, without those that were revoked."""
    found = house.of_settings().call("GET", "/v1/api-keys", params={"limit": 200})["data"]
    print_table(found, ["id", "name", "scope", "member_id", "expires_at"])


@keys.command("rotate")
def rotate_key(
    key_id: str, grace: Annotated[int, typer.Option(min=0, help="Seconds that the old one goes on.")] = 0
) -> None:
    """Replace what a key is and print the new one, this once."""
    rotated = house.of_settings().call("POST", f"/v1/api-keys/{key_id}/rotate", {"grace_seconds": grace})
    _show_once(rotated["key"])


@keys.command("revoke")
def revoke_key(key_id: str) -> None:
    """Revoke a key: it opens nothing from now on."""
    house.of_settings().call("DELETE", f"/v1/api-keys/{key_id}")
    console.print(f"{key_id} is revoked", highlight=False)


def _given(wanted: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in wanted.items() if value is not None}


def _show_once(key: str) -> None:
    console.print(f"API key, shown this once: {key}", highlight=False, soft_wrap=True)
