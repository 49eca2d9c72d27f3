"""What is counted, for Prometheus: no label of it names a customer."""

from prometheus_client import (
    REGISTRY,
    Counter,
    Histogram,
    disable_created_metrics,
    generate_latest,
    start_http_server,
)

from zonehook.errors import Invalid

disable_created_metrics()  # type: ignore[no-untyped-call]  # (a library without annotations)
CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_ATTEMPTS = Counter("zonehook_attempts", "Attempts made and recorded", ["dialect", "outcome"])
_SECONDS = Histogram(
    "zonehook_attempt_seconds",
    "From the look-up of the name to the end of the answer",
    ["dialect"],
    buckets=(0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10),
)
_STATEMENTS = Counter("zonehook_database_statements", "Statements sent to the database", ["kind"])
_TRANSACTIONS = Counter("zonehook_database_transactions", "Transactions committed")
_SIGNALS_REFUSED = Counter("zonehook_signals_refused", "Signals that were refused")
_PARKED = Counter("zonehook_announcements_parked", "Events of our own that could not be published")


def statement(kind: str) -> None:
    """`read` or `write`, by the engine it goes through."""
    _STATEMENTS.labels(kind).inc()


def transaction() -> None:
    """One that changed something."""
    _TRANSACTIONS.inc()


def attempt(dialect: str, outcome: str, seconds: float) -> None:
    """`outcome` is `status_503` or an error's name."""
    _ATTEMPTS.labels(dialect, outcome).inc()
    _SECONDS.labels(dialect).observe(seconds)


def signals_refused(count: int) -> None:
    """To an inbox; each of them is in its query `refused`."""
    _SIGNALS_REFUSED.inc(count)


def parked() -> None:
    """The log has which, and why."""
    _PARKED.inc()


def serve(host: str, port: int) -> None:
    """On a port of its own, for a worker that has no API. Raises Invalid when the port is taken."""
    try:
        start_http_server(port, host)
    except OSError as problem:
        raise Invalid.field(
            "ZONEHOOK_METRICS_PORT",
            f"port {port} cannot be used ({problem.strerror}); set ZONEHOOK_METRICS_PORT to a free one",
        ) from None


def exposition() -> bytes:
    """Everything, in Prometheus's text format."""
    return generate_latest(REGISTRY)
