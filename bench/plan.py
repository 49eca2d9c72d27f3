"""How much is measured: every loop of the bench is bounded by a number here."""

from dataclasses import dataclass, replace

TYPES = {1: "bench.one", 10: "bench.ten"}  # by fan-out: the event type so many endpoints subscribe to
IN_FLIGHT = 32  # publishing calls at a time while deliveries per second are counted
ARRIVAL_SECONDS = 60.0  # how long a burst may take to arrive
WARM_UP_EVENTS = 40
CALM = 0.1  # the share of the CPU that other processes may take from a burst; beyond, it is measured again
REPEATS = 12  # of such bursts, in a whole run


@dataclass(frozen=True)
class Crowd:
    """How many deliveries a system holds while new ones are timed, `seconds` at a steady rate in each round."""

    finished: int
    waiting: int
    rounds: int
    seconds: float


@dataclass(frozen=True)
class Plan:
    """`events` by fan-out for one burst; `rates`: fan-out, events per second and shapes while latency is measured."""

    rounds: int
    events: dict[int, int]
    rates: tuple[tuple[int, float, tuple[str, ...]], ...]
    latency_seconds: float
    idle_seconds: float
    isolation_rounds: int
    isolation_rates: dict[float, float]  # by events per second, for how many seconds
    crowd: Crowd
    isolation_shared: bool = True  # at the highest rate also with events that go to both

    def isolated(self, rate: float) -> "Plan":
        """The isolation at one rate, with as many deliveries as this plan has at its quietest."""
        quietest, seconds = min(self.isolation_rates.items())
        return replace(self, isolation_rates={rate: quietest * seconds / rate}, isolation_shared=False)


_RATES = (
    (1, 10.0, ("Zonehook", "Zonehook, fast lane", "no-op over HTTP")),
    (1, 40.0, ("Zonehook, fast lane",)),
    (10, 1.0, ("Zonehook", "Zonehook, fast lane", "no-op over HTTP")),
)
FULL = Plan(
    rounds=5, events={1: 200, 10: 72}, rates=_RATES, latency_seconds=15.0, idle_seconds=5.0,
    isolation_rounds=3, isolation_rates={2.0: 120.0, 5.0: 20.0},
    crowd=Crowd(finished=0, waiting=2000, rounds=4, seconds=10.0),
)  # fmt: skip
QUICK = Plan(
    rounds=1, events={1: 80, 10: 8}, rates=_RATES, latency_seconds=3.0, idle_seconds=2.0,
    isolation_rounds=1, isolation_rates={2.0: 5.0, 5.0: 4.0},
    crowd=Crowd(finished=0, waiting=100, rounds=1, seconds=4.0),
)  # fmt: skip
FULL_HOUSE = Crowd(finished=100_000, waiting=10_000, rounds=4, seconds=10.0)


class BenchFailed(Exception):
    """The run cannot give its figures; the message says why."""
