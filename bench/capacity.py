"""From CPU per delivery to what so many deliveries a second need: plain arithmetic, written beside the table."""

from collections.abc import Mapping

from bench.parts import PARTS, Parts

RATES = (100, 1_000, 10_000)
BUSY = 0.7  # of a core, so that a peak finds room
# Of Temporal's own PostgreSQL: workflow writes that one core carries in a second, the published 1,000 on two cores
WRITES_A_CORE = 500

ARITHMETIC = (
    f"Cores = deliveries a second * ms of CPU per delivery / 1,000 / {BUSY}: every core is kept {BUSY:.0%} busy. "
    "Temporal's database: deliveries a second * update and create writes per delivery "
    f"/ {WRITES_A_CORE} writes a second and core (published for PostgreSQL: about 1,000 on 2 cores) / {BUSY}. "
    "The CPU of Temporal is that of its dev server with SQLite inside; a cluster's services are replicated and talk "
    "to each other, so plan for twice that and measure. A worker process runs on one core: as many "
    "`zonehook worker --processes`."
)


def rows(parts: Parts, writes: Mapping[tuple[str, int], float]) -> list[list[str]]:
    """A row for each lane, fan-out and rate; `writes` are Temporal's per delivery by lane and fan-out."""
    table = []
    for (lane, fan_out), cpu in parts.cpu_ms.items():
        for rate in RATES:
            cores = {part: rate * cpu[part] / 1000 / BUSY for part in PARTS}
            own_database = rate * writes[lane, fan_out] / WRITES_A_CORE / BUSY
            cells = [cores["Temporal"], own_database, cores["API"], cores["worker"], cores["PostgreSQL"]]
            table.append([lane, str(fan_out), f"{rate:,}", *(_cores(each) for each in cells), _cores(sum(cells))])
    return table


def _cores(wanted: float) -> str:
    return f"{wanted:.1f}" if wanted < 10 else f"{wanted:,.0f}"
