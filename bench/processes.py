"""What processes use, as the kernel counts it."""

import os
import subprocess
import time
from pathlib import Path


def family(pid: int) -> list[int]:
    """The process and all its descendants, itself first."""
    parents = {each: parent for each, parent, _ in _table()}
    found = [pid]
    for member in found:
        found += [each for each, parent in parents.items() if parent == member]
    return found


def memory_mb(pids: list[int]) -> float:
    """Resident memory together, in MB of 10^6 bytes. Pages that two of them share count twice."""
    return sum(size for pid, _, size in _table() if pid in pids) * 1024 / 1e6


def cpu_seconds(pid: int) -> float | None:
    """User and system time a process has used, its ended children not counted; None where there is no /proc."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _others_seconds(ours: list[int]) -> float:
    used = [cpu_seconds(pid) for pid in ours]
    try:
        fields = [int(each) for each in Path("/proc/stat").read_text().splitlines()[0].split()[1:]]
    except OSError:
        return 0.0
    busy = sum(fields[:3]) + sum(fields[5:8])  # user, nice, system; interrupts and what the host took away
    return busy / os.sysconf("SC_CLK_TCK") - sum(each for each in used if each is not None)


class Others:
    """The share of the machine's CPU that went to processes other than `ours` since it was made."""

    def __init__(self, ours: list[int]) -> None:
        self._ours = ours
        self._began, self._used = time.monotonic(), _others_seconds(ours)

    def share(self) -> float:
        """From 0 to 1; 0 as well where there is no /proc."""
        seconds = time.monotonic() - self._began
        return max(0.0, _others_seconds(self._ours) - self._used) / seconds / (os.cpu_count() or 1)


def _table() -> list[tuple[int, int, int]]:
    ran = subprocess.run(["ps", "-A", "-o", "pid=,ppid=,rss="], capture_output=True, text=True, check=True)
    rows = (line.split() for line in ran.stdout.splitlines())
    return [(int(pid), int(parent), int(size)) for pid, parent, size in rows]
