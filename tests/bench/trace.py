"""Requests to a language model as a public trace has them: when each came and how much was written.

`../shared/data/azure_llm_trace`: conversations with a chat model on one day of November 2023. Not part of this
repository; without it the benchmark that replays it says so and ends.
"""

import csv
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from pathlib import Path

CONVERSATIONS = Path("../shared/data/azure_llm_trace/AzureLLMInferenceTrace_conv.csv")


@dataclass(frozen=True, slots=True)
class Asked:
    """A request: seconds after the first one, and the tokens that the model wrote."""

    at: float
    tokens: int


def replayed(count: int, *, rate: float, trace: Path = CONVERSATIONS) -> list[Asked]:
    """The first `count` requests, their gaps stretched alike so that `rate` of them come in a second on average."""
    with trace.open(encoding="utf-8", newline="") as rows:
        some = [
            (_seconds(row["TIMESTAMP"]), int(row["GeneratedTokens"])) for row in islice(csv.DictReader(rows), count)
        ]
    first, last = some[0][0], some[-1][0]
    stretch = (count - 1) / rate / (last - first)
    return [Asked((at - first) * stretch, tokens) for at, tokens in some]


def _seconds(timestamp: str) -> float:
    return datetime.fromisoformat(timestamp[:26]).timestamp()
