"""How many processor cores this process can keep busy. Knows nothing of what runs on them.

A container is given a share of all cores' time and may run on each of them. Threads for every core use such a share up
at the start of each period and stand still until the next one.
"""

import os
from pathlib import Path

MOUNTED = Path("/sys/fs/cgroup")
OWN = Path("/proc/self/cgroup")


def cores(*, mounted: Path = MOUNTED, own: Path = OWN) -> int:
    """Those that this process may run on, or fewer where its control groups, read from `mounted`, give it less time.

    `own` says which groups these are.
    """
    allowed = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return min([allowed, *_quotas(mounted, own)])


def _quotas(mounted: Path, own: Path) -> list[int]:
    """What each group allows that this process is in; the smallest holds."""
    time, time_v1 = ("cpu.max",), ("cpu.cfs_quota_us", "cpu.cfs_period_us")
    quotas = [_quota(group, time) for group in _groups(mounted, own, "")]
    quotas += [_quota(group, time_v1) for group in _groups(mounted / "cpu", own, "cpu")]
    return [quota for quota in quotas if quota]


def _groups(root: Path, own: Path, controller: str) -> list[Path]:
    """The folders of this process's group and of all above it, up to `root`.

    Where only the process's own group is mounted, which is then `root`, its path on the host leads to no folder.
    """
    try:
        lines = [line.split(":", 2) for line in own.read_text().splitlines() if line.count(":") >= 2]
    except (OSError, ValueError):
        lines = []
    path = next((path for _, names, path in lines if controller in names.split(",")), "/")
    group = root / path.strip("/")
    return [folder for folder in (group, *group.parents) if folder.is_relative_to(root)]


def _quota(group: Path, files: tuple[str, ...]) -> int:
    """How many cores the group's time makes, a part of one counted as one. 0: there is no limit, or none we can read.

    The files hold two numbers: microseconds of processor time, and the period in which they may be used.
    """
    try:
        time, period = " ".join((group / file).read_text() for file in files).split()
        return max(-(-int(time) // int(period)), 0)
    except (OSError, ValueError, ZeroDivisionError):  # no limit is the word "max", or -1
        return 0
