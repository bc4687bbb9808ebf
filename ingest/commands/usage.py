"""The error of a call that cannot be meant: exit code 2.

Knows nothing of options; what Typer itself refuses never gets here.
"""

from retrieval.errors import FootnoteError


class WrongUsageError(FootnoteError):
    code = "wrong_usage"
