"""The last resort: ends every part once the supervisor is gone, however it went, `kill -9` included.

Run as a script by `lifeline.py`, with the standard library alone and never with this project's packages, so that it
starts in milliseconds and stays small:

    guard.py watch FD               reads `+GROUP` and `-GROUP` lines from a pipe that only the supervisor keeps open;
                                    at its end ends every process group still listed
    guard.py launch FD PARENT ARGV  enters its own group in that pipe, then becomes the part

A pipe rather than Linux's PR_SET_PDEATHSIG, because that does not exist on macOS and does not reach a part's own
children, such as Celery's pool. The part enters itself *before* it looks whether the supervisor still lives, so there
is no moment at which a part runs and nobody would end it. Knows nothing of what the parts are.
"""

import os
import signal
import sys
import time
from contextlib import suppress

GRACE_S = 5.0


def watch(fd: int) -> None:
    """Read the list until the supervisor's end closes, then end what is left on it."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    groups: set[int] = set()
    with os.fdopen(fd, encoding="ascii") as lines:
        for line in lines:
            group = int(line[1:])
            if line[0] == "+":
                groups.add(group)
            else:
                groups.discard(group)
    end(groups)


def end(groups: set[int]) -> None:
    """SIGTERM to all groups, then SIGKILL to those with a member left after GRACE_S."""
    deadline = time.monotonic() + GRACE_S
    left = {group for group in groups if _send(group, signal.SIGTERM)}
    while left and time.monotonic() < deadline:
        time.sleep(0.05)
        left = {group for group in left if _send(group, 0)}
    for group in left:
        _send(group, signal.SIGKILL)


def _send(group: int, number: int) -> bool:
    """False when the group has no member left. macOS says PermissionError where only zombies are left."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(group, number)
        return True
    return False


def launch(fd: int, parent: int, argv: list[str]) -> None:
    """Become `argv`, listed. The caller has already made this process the leader of its own group."""
    with suppress(BrokenPipeError):  # the guard was killed: the supervisor starts another and lists us again
        os.write(fd, f"+{os.getpid()}\n".encode())
    os.set_inheritable(fd, False)
    if os.getppid() == parent:
        os.execvp(argv[0], argv)  # noqa: S606 - no shell is the point


if __name__ == "__main__":
    if sys.argv[1] == "watch":
        watch(int(sys.argv[2]))
    else:
        launch(int(sys.argv[2]), int(sys.argv[3]), sys.argv[4:])
