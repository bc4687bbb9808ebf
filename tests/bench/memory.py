"""How much memory processes take. Linux only."""

from pathlib import Path


def resident_mib(*pids: int) -> float:
    """Proportional set size of processes and all below them: memory that they share counts once."""
    total = 0.0
    for process in [found for pid in pids for found in (pid, *_descendants(pid))]:
        for line in Path(f"/proc/{process}/smaps_rollup").read_text(encoding="utf-8").splitlines():
            if line.startswith("Pss:"):
                total += int(line.split()[1]) / 1024
    return total


def _descendants(pid: int) -> list[int]:
    found = []
    for children in Path(f"/proc/{pid}/task").glob("*/children"):
        for child in children.read_text(encoding="utf-8").split():
            found += [int(child), *_descendants(int(child))]
    return found
