"""The process that parses: a zygote that keeps the parsers warm and forks a disposable child for each document.

Started by `ingest.zygote` as `python -m ingest.parse_child FD`, where FD is a Unix socket. It never parses itself, so
it has no threads and no state that a hostile document could have touched. It ends when the socket does. Knows nothing
of who asked, and inherits neither environment nor secrets. Its filter on system calls, which leaves no network, holds
for its children; each of these also gives up every file but its document.

A request is one JSON line with a pipe's write end attached; the child writes its result there, as JSON, and the zygote
answers with how the child ended. One child reads one file, or several small texts (`prose`), a line of JSON for each.
"""

import contextlib
import ctypes
import gc
import json
import os
import resource
import select
import signal
import socket
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

from ingest import landlock, syscall_filter
from ingest.parsing import ParsedDocument, parse, parse_prose
from retrieval.errors import DocumentError

REQUEST_BYTES = 65_536
# How a child ends whom the system refused a file: its document, or one of its own.
UNREADABLE = 3

_CLONE_NEWUSER, _CLONE_NEWNET = 0x1000_0000, 0x4000_0000
_PR_SET_PDEATHSIG, _PR_SET_CHILD_SUBREAPER, _PR_SET_NO_NEW_PRIVS = 1, 36, 38
_MAX_THREADS = 32


@dataclass(frozen=True, slots=True)
class Confinement:
    """What children are put under here: whether they have a user namespace, and the paths that they may read besides
    their documents. Without any of those they read what this user does."""

    own_users: bool
    readable: tuple[str, ...]


def main() -> None:
    control = socket.socket(fileno=int(sys.argv[1]))
    own_users = _leave_network()
    filtered = syscall_filter.install()
    _adopt_orphans()
    programs = landlock.program_paths()
    readable = tuple(programs) if landlock.works(programs) else ()
    gc.collect()
    gc.freeze()  # the collector would copy every page that it touches in every child
    # Without the filter a Unix socket of the index or the broker would give what the files do not.
    _send(control, {"network_isolated": own_users or filtered, "files_isolated": filtered and bool(readable)})
    while True:
        message, descriptors, _, _ = socket.recv_fds(control, REQUEST_BYTES, 1)
        if not message:
            return
        _send(control, _run(json.loads(message), descriptors[0], control, Confinement(own_users, readable)))


def _leave_network() -> bool:
    """Moves this process and its children into a network namespace without interfaces, where the system permits."""
    if not sys.platform.startswith("linux"):
        return False
    libc = ctypes.CDLL(None, use_errno=True)
    libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    return bool(libc.unshare(_CLONE_NEWUSER | _CLONE_NEWNET) == 0)


def _adopt_orphans() -> None:
    """Makes processes that outlive the child that started them ours, so that `_end_strays` finds them."""
    if sys.platform.startswith("linux"):
        ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def _end_strays() -> None:
    """Ends what a child has left behind, even outside its process group."""
    with contextlib.suppress(ChildProcessError):
        while True:
            pid, _ = os.waitpid(-1, os.WNOHANG)
            if pid == 0:
                me = os.getpid()
                for stray in Path(f"/proc/{me}/task/{me}/children").read_text().split():
                    os.kill(int(stray), signal.SIGKILL)
                os.waitpid(-1, 0)


def _run(request: dict[str, Any], result: int, control: socket.socket, confinement: Confinement) -> dict[str, Any]:
    """Forks the child and waits for its end, for the time limit's, or for the end of whoever asked."""
    alive, held = os.pipe()
    pid = os.fork()
    if pid == 0:
        control.close()
        os.close(alive)
        _child(request, result, held, confinement)
    os.close(held)
    os.close(result)
    with contextlib.suppress(OSError):
        os.setpgid(pid, pid)
    limit_s, in_time = _wait(alive, control, request)
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, signal.SIGKILL)
    os.close(alive)
    _, status, usage = os.wait4(pid, 0)
    _end_strays()
    return {
        "exit": os.waitstatus_to_exitcode(status),
        "timed_out": not in_time,
        "limit_s": limit_s,
        "peak_bytes": usage.ru_maxrss * (1 if sys.platform == "darwin" else 1024),
    }


def _wait(alive: int, control: socket.socket, request: dict[str, Any]) -> tuple[float, bool]:
    """Waits for the child's end; the limit that held, and whether the child ended before it.

    The child holds the other end of `alive` for as long as it lives. By writing to it, it asks once for the time that
    text recognition takes.
    """
    limit_s, began = float(request["wall_s"]), time.monotonic()
    while True:
        left = max(0.0, began + limit_s - time.monotonic())
        ready, _, _ = select.select([alive, control.fileno()], [], [], left)
        if alive not in ready or not os.read(alive, 64):
            return limit_s, bool(ready)
        limit_s = float(request["recognition_wall_s"])


def _child(request: dict[str, Any], result: int, held: int, confinement: Confinement) -> NoReturn:
    try:
        _confine(request, confinement)
        answers = [_prose(Path(path), name) for path, name in request["prose"]] or [_answer(request, held)]
        lines = (json.dumps(answer, ensure_ascii=False) for answer in answers)
        view = memoryview("\n".join(lines).encode("utf-8"))
        while view:
            view = view[os.write(result, view) :]
        os._exit(0)
    except MemoryError:
        os.write(result, _OUT_OF_MEMORY)
        os._exit(0)
    except BrokenPipeError:  # whoever asked has enough
        os._exit(1)
    except OSError:
        os._exit(UNREADABLE)
    except BaseException:
        os._exit(1)


_OUT_OF_MEMORY_SAID = {"code": "parse_limit", "message": "The file needs more memory to be read than is allowed."}
_OUT_OF_MEMORY = json.dumps({"error": _OUT_OF_MEMORY_SAID}).encode()  # made while there is memory to make it


def _prose(path: Path, file_name: str) -> dict[str, Any]:
    try:
        document = parse_prose(path, file_name)
        return {"document": _plain(document)} if document else {"alone": True}
    except DocumentError as error:
        return {"error": {"code": error.code, "message": error.message}}


def _answer(request: dict[str, Any], held: int) -> dict[str, Any]:
    path, file_name = Path(request["path"]), request["file_name"]
    try:
        return {"document": _plain(parse(path, file_name, on_recognition=lambda: os.write(held, b"r")))}
    except DocumentError as error:
        return {"error": {"code": error.code, "message": error.message}}


def _plain(document: ParsedDocument) -> dict[str, Any]:
    return {
        "text": document.text,
        "pages": [[page.number, page.start, page.end] for page in document.pages],
        "headings": [[heading.level, heading.title, heading.start, heading.end] for heading in document.headings],
        "title": document.title,
        "media_type": document.media_type,
        "hidden_chars": document.hidden_chars,
        "left_out": document.left_out,
        "recognised": document.recognised,
    }


def _confine(request: dict[str, Any], confinement: Confinement) -> None:
    os.setpgid(0, 0)
    if sys.platform.startswith("linux"):
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    nowhere = os.open(os.devnull, os.O_RDWR)
    for descriptor in (0, 1, 2):
        os.dup2(nowhere, descriptor)  # libraries complain on standard error
    if confinement.readable:
        documents = [path for path, _ in request["prose"]] or [request["path"]]
        landlock.confine(confinement.readable, documents)
    limits = {
        resource.RLIMIT_AS: request["memory_bytes"],
        resource.RLIMIT_CPU: request["cpu_s"],
        resource.RLIMIT_FSIZE: 0,
        resource.RLIMIT_NOFILE: request["open_files"],
        resource.RLIMIT_CORE: 0,
    }
    if confinement.own_users:
        # Counted in our own user namespace; outside it would count all of the user's processes.
        limits[resource.RLIMIT_NPROC] = _MAX_THREADS
    for kind, limit in limits.items():
        _, most = resource.getrlimit(kind)
        allowed = limit if most == resource.RLIM_INFINITY else min(limit, most)
        with contextlib.suppress(ValueError, OSError):  # macOS knows no address-space limit
            resource.setrlimit(kind, (allowed, allowed))


def _send(control: socket.socket, message: dict[str, Any]) -> None:
    control.sendall(json.dumps(message).encode("utf-8") + b"\n")


if __name__ == "__main__":
    with contextlib.suppress(ConnectionError, KeyboardInterrupt):
        main()
