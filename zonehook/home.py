"""The home: the folder that holds everything the embedded default keeps, for one process at a time."""

import contextlib
import fcntl
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from zonehook.errors import Invalid

CREDENTIALS = "credentials.json"


@contextlib.contextmanager
def occupied(home: Path) -> Iterator[None]:
    """Makes the home if there is none and holds it. Raises Invalid when it cannot be written or is in use."""
    try:
        home.mkdir(mode=0o700, parents=True, exist_ok=True)
        lock = (home / "lock").open("w")
    except OSError as problem:
        raise Invalid.field(
            "ZONEHOOK_HOME", f"cannot write to {home}: {problem.strerror}; set ZONEHOOK_HOME to a folder of your own"
        ) from None
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)  # the kernel lets go of it however the process ends
        except OSError:
            raise Invalid.field(
                "ZONEHOOK_HOME",
                f"another Zonehook is running in {home}; stop it, or set ZONEHOOK_HOME to another folder",
            ) from None
        yield


def read_credentials(home: Path) -> dict[str, Any] | None:
    """What the last start wrote; None when there is nothing, or nothing readable."""
    try:
        credentials = json.loads((home / CREDENTIALS).read_text())
    except (OSError, ValueError):
        return None
    return credentials if isinstance(credentials, dict) else None


def write_credentials(home: Path, credentials: dict[str, Any]) -> None:
    """Replaces the file whole, readable by its owner alone."""
    path = home / CREDENTIALS
    fresh = path.with_suffix(".new")
    fresh.unlink(missing_ok=True)
    with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        json.dump(credentials, file, indent=2)
        file.write("\n")
    fresh.replace(path)
