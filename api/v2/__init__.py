"""The DNSimple-compatible API v2: the vendor's own client libraries work against it unmodified."""

from api.v2 import refusals


def is_at(path: str) -> bool:
    """Whether a call of this path is one of v2's, known or not."""
    return path == "/v2" or path.startswith("/v2/")


__all__ = ["is_at", "refusals"]
