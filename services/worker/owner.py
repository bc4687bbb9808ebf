"""The name under which a process holds leases, and whether the process of such a name is gone for certain.

Knows nothing of jobs. Only Linux tells what it takes, and only of the processes that share our PID namespace: of any
other owner nothing is known, and its leases run out by themselves.
"""

import os
import re
import socket
from contextlib import suppress
from pathlib import Path

_NAME = re.compile(r".*:(?P<pid>\d+)@(?P<place>\w+\.\d+)\.(?P<started>\d+)")
# In /proc/PID/stat, counted behind the command's closing bracket: the state, and when the process was started.
_STATE, _STARTED = 0, 19
# Killed, with a parent that has not looked yet: such a process never runs again.
_DEAD = ("Z", "X")


def own_name() -> str:
    """`host:pid@place.started` of this process: a PID namespace of one boot of one host, and ticks since that boot.

    `host:pid` where the system does not tell more.
    """
    pid = os.getpid()
    name = f"{socket.gethostname()}:{pid}"
    place, started = _place(), _started(pid)
    return f"{name}@{place}.{started}" if place and started is not None else name


def is_gone(name: str) -> bool:
    """Whether the process called `name` ran where we do and has ended. False where that cannot be told."""
    known = _NAME.fullmatch(name)
    if known is None or known["place"] != _place():
        return False
    return _started(int(known["pid"])) != int(known["started"])


def _place() -> str | None:
    with suppress(OSError):
        boot = Path("/proc/sys/kernel/random/boot_id").read_text("ascii").strip().replace("-", "")
        return f"{boot}.{Path('/proc/self/ns/pid').readlink().name.strip('pid:[]')}"
    return None


def _started(pid: int) -> int | None:
    """None where there is no such process, or a dead one."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text("utf-8", errors="replace")
    except OSError:
        return None
    fields = stat.rpartition(")")[2].split()
    return None if fields[_STATE] in _DEAD else int(fields[_STARTED])
