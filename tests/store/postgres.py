"""A throw-away PostgreSQL: made in a folder of its own, on loopback, gone afterwards."""

import contextlib
import os
import pwd
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

_UNSAFE_AND_QUICK = (
    "-c fsync=off -c synchronous_commit=off -c full_page_writes=off -c autovacuum=off -c deadlock_timeout=100ms"
)


def programs() -> Path | None:
    """The folder with `postgres`, `initdb` and `pg_ctl`; None when PostgreSQL is not on this machine."""
    on_path = shutil.which("postgres")
    folders = [Path(on_path).parent] if on_path else []
    folders += sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)  # where Debian keeps it off the PATH
    return next((each for each in folders if (each / "initdb").exists() and (each / "pg_ctl").exists()), None)


@contextlib.contextmanager
def running(folder: Path) -> Iterator[str]:
    """The address of a fresh cluster, such as `zonehook@127.0.0.1:54321`."""
    with tempfile.TemporaryDirectory(prefix="zonehook-postgres-") as home:
        data = f"{home}/data"
        options: dict[str, Any] = {"cwd": home, "check": True, "stdout": subprocess.DEVNULL} | _somebody_else(home)
        made_by: list[str | Path] = [
            "--username=zonehook",
            "--auth=trust",
            "--encoding=UTF8",
            "--locale=C",
            "--no-sync",
        ]
        subprocess.run([folder / "initdb", "--pgdata", data, *made_by], **options)
        port = _free_port()
        serving = f"-p {port} -c listen_addresses=127.0.0.1 -c unix_socket_directories= {_UNSAFE_AND_QUICK}"
        control: list[str | Path] = [folder / "pg_ctl", "--pgdata", data, "--wait", "--silent"]
        subprocess.run([*control, "--log", f"{home}/log", "--options", serving, "start"], **options)
        try:
            yield f"zonehook@127.0.0.1:{port}"
        finally:
            subprocess.run([*control, "--mode", "immediate", "stop"], **options)


def _somebody_else(home: str) -> dict[str, Any]:
    """PostgreSQL refuses to run as root: then as whom it is run, to whom its folder is given."""
    if os.getuid() != 0:
        return {}
    for name in ("postgres", "nobody"):
        with contextlib.suppress(KeyError):
            person = pwd.getpwnam(name)
            os.chown(home, person.pw_uid, person.pw_gid)
            return {"user": person.pw_uid, "group": person.pw_gid, "extra_groups": []}
    raise RuntimeError("PostgreSQL does not run as root, and there is no user postgres or nobody to run it as")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
