"""`zonehook recover` and `zonehook recoveries`: what an endpoint missed, sent again from a terminal."""

import re

from tests.acceptance import recovering
from tests.cli.shell import Shell
from tests.receiver import Mailbox
from tests.running import Account


async def test_recover(shell: Shell, account: Account, mailbox: Mailbox) -> None:
    """`recover` waits for the end, and says how many were sent again and what could not be."""
    endpoint = await account.register(mailbox.url)
    missed = await recovering.skipped(account, endpoint, 25)
    await recovering.switch(account, endpoint, "enable")

    none = await shell.run("recover", endpoint["id"], "--since", "2h", "--status", "failed")
    done = await shell.run("recover", endpoint["id"], "--since", "2h")
    arrived = await mailbox.wait_for(25)

    assert (none.status, done.status, done.err) == (0, 0, "")
    assert "0 of 0 sent again, 0 could not be" in none.out
    assert re.search(r"^rcv_\w{26} is completed\n25 of 25 sent again, 0 could not be$", done.out, re.MULTILINE)
    assert sorted(recovering.ids(arrived)) == sorted(missed)


async def test_steering(shell: Shell, account: Account, mailbox: Mailbox) -> None:
    """`recoveries` lists, pauses, resumes, watches and cancels; --detach does not wait."""
    endpoint = await account.register(mailbox.url)
    await recovering.skipped(account, endpoint, 200)
    await recovering.switch(account, endpoint, "enable")

    begun = await shell.run("recover", endpoint["id"], "--since", "2026-01-01T00:00:00Z", "--detach")
    recovery = {"id": begun.out.split()[0]}
    await recovering.steer(account, recovery, "pause")
    paused = [await shell.run("recoveries", verb, recovery["id"]) for verb in ("pause", "watch")]
    listed = await shell.run("recoveries", "list")
    resumed = await shell.run("recoveries", "resume", recovery["id"])
    cancelled = await shell.run("recoveries", "cancel", recovery["id"])
    again = await shell.run("recoveries", "cancel", recovery["id"])

    assert begun.out.startswith(f"{recovery['id']} is running\n")
    for each in paused:
        assert (each.status, each.err) == (0, "")
        assert each.out.startswith(f"{recovery['id']} is paused: it was paused by hand\n")
    assert recovery["id"] in listed.out
    assert resumed.out.startswith(f"{recovery['id']} is running\n")
    assert cancelled.out.startswith(f"{recovery['id']} is cancelled: it was cancelled by hand\n")
    assert (again.status, again.err) == (1, "zonehook: this recovery is cancelled already; start another\n")


async def test_interrupted(shell: Shell, account: Account, mailbox: Mailbox) -> None:
    """Ctrl-C stops looking and says how to look again; the recovery goes on to its end."""
    endpoint = await account.register(mailbox.url)
    await recovering.skipped(account, endpoint, 60)
    await recovering.switch(account, endpoint, "enable")

    async with shell.running("recover", endpoint["id"], "--since", "1d") as command:
        await mailbox.wait_for(21)  # the second batch: a second after it began
        assert await command.interrupt() == 130
    told = re.search(r"zonehook recoveries watch (rcv_\w{26})", command.printed)
    assert told is not None, command.printed

    end = await recovering.completed(account, {"id": told[1]})
    assert end["done"] == 60


async def test_moments_that_are_none(shell: Shell, account: Account, mailbox: Mailbox) -> None:
    """A time that cannot be read or lies in the future is refused in a sentence that names it."""
    endpoint = await account.register(mailbox.url)
    for since, sentence in (
        ("yesterday", "--since: write 30m, 2h or 3d, or a moment such as 2026-07-02T12:00:00Z"),
        ("10-x", "since: write a time such as 2026-07-02T12:00:00Z"),
        ("999999d", "--since 999999d is in no calendar"),
        ("2999-01-01T00:00:00Z", "since lies in the future"),
    ):
        refused = await shell.run("recover", endpoint["id"], "--since", since)
        assert refused.status == 1
        assert sentence in refused.err
    assert (await account.call("GET", "/v1/recoveries", status=200))["data"] == []
