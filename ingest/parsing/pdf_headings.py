"""Which blocks of a PDF are headings, and of which level: by its bookmarks where they match, else by type.

Knows nothing of pages or of how blocks were found.
"""

import re
from collections import Counter
from collections.abc import Mapping, Sequence

from ingest.parsing.pdf_blocks import LEADER, Block
from ingest.parsing.pdf_page import BULLET

Style = tuple[float, bool]

_NUMBERED = re.compile(r"(?:section|chapter|article|part)?\s*(\d{1,2}(?:\.\d{1,2}){0,4})\.?\s+\S", re.IGNORECASE)
_LARGER = 1.12
_MAX_CHARS = 160
_MAX_LINES = 3


def mark_headings(blocks: Sequence[Block], outline: Mapping[tuple[int, str], int]) -> None:
    """Sets the level of the blocks that are headings. `outline` maps (page, `comparable` words) to a level."""
    marked = []
    for block in blocks if len(outline) > 1 else ():
        level = outline.get((block.lines[0].page, comparable(block.text)))
        if level and block.cells is None:
            marked.append((block, level))
    if len(marked) >= max(2, len(outline) // 2):
        for block, level in marked:
            block.heading = level
    else:
        _mark_by_type(blocks)


def comparable(text: str) -> str:
    """Letters and digits alone: bookmarks and pages differ in spaces, dashes and case."""
    return "".join(character for character in text.casefold() if character.isalnum())


def title_of(blocks: Sequence[Block]) -> list[Block]:
    """The headings that a document opens with, before any numbered one: its title, perhaps on several lines."""
    leading: list[Block] = []
    for block in blocks[:3]:
        if not block.heading or _number_of(block) is not None or block.lines[0].page > 1:
            break
        leading.append(block)
    return leading


def _mark_by_type(blocks: Sequence[Block]) -> None:
    prose = [block for block in blocks if block.cells is None]
    styles: Counter[Style] = Counter()
    for block in prose or blocks:
        styles[block.style] += len(block.text)
    body = styles.most_common(1)[0][0]
    candidates = [block for block in prose if _reads_like_heading(block, body)]
    if len(candidates) * 2 > len(prose) and len(prose) > 20:
        # Where every other paragraph is bold, bold is emphasis.
        candidates = [block for block in candidates if block.style[0] > body[0] * _LARGER]
    ranks = {style: rank for rank, style in enumerate(sorted({block.style for block in candidates}, reverse=True), 1)}
    depths: dict[Style, int] = {}
    titled: set[Style] = set()
    for block in candidates:
        number = _number_of(block)
        if number is not None:
            depths[block.style] = min(depths.get(block.style, 9), number)
        elif block.style not in depths:
            titled.add(block.style)
    for block in candidates:
        number = _number_of(block)
        level = ranks[block.style]
        if number is not None:
            # Numbers of one style tell its levels apart; an unnumbered title of the same style stands above them.
            level += number - depths[block.style] + (1 if block.style in titled else 0)
        block.heading = level


def _reads_like_heading(block: Block, body: Style) -> bool:
    text = block.text
    size, bold = block.style
    larger = size >= body[0] * _LARGER
    emphasised = bold and not body[1] and size >= body[0] * 0.85
    if not (larger or emphasised) or len(block.lines) > _MAX_LINES or len(text) > _MAX_CHARS:
        return False
    if LEADER.search(text) or block.lines[0].code:
        return False
    bullet = BULLET.match(text)
    if bullet and not (bold and _NUMBERED.match(text, bullet.end())):
        return False
    text = text[bullet.end() :] if bullet else text
    if text[-1] in ".,;" or sum(1 for character in text if character.isalpha()) < 2:
        return False
    return text[0].isupper() or text[0].isdigit() or larger or not text[0].isascii()


def _number_of(block: Block) -> int | None:
    """How deep the block's number is: 0 for "4.", 1 for "4.2"; None without a number."""
    bullet = BULLET.match(block.lines[0].text)
    numbered = _NUMBERED.match(block.lines[0].text, bullet.end() if bullet else 0)
    return numbered.group(1).count(".") if numbered else None
