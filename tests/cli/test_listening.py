"""`zonehook listen`: a receiver that registers itself, checks every signature, and answers as it is told."""

import base64
import json
import socket
from pathlib import Path

import httpx
import pytest

from tests.cli.shell import Shell
from tests.cli.test_refusals import complaint
from tests.running import Account, House, free_port

CHOSEN = "whsec_" + base64.b64encode(b"a secret for the receiver of this test").decode()
OTHER = "whsec_" + base64.b64encode(b"a secret that nothing is signed with!!").decode()


async def test_it_registers_itself_once(shell: Shell, account: Account, house: House) -> None:
    """Started for the first time it registers, verifies and shows a delivery; the next time it is known."""
    port = free_port()

    async with shell.running("listen", "--port", str(port)) as listening:
        registered = await listening.until("Registered ")
        await listening.until("Listening on")
        event = await account.publish("domain.create", {"domain": "bücher.example"})
        verified = await listening.until("signature verified")
        await listening.until("bücher.example")
        [first_delivery] = await account.settled(event["id"])
        first_end = await listening.interrupt()
    async with shell.running("listen", "--port", str(port)) as again:
        before = await again.until("Registered before")
        await again.until("Listening on")
        event = await account.publish()
        await again.until("signature verified")
        [second_delivery] = await account.settled(event["id"])
        await again.interrupt()

    [endpoint] = (await account.call("GET", "/v1/webhook-endpoints", status=200))["data"]
    assert registered == f"Registered http://127.0.0.1:{port}/ as {endpoint['id']}.\n"
    assert before == f"Registered before as {endpoint['id']}.\n"
    assert verified == "attempt 1 seen here, signature verified, answered 200\n"
    assert (first_end, listening.printed.splitlines()[-1]) == (0, "Stopped.")
    assert (house.home / "listen.json").stat().st_mode & 0o077 == 0
    for delivery, printed in ((first_delivery, listening.printed), (second_delivery, again.printed)):
        assert (delivery["status"], delivery["attempts"]) == ("delivered", 1)
        assert delivery["id"] in printed


async def test_it_refuses_so_many_times(shell: Shell, account: Account) -> None:
    """With --fail 1 the first attempt gets a 503 and the second arrives, under the same id and verified again."""
    async with shell.running("listen", "--port", str(free_port()), "--fail", "1") as listening:
        await listening.until("Listening on")
        event = await account.publish()
        first = await listening.until("signature verified")
        second = await listening.until("signature verified")
        [delivery] = await account.settled(event["id"])

    assert first == "attempt 1 seen here, signature verified, answered 503\n"
    assert second == "attempt 2 seen here, signature verified, answered 200\n"
    assert [each["status_code"] for each in await account.attempts(delivery["id"])] == [503, 200]


async def test_it_answers_with_a_status(shell: Shell, account: Account) -> None:
    """With --status it answers that, and with --events only these come."""
    wanted = ("--status", "204", "--events", "zone.create", "--events", "zone.delete")
    async with shell.running("listen", "--port", str(free_port()), *wanted) as listening:
        await listening.until("Listening on")
        await account.publish("domain.create")
        event = await account.publish("zone.create")
        shown = await listening.until("signature verified")
        [delivery] = await account.settled(event["id"])

    assert shown.endswith("answered 204\n")
    assert delivery["last_status_code"] == 204
    assert len(await account.deliveries()) == 1


async def test_with_a_secret_it_registers_nothing(shell: Shell, account: Account) -> None:
    """With --secret it checks with that; what was signed with another is not genuine and gets a 401."""
    ports = free_port(), free_port()
    right = shell.running("listen", "--port", str(ports[0]), "--secret", CHOSEN)
    wrong = shell.running("listen", "--port", str(ports[1]), "--secret", OTHER)
    async with right as good, wrong as bad:
        await good.until("Listening on")
        await bad.until("Listening on")
        assert (await account.call("GET", "/v1/webhook-endpoints", status=200))["data"] == []
        for port in ports:
            await account.register(f"http://127.0.0.1:{port}/", secret=CHOSEN)
        event = await account.publish()
        verified = await good.until("seen here")
        refused = await bad.until("seen here")
        found = await account.settled(event["id"], count=2, statuses=("delivered", "retrying"))

    assert verified.endswith("signature verified, answered 200\n")
    assert "not genuine: no signature" in refused
    assert {each["last_status_code"] for each in found} == {200, 401}


async def test_registered_anew_after_deletion(shell: Shell, account: Account) -> None:
    """When its endpoint was deleted meanwhile it registers again; when suppressed or changed it is set right."""
    port = str(free_port())
    async with shell.running("listen", "--port", port) as listening:
        first = (await listening.until("Registered ")).split()[-1].rstrip(".")
    await account.call("DELETE", f"/v1/webhook-endpoints/{first}", status=204)

    async with shell.running("listen", "--port", port) as listening:
        second = (await listening.until("Registered ")).split()[-1].rstrip(".")
    async with shell.running("listen", "--port", port, "--events", "zone.create") as listening:
        await listening.until(f"Registered before as {second}")

    [endpoint] = (await account.call("GET", "/v1/webhook-endpoints", status=200))["data"]
    assert (endpoint["id"], endpoint["events"]) == (second, ["zone.create"])
    assert first != second


@pytest.mark.parametrize("secret", ["hunter2", "whsec_", "whsec_AAAA", CHOSEN.removeprefix("whsec_")])
async def test_a_bad_secret(shell: Shell, secret: str) -> None:
    """A secret that is none is refused in a sentence."""
    assert "whsec_" in complaint(await shell.run("listen", "--port", str(free_port()), "--secret", secret))


async def test_a_port_in_use(shell: Shell) -> None:
    """A port that is taken is refused in a sentence that says what to do."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        sentence = complaint(await shell.run("listen", "--port", port, "--secret", CHOSEN))

    assert port in sentence
    assert "--port" in sentence


async def test_a_port_in_use_registers_nothing(shell: Shell, account: Account) -> None:
    """When it cannot listen it leaves no endpoint behind that nobody listens to."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        done = await shell.run("listen", "--port", str(taken.getsockname()[1]))

    assert done.status == 1
    assert (await account.call("GET", "/v1/webhook-endpoints", status=200))["data"] == []


async def test_without_a_home(shell: Shell, house: House, tmp_path: Path) -> None:
    """With address and key in the environment, as its own advice has it, no folder is needed beforehand."""
    elsewhere = shell.having(ZONEHOOK_HOME=str(tmp_path / "none"), ZONEHOOK_URL=house.credentials["url"])

    async with elsewhere.running("listen", "--port", str(free_port())) as listening:
        await listening.until("Listening on")


async def test_a_damaged_memory(shell: Shell, house: House, tmp_path: Path) -> None:
    """A `listen.json` that cannot be read is written anew."""
    (tmp_path / "listen.json").write_text("[]")
    elsewhere = shell.having(ZONEHOOK_HOME=str(tmp_path), ZONEHOOK_URL=house.credentials["url"])

    async with elsewhere.running("listen", "--port", str(free_port())) as listening:
        await listening.until("Listening on")

    assert isinstance(json.loads((tmp_path / "listen.json").read_text()), dict)


@pytest.mark.parametrize(
    "forged",
    [
        {},
        {"webhook-id": "msg_1", "webhook-timestamp": "1", "webhook-signature": "v1,x"},
        {"webhook-id": "[/red]", "webhook-timestamp": "1", "webhook-signature": "v1,x"},
        {"webhook-id": "msg_1", "webhook-timestamp": b"\xb2", "webhook-signature": "v1,x"},
        {"webhook-id": "msg_1", "webhook-timestamp": "9" * 5000, "webhook-signature": "v1,x"},
        {"webhook-id": b"\xff", "webhook-timestamp": b"\xff", "webhook-signature": b"\xff"},
    ],
    ids=["no headers", "too old", "markup", "a digit that is none", "a number too long", "no text"],
)
async def test_a_forged_request(shell: Shell, forged: dict[str, str | bytes]) -> None:
    """Whatever is sent without a good signature is a 401, is shown as not genuine, and ends nothing."""
    port = free_port()
    sent = [(name.encode(), value.encode() if isinstance(value, str) else value) for name, value in forged.items()]

    async with shell.running("listen", "--port", str(port), "--secret", CHOSEN) as listening:
        await listening.until("Listening on")
        async with httpx.AsyncClient(trust_env=False) as client:
            for body in (b"{}", b"[/red]\x00\xff", b"[" * 100_000):
                answer = await client.post(f"http://127.0.0.1:{port}/", headers=sent, content=body)
                assert answer.status_code == 401
                await listening.until("not genuine")
        status = await listening.interrupt()

    assert status == 0
    assert "Traceback" not in listening.printed
