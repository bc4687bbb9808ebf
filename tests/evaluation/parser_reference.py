"""How much of a reference a parsed text keeps, and how many of its words are the reference's.

Order is not compared: tables are written in many ways. Rows here carry their headings, so a word may come more often
than in the reference without being wrong; hence recall counts every word, precision every different one.
"""

import re
import unicodedata
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import unquote

_MARKUP = re.compile(
    r"<!--.*?-->|!?\[([^\]]*)\]\([^)]*\)|</?[a-z][^>]*>|&(?:amp|lt|gt|nbsp);", re.DOTALL | re.IGNORECASE
)
_WORD = re.compile(r"\w+")


def words(text: str) -> Counter[str]:
    """The words of a text in plain form or in Markdown, however they are written."""
    plain = _MARKUP.sub(lambda found: f" {found.group(1) or ''} ", text.replace("\\", ""))
    return Counter(_WORD.findall(unicodedata.normalize("NFKC", unquote(plain)).replace("_", " ").casefold()))


def score(text: str, reference: Counter[str]) -> float:
    """Harmonic mean of two shares: of the reference's words, those kept; of the different words, those it has too."""
    found = words(text)
    if not reference or not found:
        return 1.0 if not reference and not found else 0.0
    recall = sum(min(count, found[word]) for word, count in reference.items()) / reference.total()
    precision = len(found.keys() & reference.keys()) / len(found)
    return 2 * recall * precision / (recall + precision) if recall + precision else 0.0


def consensus(texts: Sequence[str]) -> Counter[str]:
    """The words that at least half of `texts` have, as often as the median has them."""
    counted = [words(text) for text in texts if text.strip()]
    agreed: Counter[str] = Counter()
    for word in {word for one in counted for word in one}:
        times = sorted(one[word] for one in counted)[(len(counted) - 1) // 2]
        if times:
            agreed[word] = times
    return agreed


def reference_of(path: Path) -> Counter[str] | None:
    """What docling made of a file, where the data set has that."""
    folder = path.parent.parent / "groundtruth"
    for kept in (folder / f"{path.name}.md", folder / f"{path.stem}.md"):
        if kept.exists():
            return words(kept.read_text(encoding="utf-8"))
    return None


def sources(folder: Path) -> list[Path]:
    """The documents of the data set: without references and without what describes the set."""
    return sorted(
        path
        for path in folder.rglob("*")
        if path.is_file()
        and "groundtruth" not in path.parts
        and path.name not in ("SOURCE.md", "LICENSE", "LICENSE.md", "README.md")
    )
