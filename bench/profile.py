"""`make profile`: flame graphs of worker and API under load, one for each lane."""

import asyncio
import sys
import time
from pathlib import Path

from bench import helper, system
from bench.driver import Driver
from bench.parts import LANES
from bench.plan import IN_FLIGHT, TYPES, BenchFailed

_SECONDS = 20
_RATE = 100  # samples a second
_BURST = 50
_FAN_OUT = 1
_HERE = Path.cwd()


async def _profile(lane: str, setting: str) -> Path:
    picture = _HERE / f"profile-{lane}.svg"
    async with (
        system.running(ZONEHOOK_FAST_LANE=setting) as running,
        helper.running("bench.receiver") as receiver,
        Driver(running.url, running.key) as driver,
    ):
        await driver.post("/v1/webhook-endpoints", {"url": f"{receiver.hello['url']}/", "events": [TYPES[_FAN_OUT]]})
        await driver.at_once(TYPES[_FAN_OUT], 1, _BURST, IN_FLIGHT)
        # Only who holds Python's lock counts: the process's many threads mostly wait
        recorder = await asyncio.create_subprocess_exec(
            str(Path(sys.executable).parent / "py-spy"), "record", "--gil", "--nonblocking", "--rate", str(_RATE),
            "--duration", str(_SECONDS), "--output", str(picture), "--pid", str(running.pids[0]),
            stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.PIPE,
        )  # fmt: skip
        number, until = _BURST + 1, time.monotonic() + _SECONDS
        while time.monotonic() < until and recorder.returncode is None:
            await driver.at_once(TYPES[_FAN_OUT], number, _BURST, IN_FLIGHT // 2)
            number += _BURST
        _, said = await recorder.communicate()
    if recorder.returncode:
        raise BenchFailed(f"py-spy could not look into the process: {said.decode().strip()}")
    return picture


def main() -> int:
    """Exits with 1 and one sentence when there is no picture."""
    for lane, setting in LANES.items():
        print(f"recording {_SECONDS} s of the {lane} lane under load ...", flush=True)
        try:
            print(f"  {asyncio.run(_profile(lane, setting))}")
        except BenchFailed as problem:
            print(f"profile: {problem}", file=sys.stderr)
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
