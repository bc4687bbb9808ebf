"""How many conflicting sources are noticed, and how often one is seen where there is none.

    python -m tests.evaluation.conflict_figures [--report docs/answers.md] [--show]

Made conflicts: beside each passage with a number or date in the sentences that the extractive answer takes of it, a
second document with the same passage but for that one value. No conflicts: the second document is an exact copy; and
the real thing, what CLAP NQ, MTRAG-UN and the sample company have among their own passages, where a person has looked
at every one that is reported (`--show` prints them).
"""

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from retrieval.conflicts import disagreements
from retrieval.evidence import weigh
from retrieval.extractive import select
from retrieval.reading import EmbedTexts, Reading, read
from retrieval.types import Hit
from tests import figures
from tests.evaluation.data_sets import (
    CachingEmbedder,
    Example,
    arguments,
    bundled_embedder,
    clapnq,
    mtrag_un,
    sample_company,
)
from tests.evaluation.support_changes import date_changed, number_changed

COMMAND = "python -m tests.evaluation.conflict_figures"
SEED = 7
CHANGES = {"a number changed": number_changed, "a date changed": date_changed}


@dataclass(frozen=True, slots=True)
class Pair:
    """A passage and a second document that is the same but for what `kind` says."""

    kind: str
    question: str
    hits: tuple[Hit, Hit]


def made(examples: Sequence[Example]) -> Iterator[Pair]:
    """Of each given passage: a copy, and one with a value of the answer changed, where it has one."""
    draw = random.Random(SEED)
    for example in examples:
        if example.given is None or not example.answerable:
            continue
        (hit,) = example.given.hits
        yield Pair("an exact copy", example.question, (hit, _second(hit, hit.chunk.text)))
        for kind, change in CHANGES.items():
            for index in select(example.given, weigh(example.given)):
                said = example.given.units[index].text
                other = change(said, hit.chunk.text, [], draw)
                if other is not None:
                    yield Pair(kind, example.question, (hit, _second(hit, hit.chunk.text.replace(said, other))))
                    break


def is_noticed(pair: Pair, embed: EmbedTexts) -> bool:
    return bool(_found(read(pair.question, pair.hits, embed)))


def main() -> None:
    parser = arguments("Conflicts between sources: noticed and imagined.")
    parser.add_argument("--report", type=Path, help="write the figures into their place in this Markdown file")
    parser.add_argument("--show", action="store_true", help="print what is seen among the sets' own passages")
    asked = parser.parse_args()
    embedder = bundled_embedder(asked.models)
    embed = CachingEmbedder(embedder)
    sets = {
        "clapnq": clapnq(asked.data, embedder, embed),
        "mtrag_un": mtrag_un(asked.data, embedder, embed),
        "the sample company": sample_company(embedder, embed),
    }
    pairs = list(made(sets["clapnq"]))
    lines = ["| | seen as a conflict |", "|---|---|"]
    for kind in (*CHANGES, "an exact copy"):
        noticed = [is_noticed(pair, embed) for pair in pairs if pair.kind == kind]
        lines.append(f"| clapnq, beside the passage {kind} | {sum(noticed)} of {len(noticed)} |")
    for name, examples in sets.items():
        seen = [(example, found) for example in examples if (found := _found(example.found))]
        lines.append(f"| {name}, its own passages | {len(seen)} of {len(examples)} |")
        if asked.show:
            for example, found in seen:
                _show(example, found)
    print("\n".join(lines))
    if asked.report:
        figures.write(asked.report, command=COMMAND, parts=[f"`{COMMAND}`", "\n".join(lines)])


def _second(hit: Hit, text: str) -> Hit:
    chunk = replace(hit.chunk, text=text, end=hit.chunk.start + len(text))
    return replace(hit, rank=2, document=replace(hit.document, document_id="second", external_id="second"), chunk=chunk)


def _found(reading: Reading) -> list[tuple[str, str, str]]:
    units = reading.units
    found = disagreements(reading, select(reading, weigh(reading)))
    return [(one.note(reading), units[one.first.unit].text, units[one.second.unit].text) for one in found]


def _show(example: Example, found: Sequence[tuple[str, str, str]]) -> None:
    for note, *texts in found:
        print(f"{example.question}\n  {note}", *(f"\n    {' '.join(text.split())[:300]}" for text in texts))


if __name__ == "__main__":
    main()
