"""Moments, as every wire has them. Pure."""

from datetime import UTC, datetime


def timestamp(at: datetime) -> str:
    """UTC, ISO 8601, whole seconds: `2026-07-02T12:00:00Z`, as every time is written on every wire."""
    # strftime's %Y has no leading zeros on Linux
    return at.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="seconds") + "Z"
