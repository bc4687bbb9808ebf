"""Text that comes in pieces, broken into lines between words.

Knows nothing of where the text is from. Rich breaks each piece as if it began a line; here the column is remembered.
"""

import re

from rich.cells import cell_len
from rich.console import Console
from rich.text import Text

_PIECES = re.compile(r"\n| +|[^ \n]+")
_MARKER = re.compile(r"\[\d+\]")


class LineBreaker:
    """Prints to a console as text arrives; each `[n]` is coloured."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._column = 0
        self._space = ""

    def write(self, text: str, *, style: str = "") -> None:
        """Print `text`, whose words are whole; spaces are kept back until the next word."""
        for piece in _PIECES.findall(text):
            if piece == "\n":
                self._newline()
            elif piece.isspace():
                self._space = piece if self._column else ""
            else:
                self._word(piece, style)

    def finish(self) -> None:
        """End the line, if one was begun."""
        if self._column:
            self._newline()

    def _word(self, word: str, style: str) -> None:
        width = cell_len(word)
        if self._column and self._column + len(self._space) + width > self._console.width:
            self._newline()
        line = Text(self._space + word, style=style)
        line.highlight_regex(_MARKER, "cyan")
        self._console.print(line, end="", soft_wrap=True)
        # A full line counts as full, not as the start of the next one.
        self._column = (self._column + len(self._space) + width - 1) % self._console.width + 1
        self._space = ""

    def _newline(self) -> None:
        self._console.print()
        self._column = 0
        self._space = ""
