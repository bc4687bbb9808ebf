"""How much memory and processor time processes take. Linux only."""

import os
from contextlib import suppress
from pathlib import Path

_TICKS = os.sysconf("SC_CLK_TCK")


def resident_mib(*pids: int) -> float:
    """Proportional set size of processes and all below them: memory that they share counts once."""
    total = 0.0
    for process in [found for pid in pids for found in (pid, *_descendants(pid))]:
        for line in Path(f"/proc/{process}/smaps_rollup").read_text(encoding="utf-8").splitlines():
            if line.startswith("Pss:"):
                total += int(line.split()[1]) / 1024
    return total


def processor_seconds(pid: int) -> float:
    """Of all processes below this one, with those that they have waited for."""
    return sum(own_processor_seconds(process) for process in _descendants(pid))


def own_processor_seconds(pid: int) -> float:
    """Of this process, with those that it has waited for; 0 once it has ended: whoever waited for it has its time."""
    with suppress(FileNotFoundError):
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8")
        return sum(int(field) for field in stat.rpartition(")")[2].split()[11:15]) / _TICKS
    return 0.0


def _descendants(pid: int) -> list[int]:
    found = []
    for children in Path(f"/proc/{pid}/task").glob("*/children"):
        with suppress(FileNotFoundError):
            for child in children.read_text(encoding="utf-8").split():
                found += [int(child), *_descendants(int(child))]
    return found
