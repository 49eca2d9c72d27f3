"""`python -m bench`: fifty minutes. `--quick` for a look, `--write` puts the figures into docs/performance.md."""

import argparse
import asyncio
import signal
import sys
from collections.abc import Coroutine
from pathlib import Path
from typing import Any

from bench import crowd, isolation, lists, report, run
from bench.plan import FULL, FULL_HOUSE, QUICK, BenchFailed, Plan

_PAGE = Path(__file__).parent.parent / "docs" / "performance.md"
_LIMIT_SECONDS = 5400.0
# 720 deliveries in four cases are done within the limit; the default lane keeps up with two such streams
_RATES = 0.6, 10.0


def main() -> int:
    """Exits with 1 and one sentence when there are no figures."""
    parser = argparse.ArgumentParser(prog="python -m bench", description="The figures of docs/performance.md.")
    parser.add_argument("--quick", action="store_true", help="one short round, in two minutes: a look, not a figure")
    parser.add_argument("--write", action="store_true", help=f"put the figures into {_PAGE.name}")
    parser.add_argument(
        "--full-house", action="store_true", help="in twenty minutes: is it as quick with 110,000 deliveries in it?"
    )
    parser.add_argument(
        "--isolation", type=_rate, metavar="RATE", help="the isolation alone, at so many events a second to each"
    )
    chosen = parser.parse_args()
    if chosen.isolation and (chosen.write or chosen.full_house):
        parser.error("--isolation is printed alone: without --write and --full-house")
    try:
        begin, measuring = _measuring(chosen)
        figures = asyncio.run(_bounded(measuring))
        print(f"\n{figures}\n")
        if chosen.write:
            report.write(figures, _PAGE, begin)
            print(f"Written into {_PAGE}")
    except (BenchFailed, ValueError) as problem:
        print(f"bench: {problem}", file=sys.stderr)
        return 1
    except TimeoutError:
        print(f"bench: not done after {_LIMIT_SECONDS:.0f} s", file=sys.stderr)
        return 1
    except (KeyboardInterrupt, asyncio.CancelledError):
        return 130
    return 0


def _rate(value: str) -> float:
    rate = float(value)
    if not _RATES[0] <= rate <= _RATES[1]:
        raise argparse.ArgumentTypeError(f"from {_RATES[0]:g} to {_RATES[1]:g} events a second")
    return rate


def _measuring(chosen: argparse.Namespace) -> tuple[str, Coroutine[Any, Any, str]]:
    """After which line of the page its figures stand, if they do, and what is to be done."""
    plan = QUICK if chosen.quick else FULL
    if chosen.isolation:
        return "", _isolation(plan.isolated(chosen.isolation))
    if chosen.full_house:
        return report.FULL_HOUSE, _full_house()
    return report.FIGURES, _figures(plan)


async def _figures(plan: Plan) -> str:
    return report.text(await run.run(plan))


async def _isolation(plan: Plan) -> str:
    return report.isolation(await isolation.measure(plan, print))


async def _full_house() -> str:
    flatness = await crowd.measure(FULL_HOUSE, print)
    print(f"listing {lists.ROWS:,} deliveries")
    return f"{report.flatness(flatness)}\n\n{(await lists.measure()).text()}"


async def _bounded(measuring: Coroutine[Any, Any, str]) -> str:
    task = asyncio.current_task()
    assert task is not None
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)  # it, too, leaves nothing running
    async with asyncio.timeout(_LIMIT_SECONDS):
        return await measuring


if __name__ == "__main__":
    sys.exit(main())
