"""Parsing in a disposable process: `ParseSandbox.parse` does what `ingest.parsing.parse` does, and survives the file.

A document's parser has a limit on memory, processor time, wall time, output, open files and processes, no network where
the system permits that, and no secrets. Its death is an ordinary result: a DocumentError. Knows nothing of jobs.
"""

import contextlib
import json
import os
import select
import signal
import socket
import subprocess
import sys
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from ingest.parsing import ParsedDocument
from ingest.parsing.document import MAX_TEXT_CHARS
from retrieval.errors import DocumentError, UnavailableError
from retrieval.types import Heading, Page

_START_S = 60.0
_GRACE_S = 5.0  # the zygote ends a child at the wall limit; after this much more it is taken to hang itself
_READ_BYTES = 1 << 20
_SIGNS_OF_NO_MEMORY = 0.5  # native parsers die of a failed allocation by a signal like any other

_CODES = frozenset(
    {"empty_file", "no_text", "encrypted", "corrupt", "unsupported_type", "type_mismatch", "parse_limit"}
    | {"too_many_pages", "parser_crashed", "needs_ocr"}
)


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


class ParseSandbox:
    """A warm zygote process, and a forked child of it for each document. One document at a time: threads wait.

    The zygote starts with the first document (about 0.3 s), is started again if it dies, and ends with this process.
    After a fork the copy starts its own.
    """

    def __init__(self, limits: ParseLimits | None = None) -> None:
        self._limits = limits or ParseLimits()
        self._lock = threading.Lock()
        self._owner = os.getpid()
        self._zygote: _Zygote | None = None
        self._interrupted = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def network_isolated(self) -> bool:
        """Whether parsers run without a network. Starts the zygote if need be."""
        with self._own_lock():
            return self._started().network_isolated

    def parse(self, path: Path, file_name: str) -> ParsedDocument:
        """The document in the file at `path`. Raises DocumentError as `ingest.parsing.parse` does, and with the codes
        `parse_limit` and `parser_crashed`; UnavailableError if no parser can be started."""
        with self._own_lock():
            for last_try in (False, True):
                self._refuse_interrupted()
                zygote = self._started()
                try:
                    ending = zygote.run(path, file_name, self._limits)
                except _ZygoteGoneError:
                    self._stop()
                    self._refuse_interrupted()
                    if last_try:
                        raise DocumentError("Reading the file broke the parser.", code="parser_crashed") from None
                    continue
                except BaseException:
                    self._stop()  # an interrupt: the zygote's answer to this request must not meet the next one
                    raise
                return _document(ending, self._limits)
        raise AssertionError("unreachable")

    def close(self) -> None:
        """Ends the zygote and whatever it is parsing. A later parse starts a new one."""
        with self._own_lock():
            self._stop()

    def interrupt(self) -> None:
        """Ends what another thread is parsing: that call raises UnavailableError, as do those after it."""
        self._interrupted = True
        zygote = self._zygote
        if zygote is not None:
            zygote.kill()

    def _own_lock(self) -> threading.Lock:
        if self._owner != os.getpid():
            # A forked copy: the zygote is our parent's, and so was the state of the lock.
            self._owner = os.getpid()
            self._lock = threading.Lock()
            if self._zygote is not None:
                self._zygote.disown()
                self._zygote = None
        return self._lock

    def _refuse_interrupted(self) -> None:
        if self._interrupted:
            raise UnavailableError("The worker was told to stop.", code="worker_stopped")

    def _started(self) -> "_Zygote":
        if self._zygote is None or not self._zygote.is_alive():
            self._stop()
            self._zygote = _Zygote()
        return self._zygote

    def _stop(self) -> None:
        if self._zygote is not None:
            self._zygote.close()
            self._zygote = None


class _ZygoteGoneError(Exception):
    pass


@dataclass(frozen=True, slots=True)
class _Ending:
    """What a child wrote, and how it ended: an exit code, or a signal as its negative number."""

    output: bytes
    too_much: bool
    code: int
    timed_out: bool
    limit_s: float
    peak_bytes: int


class _Zygote:
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
            self.network_isolated = bool(self._receive(time.monotonic() + _START_S)["network_isolated"])
        except _ZygoteGoneError:
            self.close()
            raise UnavailableError("No parser process can be started.", code="parser_unavailable") from None

    def is_alive(self) -> bool:
        return self._process.poll() is None

    def run(self, path: Path, file_name: str, limits: ParseLimits) -> _Ending:
        """Raises _ZygoteGoneError if the zygote dies or hangs, whatever becomes of the child."""
        deadline = time.monotonic() + max(limits.wall_s, limits.recognition_wall_s) + _GRACE_S
        request = {
            "path": str(path.absolute()),
            "file_name": file_name[-1000:],
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
                raise _ZygoteGoneError from error
            finally:
                os.close(theirs)
            output, too_much = self._read(ours, deadline, limits.output_bytes)
        finally:
            os.close(ours)  # a child that still writes dies of it
        ending = self._receive(deadline)
        return _Ending(output, too_much, ending["exit"], ending["timed_out"], ending["limit_s"], ending["peak_bytes"])

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
                raise _ZygoteGoneError from error
            if not piece:
                raise _ZygoteGoneError
            self._received += piece
        line, _, self._received = self._received.partition(b"\n")
        message: dict[str, Any] = json.loads(line)
        return message

    def _wait_for(self, descriptor: int, deadline: float) -> None:
        ready, _, _ = select.select([descriptor], [], [], max(0.0, deadline - time.monotonic()))
        if not ready:
            raise _ZygoteGoneError


def _document(ending: _Ending, limits: ParseLimits) -> ParsedDocument:
    if ending.too_much:
        raise DocumentError("The file holds more text than is allowed.", code="parse_limit")
    try:
        answer = json.loads(ending.output)
        if "error" in answer:
            code = answer["error"]["code"]
            raise DocumentError(str(answer["error"]["message"])[:1000], code=code if code in _CODES else "corrupt")
        return _checked(answer["document"])
    except (ValueError, KeyError, TypeError, RecursionError):
        raise _death(ending, limits) from None


def _death(ending: _Ending, limits: ParseLimits) -> DocumentError:
    if ending.timed_out:
        return DocumentError(f"Reading the file took longer than {ending.limit_s:g} s.", code="parse_limit")
    if ending.code in (-signal.SIGXCPU, -signal.SIGKILL):
        return DocumentError(f"Reading the file took more than {limits.cpu_s} s of computing.", code="parse_limit")
    if ending.peak_bytes > _SIGNS_OF_NO_MEMORY * limits.memory_bytes:
        return DocumentError("The file needs more memory to be read than is allowed.", code="parse_limit")
    return DocumentError("Reading the file broke the parser. It is probably damaged.", code="parser_crashed")


def _checked(plain: dict[str, Any]) -> ParsedDocument:
    """The document a child wrote, if it is one: a child that a file has taken over may write anything.

    Raises ValueError, TypeError or KeyError.
    """
    text, title = plain["text"], plain["title"]
    if not isinstance(text, str) or not 0 < len(text) <= MAX_TEXT_CHARS or not isinstance(plain["media_type"], str):
        raise ValueError("no text")
    pages = tuple(Page(int(number), int(start), int(end)) for number, start, end in plain["pages"])
    headings = tuple(Heading(int(level), str(words), int(at), int(to)) for level, words, at, to in plain["headings"])
    recognised = tuple((int(start), int(end)) for start, end in plain["recognised"])
    spans = [(page.start, page.end) for page in pages] + [(heading.start, heading.end) for heading in headings]
    spans += recognised
    if any(not 0 <= start <= end <= len(text) for start, end in spans):
        raise ValueError("a span outside the text")
    return ParsedDocument(
        text,
        pages,
        headings,
        None if title is None else str(title),
        plain["media_type"][:100],
        max(0, int(plain["hidden_chars"])),
        tuple(str(reason)[:500] for reason in plain["left_out"][:100]),
        recognised,
    )
