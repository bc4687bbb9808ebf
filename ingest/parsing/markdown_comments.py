"""Comments in Markdown, which no reader sees, by the rules of CommonMark: what opens one, and where it ends.

What stands in code is shown, so it is no comment. Every search goes forwards only: hostile text takes linear time.
Knows nothing of headings and paragraphs beyond where they end.
"""

import re
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterator

from ingest.parsing.document import one_line

# A line of backticks with more of them behind is no fence: it is code inside a line.
_FENCE = r" {0,3}(`{3,}+(?=[^`\n]*$)|~{3,}+)"
FENCE = re.compile(_FENCE)
_FENCE_LINE = re.compile(f"^{_FENCE}", re.MULTILINE)
_MARKER = r"(?:[>*+-]|\d{1,9}[.)])"
_TOKEN = re.compile(
    rf"\\[\\`<]|^{_FENCE}|^(?P<before>[ \t]*+(?:{_MARKER}[ \t]*+)*+)<!--|(?P<ticks>`++)|<!--", re.MULTILINE
)
_ENDS_PARAGRAPH = rf"[ \t]*+\n|{_FENCE}| {{0,3}}<!--|[ \t]*+(?:[*+-]|\d{{1,9}}[.)]|#{{1,6}})[ \t]"
_PARAGRAPH_END = re.compile(rf"\n(?={_ENDS_PARAGRAPH})", re.MULTILINE)
# Code must not be taken to go on where it does not: a comment would be shown. Where it stops too early, one is hidden.
_SPAN_END = re.compile(rf"\n(?={_ENDS_PARAGRAPH}|[ \t]*+(?:[>|]|{_MARKER}[ \t]*+<))", re.MULTILINE)


def without_comments(text: str) -> tuple[str, int]:
    """`text` with its comments made blanks of the same length, and how many characters they said."""
    if "<!--" not in text:
        return text, 0
    pieces, position, hidden = [], 0, 0
    for start, end in _comments(text):
        comment = text[start:end]
        pieces += [text[position:start], re.sub(r"[^\n]", " ", comment)]
        hidden += len(one_line(comment.strip("<!->")))
        position = end
    return "".join([*pieces, text[position:]]), hidden


class _Ahead:
    """Where a pattern is found next, asked at places that only move on, so that no stretch is searched twice."""

    def __init__(self, pattern: re.Pattern[str], text: str) -> None:
        self._pattern = pattern
        self._text = text
        self._found = -1

    def of(self, position: int) -> int:
        """The start of the first match at `position` or behind it; the length of the text if there is none."""
        if self._found < position:
            match = self._pattern.search(self._text, position)
            self._found = match.start() if match else len(self._text)
        return self._found


def _comments(text: str) -> Iterator[tuple[int, int]]:
    closing, paragraph = _Ahead(re.compile("-->"), text), _Ahead(_PARAGRAPH_END, text)
    spans = _CodeSpans(text)
    position = 0
    while token := _TOKEN.search(text, position):
        position = token.end()
        if fence := token.group(1):
            position = _end_of_fence(text, token.end(), fence)
        elif token.group("ticks"):
            position = spans.end(token.start("ticks"), token.end())
        elif token.group().endswith("<!--"):
            start, before = token.end() - len("<!--"), token.group("before")
            closes = closing.of(start + 2)  # `<!-->` is a whole comment
            if before is None and closes >= paragraph.of(start):
                continue  # inside a line it ends with its paragraph, or is text
            if closes < len(text):
                position = closes + len("-->")
            elif before is not None and len(before) <= 3 and not before.strip(" "):
                position = len(text)  # a block that nobody closes goes on to the end
            else:
                continue
            yield start, position


def _end_of_fence(text: str, position: int, fence: str) -> int:
    for line in _FENCE_LINE.finditer(text, position):
        if line.group(1)[0] == fence[0] and len(line.group(1)) >= len(fence):
            return line.end()
    return len(text)


class _CodeSpans:
    """Where code between backticks ends: at the next run of as many of them in the same paragraph."""

    def __init__(self, text: str) -> None:
        self._ends = _Ahead(_SPAN_END, text)
        self._runs: dict[int, list[int]] = defaultdict(list)
        for run in re.finditer("`+", text):
            self._runs[len(run.group())].append(run.start())

    def end(self, start: int, end: int) -> int:
        """The end of the span that the backticks from `start` to `end` open; `end` if they open none."""
        runs = self._runs[end - start]
        index = bisect_left(runs, end)
        closed = index < len(runs) and runs[index] < self._ends.of(end)
        return runs[index] + end - start if closed else end
