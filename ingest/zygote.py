"""The parent's side of `ingest.parse_child`: one warm zygote process, asked for one disposable child at a time.

Knows nothing of documents: a request goes in, what the child wrote and how it ended come back.
"""

import contextlib
import json
import os
import select
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ingest.parse_child import REQUEST_BYTES
from retrieval.errors import UnavailableError

_START_S = 60.0
_GRACE_S = 5.0  # the zygote ends a child at the wall limit; after this much more it is taken to hang itself
_READ_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class ParseLimits:
    """What one document may cost. `memory_bytes` is address space, of which the idle parsers take 0.16 GiB.

    `recognition_wall_s` takes the place of `wall_s` where text is recognised in pictures, at 1 to 3 s a page; each run
    of the recogniser is a process of its own under all the other limits.
    """

    wall_s: float = 120.0
    recognition_wall_s: float = 600.0
    cpu_s: int = 90
    memory_bytes: int = 1536 * 2**20
    output_bytes: int = 128 * 2**20
    open_files: int = 64


class ZygoteGoneError(Exception):
    pass


@dataclass(frozen=True, slots=True)
class Ending:
    """What a child wrote, and how it ended: an exit code, or a signal as its negative number."""

    output: bytes
    too_much: bool
    code: int
    timed_out: bool
    limit_s: float
    peak_bytes: int


class Zygote:
    """The parent's side of `ingest.parse_child`."""

    def __init__(self) -> None:
        self._control, theirs = socket.socketpair()
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "ingest.parse_child", str(theirs.fileno())],
                pass_fds=(theirs.fileno(),),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                start_new_session=True,
                # No secret of ours is in its environment. Two arenas: address space is limited, and each takes 64 MiB.
                env={"PYTHONPATH": os.pathsep.join(filter(None, sys.path)), "MALLOC_ARENA_MAX": "2", "LANG": "C.UTF-8"},
            )
        self._received = b""
        try:
            ready = self._receive(time.monotonic() + _START_S)
        except ZygoteGoneError:
            self.close()
            raise UnavailableError("No parser process can be started.", code="parser_unavailable") from None
        self.network_isolated = bool(ready["network_isolated"])
        self.files_isolated = bool(ready["files_isolated"])

    def is_alive(self) -> bool:
        return self._process.poll() is None

    def run(self, path: Path, file_name: str, limits: ParseLimits) -> Ending:
        """Read one file. Raises ZygoteGoneError if the zygote dies or hangs, whatever becomes of the child."""
        request = {"path": str(path.absolute()), "file_name": file_name[-1000:], "prose": []}
        return self._run(request, limits)

    def run_prose(self, files: Sequence[tuple[Path, str]], limits: ParseLimits) -> Ending | None:
        """Read several small texts; None where their names do not fit into a request. Raises ZygoteGoneError."""
        request = {"prose": [[str(path.absolute()), name[-200:]] for path, name in files]}
        return self._run(request, limits) if len(json.dumps(request)) < REQUEST_BYTES - 1024 else None

    def _run(self, asked: dict[str, Any], limits: ParseLimits) -> Ending:
        deadline = time.monotonic() + max(limits.wall_s, limits.recognition_wall_s) + _GRACE_S
        request = asked | {
            "wall_s": limits.wall_s,
            "recognition_wall_s": max(limits.wall_s, limits.recognition_wall_s),
            "cpu_s": limits.cpu_s,
            "memory_bytes": limits.memory_bytes,
            "open_files": limits.open_files,
        }
        ours, theirs = os.pipe()
        try:
            try:
                socket.send_fds(self._control, [json.dumps(request).encode("utf-8")], [theirs])
            except OSError as error:
                raise ZygoteGoneError from error
            finally:
                os.close(theirs)
            output, too_much = self._read(ours, deadline, limits.output_bytes)
        finally:
            os.close(ours)  # a child that still writes dies of it
        ending = self._receive(deadline)
        return Ending(output, too_much, ending["exit"], ending["timed_out"], ending["limit_s"], ending["peak_bytes"])

    def close(self) -> None:
        self._control.close()
        try:
            self._process.wait(timeout=1.0)
        except subprocess.TimeoutExpired:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()

    def kill(self) -> None:
        """From another thread: whoever waits for an answer gets none."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)

    def disown(self) -> None:
        """Forgets a zygote that belongs to the process we were forked from."""
        self._control.close()
        self._process.returncode = 0

    def _read(self, pipe: int, deadline: float, most: int) -> tuple[bytes, bool]:
        pieces: list[bytes] = []
        length = 0
        while length <= most:
            self._wait_for(pipe, deadline)
            piece = os.read(pipe, _READ_BYTES)
            if not piece:
                return b"".join(pieces), False
            pieces.append(piece)
            length += len(piece)
        return b"", True

    def _receive(self, deadline: float) -> dict[str, Any]:
        while b"\n" not in self._received:
            self._wait_for(self._control.fileno(), deadline)
            try:
                piece = self._control.recv(4096)
            except OSError as error:
                raise ZygoteGoneError from error
            if not piece:
                raise ZygoteGoneError
            self._received += piece
        line, _, self._received = self._received.partition(b"\n")
        message: dict[str, Any] = json.loads(line)
        return message

    def _wait_for(self, descriptor: int, deadline: float) -> None:
        ready, _, _ = select.select([descriptor], [], [], max(0.0, deadline - time.monotonic()))
        if not ready:
            raise ZygoteGoneError
