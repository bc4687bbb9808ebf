"""What can go wrong between this machine and a Footnote server.

Knows nothing of which call was made. The server answers errors as RFC 9457 problem documents; each becomes the class
of its HTTP status, which is also the class that the library raises for the same thing (`retrieval/errors.py`), so one
`except NotFoundError` serves both.

    FootnoteError
    ├── ServerUnreachableError      no connection, or it broke before the answer was complete
    ├── UnexpectedAnswerError       what answered is not a Footnote server of this version
    ├── AnswerInterruptedError      a streamed answer ended without its last event
    └── ProblemError                the server refused; carries status, code, title, detail, errors
        ├── UnauthenticatedProblemError   401, also an UnauthenticatedError
        ├── ForbiddenProblemError         403, also a ForbiddenError
        ├── NotFoundProblemError          404, also a NotFoundError
        ├── ConflictProblemError          409, also a ConflictError
        ├── TooLargeProblemError          413, also a TooLargeError
        ├── InvalidInputProblemError      422, also an InvalidInputError
        ├── OverloadedProblemError        429, also an OverloadedError
        └── UnavailableProblemError       503, also an UnavailableError
            └── BehindProxyError          502, 504, and 503 in a proxy's own words: also a ServerUnreachableError
"""

import json
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from retrieval.errors import (
    ConflictError,
    FootnoteError,
    ForbiddenError,
    InvalidInputError,
    NotFoundError,
    OverloadedError,
    TooLargeError,
    UnauthenticatedError,
    UnavailableError,
)


class ServerUnreachableError(FootnoteError):
    code = "server_unreachable"


class UnexpectedAnswerError(FootnoteError):
    code = "unexpected_answer"


class AnswerInterruptedError(FootnoteError):
    code = "answer_interrupted"


class ProblemError(FootnoteError):
    """A problem document. `status` is HTTP's, `code` the stable word for programs, `errors` the single faults."""

    def __init__(
        self, status: int, *, code: str, title: str, detail: str | None = None, errors: tuple[str, ...] = ()
    ) -> None:
        words = detail or title
        super().__init__("; ".join([words, *(fault for fault in errors if fault not in words)]), code=code)
        self.status = status
        self.title = title
        self.detail = detail
        self.errors = errors


class UnauthenticatedProblemError(ProblemError, UnauthenticatedError):
    pass


class ForbiddenProblemError(ProblemError, ForbiddenError):
    pass


class NotFoundProblemError(ProblemError, NotFoundError):
    pass


class ConflictProblemError(ProblemError, ConflictError):
    pass


class TooLargeProblemError(ProblemError, TooLargeError):
    pass


class InvalidInputProblemError(ProblemError, InvalidInputError):
    pass


class OverloadedProblemError(ProblemError, OverloadedError):
    pass


class UnavailableProblemError(ProblemError, UnavailableError):
    pass


class BehindProxyError(UnavailableProblemError, ServerUnreachableError):
    """A proxy answered, because the server behind it did not."""


_CLASSES: Mapping[int, type[ProblemError]] = {
    401: UnauthenticatedProblemError,
    403: ForbiddenProblemError,
    404: NotFoundProblemError,
    409: ConflictProblemError,
    413: TooLargeProblemError,
    422: InvalidInputProblemError,
    429: OverloadedProblemError,
    502: BehindProxyError,
    503: UnavailableProblemError,
    504: BehindProxyError,
}


def problem_from_body(status: int, body: bytes) -> ProblemError:
    """The error of an answer with this status. A proxy's page in place of a problem document will do."""
    try:
        document = json.loads(body)
    except (ValueError, RecursionError):
        document = None
    return problem_from_document(document if isinstance(document, dict) else {}, status=status)


def problem_from_document(document: Mapping[str, Any], *, status: int | None = None) -> ProblemError:
    """The error that a problem document describes. `status` is used where the document names none."""
    stated = document.get("status")
    number = status or (stated if isinstance(stated, int) else 500)
    code = _words(document.get("code"))
    kind = _CLASSES.get(number, ProblemError)
    if kind is UnavailableProblemError and code is None:  # each of the server's own documents has one
        kind = BehindProxyError
    return kind(
        number,
        code=code or (kind.code if number in _CLASSES else f"http_{number}"),
        title=_words(document.get("title")) or _title_of(number),
        detail=_words(document.get("detail")),
        errors=tuple(_fault(fault) for fault in _listed(document.get("errors")) if isinstance(fault, dict | str)),
    )


def _listed(value: object) -> list[Any]:
    return value if isinstance(value, list) else []


def _words(value: object) -> str | None:
    return value if isinstance(value, str) and value else None


def _title_of(status: int) -> str:
    try:
        return f"The server answered {status} {HTTPStatus(status).phrase}."
    except ValueError:
        return f"The server answered {status}."


def _fault(fault: Mapping[str, Any] | str) -> str:
    """One entry of `errors`, with the field that it names before the words."""
    if isinstance(fault, str):
        return fault
    field, words = _words(fault.get("field")), _words(fault.get("problem")) or "invalid"
    return f"{field}: {words}" if field else words
