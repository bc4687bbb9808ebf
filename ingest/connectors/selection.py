"""Which paths a data source takes: patterns as people know them from .gitignore.

`*` stays within a folder, `**` crosses folders, a pattern without a slash fits a name in any folder, and a pattern that
fits a folder takes in all it holds. Knows nothing of files.
"""

import re
from collections.abc import Sequence


class Selection:
    """`include` empty: everything; what `exclude` fits is left out in any case."""

    def __init__(self, include: Sequence[str] = (), exclude: Sequence[str] = ()) -> None:
        self._include = [_regex(pattern) for pattern in include]
        self._exclude = [_regex(pattern) for pattern in exclude]

    def takes(self, path: str) -> bool:
        """Whether this path, relative and with slashes, is taken."""
        if any(pattern.fullmatch(path) for pattern in self._exclude):
            return False
        return not self._include or any(pattern.fullmatch(path) for pattern in self._include)


def _regex(pattern: str) -> re.Pattern[str]:
    text = pattern.strip("/")
    anywhere = "/" not in text
    parts = re.split(r"(\*\*/|/\*\*$|\*\*|\*|\?)", text)
    words = {"**/": "(?:.*/)?", "/**": "/.*", "**": ".*", "*": "[^/]*", "?": "[^/]"}
    body = "".join(words.get(part) or re.escape(part) for part in parts)
    return re.compile(f"{'(?:.*/)?' if anywhere else ''}{body}(?:/.*)?", re.S)
