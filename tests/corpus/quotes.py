"""Finds a quotation in a text that has been parsed: the words count, and not what stands between them."""

import re

_CELL_GAP = 8
"""How many words a parser may put between two cells of a row, such as the name of the next column."""


def find_quote(quote: str, text: str) -> tuple[int, int] | None:
    """Where the words of `quote` stand in `text`, whatever spaces, breaks, marks and table lines are between them.

    If they stand nowhere in a row, other words may come between: a table row may be parsed with its column names.
    """
    words = [re.escape(word) for word in re.findall(r"\w+", quote)]
    between = (r"\W+", rf"\W+(?:\w+\W+){{0,{_CELL_GAP}}}?")
    matches = (re.search(rf"\b{gap.join(words)}\b", text) for gap in between)
    found = next((match for match in matches if match is not None), None)
    return None if found is None else found.span()
