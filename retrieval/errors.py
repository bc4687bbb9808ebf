"""The error tree of the whole project.

Every error has a `code`, stable for programs, and a message written for the person who sees it. The API maps the
classes to HTTP once, in `services/api/errors.py`; the worker maps them to a job's state in `services/worker/ledger.py`.

    FootnoteError
    ├── InvalidInputError          the caller sent something that cannot be right         (422)
    │   ├── InvalidFilterError     a filter of unknown or contradictory form              (422)
    │   └── TooLargeError          over a stated limit                                    (413)
    ├── UnauthenticatedError       no key, a wrong, expired or revoked one                (401)
    ├── ForbiddenError             known, but without the scope or role                   (403)
    ├── NotFoundError              does not exist, or may not be read: the same to all    (404)
    ├── ConflictError              another state than the call needs                      (409)
    ├── DocumentError              this file will never parse: no retry                   (a job fails)
    ├── EmbeddingError             the model makes no vector of this text                 (a job is tried again)
    ├── IndexRefusedError          the index will not take these points                   (a job is tried again)
    └── UnavailableError           a part is down, slow or full: try again                (503)
        ├── LocalFaultError            this machine's own disk, or SQLite
        ├── IndexUnavailableError      Qdrant
        ├── ModelUnavailableError      the language model
        └── OverloadedError            admission control                                  (429)
"""


class FootnoteError(Exception):
    """Root of the tree. `code` is stable snake_case; `message` says what happened and what to do."""

    code = "internal_error"

    def __init__(self, message: str, *, code: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        if code is not None:
            self.code = code


class InvalidInputError(FootnoteError):
    code = "invalid_input"


class InvalidFilterError(InvalidInputError):
    code = "invalid_filter"


class TooLargeError(InvalidInputError):
    code = "too_large"


class UnauthenticatedError(FootnoteError):
    code = "unauthenticated"


class ForbiddenError(FootnoteError):
    code = "forbidden"


class NotFoundError(FootnoteError):
    code = "not_found"


class ConflictError(FootnoteError):
    code = "conflict"


class DocumentError(FootnoteError):
    """A file that cannot become a document, however often it is tried.

    Codes in use: `empty_file`, `no_text`, `encrypted`, `corrupt`, `unsupported_type`, `type_mismatch`,
    `parse_limit` (memory, time or size), `parser_crashed`, `too_many_pages`, `needs_ocr` (pictures of text).
    """

    code = "corrupt"


class EmbeddingError(FootnoteError):
    """The model works, but not on this text: its vector has no finite numbers, or it does not fit into memory."""

    code = "embedding_failed"


class IndexRefusedError(FootnoteError):
    """The index is there and says no: it would say so again."""

    code = "index_refused"


class UnavailableError(FootnoteError):
    code = "unavailable"


class LocalFaultError(UnavailableError):
    """The part is no server: on this machine itself something is wrong. The code is the one of its server."""


class IndexUnavailableError(UnavailableError):
    code = "index_unavailable"


class ModelUnavailableError(UnavailableError):
    code = "model_unavailable"


class OverloadedError(UnavailableError):
    code = "overloaded"
