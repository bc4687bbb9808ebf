"""How hits were found, on a terminal of 80 columns: each one's place in every step, then what it took.

Knows nothing of whether a search or an answer is explained.
"""

from collections.abc import Mapping

from rich.text import Text

from ingest.commands.output import Output, cells, one_line, table
from ingest.commands.passages import shortened
from ingest.resources import Decision, Explanation, Place

# In the order of reading: where a hit ended, and what brought it there.
_NUMBERS = ("Final", "Fused", "Dense", "Sparse", "Cosine", "Score", "Page")
# Two lines of what they leave of 80 columns.
_TITLE_LENGTH = 42


def show(output: Output, explanation: Explanation) -> None:
    """Print the table of hits and the line below it."""
    if explanation.hits:
        rows = table(*((name, {"justify": "right", "no_wrap": True}) for name in _NUMBERS), "Document")
        for place in explanation.hits:
            rows.add_row(*_row(place))
        output.print(rows)
    output.print(Text(_summary(explanation), style="dim"))
    if explanation.answer is not None and explanation.recorded:
        output.print(Text(_decision(explanation, explanation.answer), style="dim"))


def _row(place: Place) -> list[Text]:
    cosine = None if place.dense_score is None else f"{place.dense_score:.3f}"
    ranks = (place.rank, place.fused_rank, place.dense_rank, place.sparse_rank)
    return [
        *cells(*ranks, cosine, f"{place.score:.4f}", place.page, shortened(place.title or "Untitled", _TITLE_LENGTH))
    ]


def _summary(explanation: Explanation) -> str:
    """For example `Dropped by the registry: 0. embed 8.1 ms, search 3.2 ms, check 1.0 ms.`"""
    if not explanation.recorded:
        return "How this answer was found was not recorded: it is older than explanations are."
    parts = [f"Dropped by the registry: {explanation.dropped or 0}."]
    if explanation.withheld:
        parts.append(f"Withheld from you: {explanation.withheld}.")
    if explanation.timings_ms:
        parts.append(f"{_steps(explanation.timings_ms)}.")
    return " ".join(parts)


def _decision(explanation: Explanation, decision: Decision) -> str:
    """For example `Searched for “remote work”. Evidence 0.83, needed 0.45. Prompt 1c3e5a7b9d0f.`"""
    parts = [f"Searched for “{one_line(explanation.query)}”."] if explanation.query else []
    if decision.sufficiency is not None and decision.threshold is not None:
        parts.append(f"Evidence {decision.sufficiency:.2f}, needed {decision.threshold:.2f}.")
    if decision.prompt_version:
        parts.append(f"Prompt {decision.prompt_version}.")
    return " ".join(parts)


def _steps(timings_ms: Mapping[str, float]) -> str:
    return ", ".join(f"{step} {took:.1f} ms" for step, took in timings_ms.items())
