"""The command line: a client of the REST API; `up` and `worker` launch the composition roots."""

from zonehook.cli.commands import app

__all__ = ["app"]
