"""Parsing in a disposable process: `ParseSandbox.parse` does what `ingest.parsing.parse` does, and survives the file.

A document's parser has a limit on memory, processor time, wall time, output and open files. It has no network, and of
the files of this user only its document; a system that does not permit that is warned of. It has no secrets. Its death
is an ordinary result: a DocumentError. Knows nothing of jobs.
"""

import json
import logging
import os
import signal
import threading
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Self, TypeVar

from ingest.parse_child import UNREADABLE
from ingest.parsing import ParsedDocument
from ingest.parsing.document import MAX_TEXT_CHARS, MAX_TITLE_CHARS, LeftOut
from ingest.zygote import Ending, ParseLimits, Zygote, ZygoteGoneError
from retrieval.errors import DocumentError, UnavailableError
from retrieval.types import Heading, Page

__all__ = ["ParseLimits", "ParseSandbox"]

# Small texts take a millisecond each: one that holds its child up this long is read by itself.
PROSE_WALL_S = 10.0
# No parser of ours nests headings deeper, and every chunk carries the title of each level above it.
_MAX_LEVEL = 20
# A file that is sent again while it is read is replaced by the same bytes, which the child was not let at.
_TRIES = 3
_SIGNS_OF_NO_MEMORY = 0.5  # native parsers die of a failed allocation by a signal like any other

_CODES = frozenset(
    {"empty_file", "no_text", "encrypted", "corrupt", "unsupported_type", "type_mismatch", "parse_limit"}
    | {"too_many_pages", "parser_crashed", "needs_ocr"}
)
# What taking a child's answer apart raises where it is none. OverflowError: JSON here has an Infinity, which is no int.
_NONSENSE = (ValueError, KeyError, TypeError, OverflowError, RecursionError)
_log = logging.getLogger(__name__)
T = TypeVar("T")
Read = ParsedDocument | DocumentError | None


class ParseSandbox:
    """A warm zygote process, and a forked child of it for each document. One document at a time: threads wait.

    The zygote starts with the first document (about 0.3 s), is started again if it dies, and ends with this process.
    After a fork the copy starts its own.
    """

    def __init__(self, limits: ParseLimits | None = None) -> None:
        self._limits = limits or ParseLimits()
        self._lock = threading.Lock()
        self._owner = os.getpid()
        self._zygote: Zygote | None = None
        self._interrupted = False
        self._warned = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def network_isolated(self) -> bool:
        """Whether parsers run without a network. Starts the zygote if need be."""
        with self._own_lock():
            return self._started().network_isolated

    @property
    def files_isolated(self) -> bool:
        """Whether parsers can read their document alone. Starts the zygote if need be."""
        with self._own_lock():
            return self._started().files_isolated

    def parse(self, path: Path, file_name: str) -> ParsedDocument:
        """The document in the file at `path`. Raises DocumentError as `ingest.parsing.parse` does, and with the codes
        `parse_limit` and `parser_crashed`; UnavailableError if no parser can be started."""
        with self._own_lock():
            for _ in range(_TRIES):
                try:
                    ending = self._asked(lambda zygote: zygote.run(path, file_name, self._limits))
                except ZygoteGoneError:
                    continue
                if ending.code != UNREADABLE:
                    return _document(ending, self._limits)
        raise DocumentError("Reading the file broke the parser.", code="parser_crashed")

    def parse_prose(self, files: Sequence[tuple[Path, str]]) -> list[Read]:
        """What becomes of each of these small texts (path, file name), read by one child: the document, or its error.

        None of those that have to be parsed alone: they are something else, or one of them ended the child. Raises
        UnavailableError if no parser can be started.
        """
        limits = replace(self._limits, wall_s=PROSE_WALL_S, recognition_wall_s=PROSE_WALL_S)
        with self._own_lock():
            try:
                ending = self._asked(lambda zygote: zygote.run_prose(files, limits))
            except ZygoteGoneError:
                return [None] * len(files)
        read = [_read(line) for line in ending.output.split(b"\n")] if ending else []
        return read if len(read) == len(files) else [None] * len(files)

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

    def _asked(self, ask: Callable[[Zygote], T]) -> T:
        """What the zygote answers. Raises ZygoteGoneError where it died of it, or hung."""
        self._refuse_interrupted()
        zygote = self._started()
        try:
            return ask(zygote)
        except BaseException as error:
            self._stop()  # after an interrupt, its answer to this request must not meet the next one
            if isinstance(error, ZygoteGoneError):
                self._refuse_interrupted()
            raise

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

    def _started(self) -> Zygote:
        if self._zygote is None or not self._zygote.is_alive():
            self._stop()
            self._zygote = Zygote()
            self._warn_once(self._zygote)
        return self._zygote

    def _warn_once(self, zygote: Zygote) -> None:
        missing = [] if zygote.network_isolated else ["reach the network"]
        missing += [] if zygote.files_isolated else ["read other files"]
        if missing and not self._warned:
            self._warned = True
            _log.warning("parsers are not isolated: they can %s", " and ".join(missing))

    def _stop(self) -> None:
        if self._zygote is not None:
            self._zygote.close()
            self._zygote = None


def _read(line: bytes) -> Read:
    try:
        return _answered(line)
    except DocumentError as error:
        return error
    except _NONSENSE:
        return None


def _document(ending: Ending, limits: ParseLimits) -> ParsedDocument:
    if ending.too_much:
        raise DocumentError("The file holds more text than is allowed.", code="parse_limit")
    try:
        return _answered(ending.output)
    except _NONSENSE:
        raise _death(ending, limits) from None


def _answered(output: bytes) -> ParsedDocument:
    """The document that a child wrote. Raises DocumentError where it wrote that, one of `_NONSENSE` where neither."""
    answer = json.loads(output)
    if "error" in answer:
        code = answer["error"]["code"]
        raise DocumentError(str(answer["error"]["message"])[:1000], code=code if code in _CODES else "corrupt")
    return _checked(answer["document"])


def _death(ending: Ending, limits: ParseLimits) -> DocumentError:
    if ending.timed_out:
        return DocumentError(f"Reading the file took longer than {ending.limit_s:g} s.", code="parse_limit")
    if ending.code in (-signal.SIGXCPU, -signal.SIGKILL):
        return DocumentError(f"Reading the file took more than {limits.cpu_s} s of computing.", code="parse_limit")
    if ending.peak_bytes > _SIGNS_OF_NO_MEMORY * limits.memory_bytes:
        return DocumentError("The file needs more memory to be read than is allowed.", code="parse_limit")
    return DocumentError("Reading the file broke the parser. It is probably damaged.", code="parser_crashed")


def _checked(plain: dict[str, Any]) -> ParsedDocument:
    """The document a child wrote, if it is one: a child that a file has taken over may write anything.

    Raises one of `_NONSENSE`.
    """
    text, title = plain["text"], plain["title"]
    if not isinstance(text, str) or not 0 < len(text) <= MAX_TEXT_CHARS or not isinstance(plain["media_type"], str):
        raise ValueError("no text")
    pages = tuple(Page(int(number), int(start), int(end)) for number, start, end in plain["pages"])
    headings = tuple(
        Heading(max(1, min(int(level), _MAX_LEVEL)), str(words)[:MAX_TITLE_CHARS], int(at), int(to))
        for level, words, at, to in plain["headings"]
    )
    recognised = tuple((int(start), int(end)) for start, end in plain["recognised"])
    for words in (text, title or "", *(heading.title for heading in headings)):
        str(words).encode()  # half a surrogate pair could not be stored: it is a ValueError here
    spans = [(page.start, page.end) for page in pages] + [(heading.start, heading.end) for heading in headings]
    spans += recognised
    if any(not 0 <= start <= end <= len(text) for start, end in spans):
        raise ValueError("a span outside the text")
    return ParsedDocument(
        text,
        pages,
        headings,
        None if title is None else str(title)[:MAX_TITLE_CHARS],
        plain["media_type"][:100],
        max(0, int(plain["hidden_chars"])),
        tuple(LeftOut(str(part)[:300], str(reason)[:500]) for part, reason in plain["left_out"][:100]),
        recognised,
    )
