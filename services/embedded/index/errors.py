"""What a request can fail with, in the words and statuses of a Qdrant server.

Knows nothing of HTTP beyond the status number; `app.py` makes the response.

    RequestError
    ├── WrongInputError     400  malformed, or does not fit the collection
    ├── MissingError        404  no such collection, alias or point
    ├── ExistsError         409  the name is taken
    ├── TooLargeError       413  the body is over the limit
    ├── NotJsonError        415  the body is not declared as JSON
    └── UnsupportedError    501  a Qdrant server may know it, this one does not
"""


class RequestError(Exception):
    """Root of the tree. `status` is the HTTP status, `message` names the field or thing at fault."""

    status = 500

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


class WrongInputError(RequestError):
    status = 400


class MissingError(RequestError):
    status = 404


class ExistsError(RequestError):
    status = 409


class TooLargeError(RequestError):
    status = 413


class NotJsonError(RequestError):
    status = 415


class UnsupportedError(RequestError):
    """Refused because answering without it could be a wrong answer. The message says what is missing."""

    status = 501

    def __init__(self, what: str) -> None:
        super().__init__(f"Not implemented by the embedded index server: {what}. Use a Qdrant server for it.")
