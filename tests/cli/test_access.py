"""Accounts and API keys from the command line."""

from tests.api import shapes
from tests.cli.shell import Shell
from tests.cli.test_refusals import complaint
from tests.running import Account, House

ONCE = "API key, shown this once: "


async def test_open_and_list_accounts(house: House, shell: Shell) -> None:
    """`accounts create` prints the number and a key that opens the account; `accounts list` names it."""
    made = await shell.run("accounts", "create", "Bücher GmbH", "--plan", "pro", "--owner", "ada@example.com")
    listed = await shell.run("accounts", "list")

    number, told = made.out.splitlines()
    own = await house.with_key(told.removeprefix(ONCE)).call("GET", "/v1/account", status=200)
    assert (number, own["name"], own["plan"]) == (f"account {own['id']}", "Bücher GmbH", "pro")
    assert [str(own["id"]), "Bücher", "GmbH", "standard", "pro"] in [line.split() for line in listed.out.splitlines()]


async def test_a_key_from_making_to_revoking(house: House, shell: Shell, account: Account) -> None:
    """`keys create`, `list`, `rotate` and `revoke` do what they say, and print a key when it is made and no more."""
    made = await shell.run("keys", "create", "ours", "--scope", "read", "--expires-at", "2099-01-01T00:00:00Z")
    key_id, told = made.out.splitlines()
    first = house.with_key(told.removeprefix(ONCE))
    await first.call("GET", "/v1/account", status=200)

    rotated = await shell.run("keys", "rotate", key_id, "--grace", "3600")
    second = house.with_key(rotated.out.strip().removeprefix(ONCE))
    listed = await shell.run("keys", "list")
    for acting in (first, second):
        await acting.call("GET", "/v1/account", status=200)
    revoked = await shell.run("keys", "revoke", key_id)

    assert [key_id, "ours", "read", "-", "2099-01-01T00:00:00Z"] in [line.split() for line in listed.out.splitlines()]
    assert "zhk_" not in listed.out
    assert revoked.out == f"{key_id} is revoked\n"
    for acting in (first, second):
        shapes.refusal(await acting.client.get("/v1/account"), 401)


async def test_refused(shell: Shell, account: Account) -> None:
    """What is refused is one sentence: a plan there is not, an account's key where the operator's is needed."""
    key = account.client.headers["Authorization"].removeprefix("Bearer ")

    assert "unlimited" in complaint(await shell.run("accounts", "create", "x", "--plan", "gold"))
    assert "operator" in complaint(await shell.having(ZONEHOOK_OPERATOR_KEY=key).run("accounts", "list"))
    assert "key_x" in complaint(await shell.run("keys", "revoke", "key_x"))
