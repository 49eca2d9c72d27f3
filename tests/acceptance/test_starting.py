"""Starting, stopping and starting again; and one clear sentence when it cannot start."""

import asyncio
import socket
import stat
import sys
from pathlib import Path

import pytest

from tests.receiver import Receiver
from tests.running import ROOT, House, running


async def test_what_it_prints_and_writes(tmp_path: Path, trusting: dict[str, str]) -> None:
    """The start names every URL, the key and what to paste, and leaves a file of credentials for its owner alone."""
    house = House(tmp_path, trusting)
    try:
        printed = await house.start()
        credentials = house.credentials
        assert set(credentials) == {
            "url", "account_id", "api_key", "operator_key", "temporal_address", "temporal_ui",
        }  # fmt: skip
        for shown in ("url", "api_key", "temporal_ui"):
            assert credentials[shown] in printed
        assert credentials["url"] + "/docs" in printed
        assert credentials["account_id"] == 1
        assert stat.S_IMODE((tmp_path / "credentials.json").stat().st_mode) == 0o600
        assert "WARNING" not in printed
    finally:
        await house.end()


async def test_a_second_start_finds_everything(tmp_path: Path, trusting: dict[str, str], receiver: Receiver) -> None:
    """After Ctrl-C and a new start the same key, endpoint, event and delivery are there."""
    mailbox = receiver.mailbox()
    async with running(tmp_path, trusting) as house:
        account = house.account()
        endpoint = await account.register(mailbox.url)
        event = await account.publish()
        before = await account.settled(event["id"])
        status, printed = await house.stop()

        await house.start()

        assert (status, "Traceback" in printed) == (0, False)
        assert await account.settled(event["id"]) == before
        listed = await account.call("GET", "/v1/webhook-endpoints", status=200)
        assert [each["id"] for each in listed["data"]] == [endpoint["id"]]
        again = await account.publish()
        await account.settled(again["id"])


async def test_another_time_scale_is_told(tmp_path: Path) -> None:
    """Every start with a time scale other than 1 logs a warning that names the setting."""
    house = House(tmp_path, {"ZONEHOOK_TIME_SCALE": "0.5"})
    try:
        assert "WARNING zonehook: ZONEHOOK_TIME_SCALE is 0.5" in await house.start()
    finally:
        await house.end()


@pytest.mark.parametrize("variable", ["ZONEHOOK_PORT", "ZONEHOOK_TEMPORAL_PORT", "ZONEHOOK_TEMPORAL_UI_PORT"])
async def test_a_busy_port(tmp_path: Path, variable: str) -> None:
    """A port that is taken is named together with its setting."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]

        said = await _refusal(tmp_path, {variable: str(port)})

    assert f"port {port} on 127.0.0.1 cannot be used" in said
    assert variable in said


async def test_a_home_that_cannot_be_written() -> None:
    """A home that is no folder of ours is named together with its setting."""
    said = await _refusal(Path("/dev/null/home"), {})
    assert "cannot write to /dev/null/home" in said
    assert "ZONEHOOK_HOME" in said


async def test_a_home_in_use(house: House) -> None:
    """A second Zonehook in the same home is refused; the first one goes on."""
    said = await _refusal(house.home, {}, is_in_use=True)
    assert "another Zonehook is running" in said
    answer = await house.account().client.get("/readyz")
    assert answer.status_code == 200


@pytest.mark.parametrize("script", ["#!/bin/sh\necho 'no such flag' >&2\nexit 1\n"])
async def test_a_temporal_that_does_not_come_up(tmp_path: Path, script: str) -> None:
    """When Temporal ends at once, its last words and where to read more are shown."""
    binary = tmp_path / "bin" / "temporal"
    binary.parent.mkdir()
    binary.write_text(script)
    binary.chmod(0o755)

    said = await _refusal(tmp_path / "home", {"PATH": f"{binary.parent}:/usr/bin:/bin"})

    assert "did not come up" in said
    assert "ZONEHOOK_TEMPORAL_PORT" in said
    assert "no such flag" in said
    assert "temporal.log" in said


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("ZONEHOOK_PORT", "http"),
        ("ZONEHOOK_TIME_SCALE", "0"),
        ("ZONEHOOK_ALLOWED_TARGETS", "10.0.0.0/99"),
        ("ZONEHOOK_DATABASE_URL", "mysql://localhost/zonehook"),
        ("ZONEHOOK_ENCRYPTION_KEYS", "short"),
    ],
)
async def test_a_bad_setting(tmp_path: Path, variable: str, value: str) -> None:
    """A setting that makes no sense is named."""
    assert variable in await _refusal(tmp_path, {variable: value})


async def test_a_python_too_old(tmp_path: Path) -> None:
    """make run with a Python before 3.11 says which is needed and how to choose one, and makes nothing."""
    old = tmp_path / "python"
    old.write_text("#!/bin/sh\nexit 1\n")
    old.chmod(0o755)
    (tmp_path / "scripts").mkdir()
    script = tmp_path / "scripts" / "setup"
    script.write_bytes((ROOT / "scripts" / "setup").read_bytes())
    script.chmod(0o755)

    process = await asyncio.create_subprocess_exec(
        str(script), "run", env={"PYTHON": str(old), "PATH": "/usr/bin:/bin"}, stderr=asyncio.subprocess.PIPE
    )
    _, said = await process.communicate()

    assert process.returncode == 1
    assert b"Python 3.11 or later is needed" in said
    assert b"PYTHON=" in said
    assert not (tmp_path / ".venv").exists()


async def _refusal(home: Path, settings: dict[str, str], is_in_use: bool = False) -> str:
    """The one sentence of a start that fails, having seen that nothing is left of it."""
    house = House(home, settings)
    environment = house.environment
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "standalone", cwd=ROOT, env=environment,
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    async with asyncio.timeout(60):
        _, said = await process.communicate()
    text = said.decode().strip()
    assert process.returncode == 1, text
    assert text.startswith("zonehook: ")
    assert "\n" not in text
    assert is_in_use or not (home / "temporal.pid").exists()
    if "ZONEHOOK_TEMPORAL_PORT" not in settings:
        with socket.socket() as probe:
            assert probe.connect_ex(("127.0.0.1", int(environment["ZONEHOOK_TEMPORAL_PORT"]))) != 0
    return text
