"""Whatever cannot be done is one sentence on standard error and exit status 1, never a traceback."""

import asyncio
from pathlib import Path

import pytest

from tests.cli.shell import Argument, Ended, Shell
from tests.receiver import Mailbox
from tests.running import Account, free_port

UNKNOWN = "0" * 26


def complaint(done: Ended) -> str:
    """The sentence that a refused command printed, and nothing else."""
    assert "Traceback" not in done.err, done.err
    assert (done.status, done.out) == (1, "")
    [sentence] = done.err.splitlines()
    assert sentence.startswith("zonehook: ")
    return sentence.removeprefix("zonehook: ")


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["publish", "Domain.create"], "object.action"),
        (["publish", "domain.create", "no json"], "JSON"),
        (["publish", "domain.create", "[]"], "JSON object"),
        (["publish", "domain.create", "{}", "--id", "x" * 256], "255"),
        (["endpoints", "create", "http://8.8.8.8/"], "https://"),
        (["endpoints", "create", "https://127.0.0.1:9/", "--events", "Domain"], "object.action"),
        (["endpoints", "enable", f"ep_{UNKNOWN}"], f"ep_{UNKNOWN}"),
        (["endpoints", "delete", "x"], "there is no x"),
        (["deliveries", f"dlv_{UNKNOWN}"], f"dlv_{UNKNOWN}"),
        (["deliveries", "--status", "lost"], "status"),
        (["deliveries", "--endpoint", "x"], "endpoint_id"),
        (["replay", f"dlv_{UNKNOWN}"], f"dlv_{UNKNOWN}"),
    ],
    ids=lambda value: " ".join(value)[:50] if isinstance(value, list) else "",
)
async def test_what_the_api_refuses(shell: Shell, arguments: list[str], says: str) -> None:
    """The API's sentence is shown."""
    assert says in complaint(await shell.run(*arguments))


async def test_conflicts(shell: Shell, account: Account, mailbox: Mailbox) -> None:
    """A known id with other data, and a replay to an endpoint that is switched off, are refused with the reason."""
    endpoint = await account.register(mailbox.url)
    event = await account.publish(id="k")
    [delivery] = await account.settled(event["id"])
    await account.call("POST", f"/v1/webhook-endpoints/{endpoint['id']}/disable", status=200)

    known, off = await asyncio.gather(
        shell.run("publish", "domain.create", '{"other": true}', "--id", "k"), shell.run("replay", delivery["id"])
    )

    assert "used before" in complaint(known)
    assert "disabled" in complaint(off)


async def test_data_is_one_object(shell: Shell, account: Account) -> None:
    """What follows the data's closing brace is refused and does not become other fields of the event."""
    done = await shell.run("publish", "domain.create", '{}, "subject": "smuggled"')

    complaint(done)
    assert (await account.call("GET", "/v1/events", status=200))["data"] == []


@pytest.mark.parametrize("left", [None, "{", "[]", '{"url": null}'])
async def test_no_credentials(shell: Shell, tmp_path: Path, left: str | None) -> None:
    """Without a readable credentials file the sentence says what to do."""
    if left is not None:
        (tmp_path / "credentials.json").write_text(left)

    done = await shell.having(ZONEHOOK_HOME=str(tmp_path), ZONEHOOK_API_KEY=None).run("deliveries")

    sentence = complaint(done)
    for advice in (str(tmp_path / "credentials.json"), "make run", "ZONEHOOK_URL", "ZONEHOOK_API_KEY"):
        assert advice in sentence


async def test_not_running(shell: Shell) -> None:
    """When nothing answers at the address the sentence names it and says how to start."""
    url = f"http://127.0.0.1:{free_port()}"

    done = await shell.having(ZONEHOOK_URL=url).run("deliveries")

    sentence = complaint(done)
    assert url in sentence
    assert "make run" in sentence


async def test_something_else_answers(shell: Shell, mailbox: Mailbox) -> None:
    """When something else than a Zonehook answers at the address, the sentence says so."""
    url = mailbox.url.replace("https://", "http://")  # TLS where plain http is spoken: no HTTP comes back

    assert url in complaint(await shell.having(ZONEHOOK_URL=url).run("deliveries"))


@pytest.mark.parametrize("key", ["zhk_wrong", "zhk_…", "zhk_wrong\n"], ids=ascii)
async def test_a_wrong_key(shell: Shell, key: str) -> None:
    """A key that is not known, or cannot be one, is said to be so and not repeated."""
    sentence = complaint(await shell.having(ZONEHOOK_API_KEY=key).run("deliveries"))

    assert "key" in sentence.lower()
    assert "zhk_wrong" not in sentence


@pytest.mark.parametrize("url", ["localhost:8080", "http://[", "http://127.0.0.1:port", "ftp://127.0.0.1"])
async def test_a_wrong_address(shell: Shell, url: str) -> None:
    """An address that is none is shown in the sentence."""
    assert url in complaint(await shell.having(ZONEHOOK_URL=url).run("deliveries"))


async def test_a_wrong_setting(shell: Shell) -> None:
    """A setting that cannot be read is named."""
    assert "ZONEHOOK_PORT" in complaint(await shell.having(ZONEHOOK_PORT="many").run("deliveries"))


@pytest.mark.parametrize(
    ("arguments", "typed"),
    [
        ([b"publish", b"domain.create", b'{"a": "\xff"}'], b""),
        ([b"publish", b"domain.create", b"-"], b'{"a": "\xff"}'),
        ([b"publish", b"domain.create", b"{}", b"--id", b"\xff"], b""),
        ([b"deliveries", b"\x01"], b""),
        ([b"deliveries", b"\xff"], b""),
        ([b"deliveries", b""], b""),
        ([b"replay", b"../../v1/accounts"], b""),
        ([b"endpoints", b"create", b"https://127.0.0.1:9/\xff"], b""),
    ],
    ids=lambda value: ascii(b" ".join(value))[2:60] if isinstance(value, list) else "",
)
async def test_odd_input(shell: Shell, arguments: list[Argument], typed: bytes) -> None:
    """Bytes that are no text and ids that are none are refused in a sentence too."""
    complaint(await shell.run(*arguments, typed=typed))
