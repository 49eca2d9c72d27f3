"""`python -m bench`: about four minutes. `--quick` for a look, `--write` puts the figures into docs/performance.md."""

import argparse
import asyncio
import signal
import sys
from pathlib import Path

from bench import report, run
from bench.plan import FULL, QUICK, BenchFailed, Plan
from bench.run import Figures

_PAGE = Path(__file__).parent.parent / "docs" / "performance.md"
_LIMIT_SECONDS = 900.0


def main() -> int:
    """Exits with 1 and one sentence when there are no figures."""
    parser = argparse.ArgumentParser(prog="python -m bench", description="The figures of docs/performance.md.")
    parser.add_argument(
        "--quick", action="store_true", help="one short round, in less than a minute: a look, not a figure"
    )
    parser.add_argument("--write", action="store_true", help=f"put the figures into {_PAGE.name}")
    chosen = parser.parse_args()
    try:
        figures = report.text(asyncio.run(_measure(QUICK if chosen.quick else FULL)))
        print(f"\n{figures}\n")
        if chosen.write:
            report.write(figures, _PAGE)
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


async def _measure(plan: Plan) -> Figures:
    task = asyncio.current_task()
    assert task is not None
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)  # it, too, leaves nothing running
    async with asyncio.timeout(_LIMIT_SECONDS):
        return await run.run(plan)


if __name__ == "__main__":
    sys.exit(main())
