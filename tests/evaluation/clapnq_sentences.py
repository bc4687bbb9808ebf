"""Measure which sentences the extractive answer chooses.

    python -m tests.evaluation.clapnq_sentences [--fit] [--report docs/answers.md]

CLAP NQ's annotators marked the sentences of a passage that an answer is made of. Sentence F1 is the mean over its 167
answerable questions, with the passage given and with the passage to be found among all 307. `--fit` trains
`retrieval/weights/sentences.json`.
"""

import re
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from retrieval.evidence import weigh
from retrieval.extractive import SIGNALS, choose, probabilities, select, unit_signals
from retrieval.logistic import Logistic
from retrieval.reading import Reading
from tests import figures
from tests.evaluation.data_sets import CachingEmbedder, Example, arguments, bundled_embedder, clapnq
from tests.evaluation.fitting import Array, fit, write_weights

FOLDS, REPEATS = 5, 3
# Pull of the coefficients towards none: 1,100 sentences say little about eight signals.
STRENGTH = 3.0
COMMAND = "python -m tests.evaluation.clapnq_sentences"
HEAD = "| | sentence F1, passage given | sentences | to be found | sentences |"

Choice = Callable[[Reading], Sequence[int]]


def letters(text: str) -> str:
    return re.sub(r"\W+", "", text)


def marks(example: Example, reading: Reading) -> Array:
    """1 for each unit of `reading` that an annotator selected. Our units and CLAP NQ's sentences may differ in cuts."""
    selected = [letters(sentence) for sentence in example.selected]
    return np.array(
        [
            float(
                reading.hits[unit.hit].document.external_id in example.relevant | {reading.hits[0].document.external_id}
                and any(letters(unit.text) in one or one in letters(unit.text) for one in selected)
            )
            for unit in reading.units
        ]
    )


def sentence_f1(chosen: Sequence[int], marked: Array, wanted: int) -> float:
    return 2 * float(marked[list(chosen)].sum()) / max(1, len(chosen) + wanted)


def lead(count: int) -> Choice:
    return lambda reading: range(min(count, len(reading.units)))


def nearest(count: int) -> Choice:
    """The plain rule to beat: cosine plus half the word overlap, the best `count`."""

    def best(reading: Reading) -> Sequence[int]:
        scores = [float(c) + 0.5 * unit.overlap for c, unit in zip(reading.cosines, reading.units, strict=True)]
        return [int(i) for i in np.argsort(-np.array(scores), kind="stable")[:count]]

    return best


def ours(reading: Reading) -> Sequence[int]:
    return select(reading, weigh(reading))


def row(name: str, examples: Sequence[Example], choice: Choice) -> str:
    """A row of the table, printed as soon as it is known."""
    measured = []
    for example in examples:
        assert example.given is not None
        wanted = int(marks(example, example.given).sum())
        for reading in (example.given, example.found):
            chosen = choice(reading)
            measured.append((sentence_f1(chosen, marks(example, reading), wanted), len(chosen)))
    given, shown, found, shown_of_found = np.array(measured).reshape(len(examples), 4).mean(axis=0)
    line = f"| {name} | {given:.3f} | {shown:.1f} | {found:.3f} | {shown_of_found:.1f} |"
    print(line, flush=True)
    return line


def fitted(examples: Sequence[Example]) -> Array:
    rows = np.vstack([unit_signals(example.found, weigh(example.found)) for example in examples])
    labels = np.concatenate([marks(example, example.found) for example in examples])
    return fit(rows, labels, strength=STRENGTH, balanced=False)


def out_of_fold(examples: Sequence[Example], repeat: int) -> Choice:
    """What is chosen of each example by weights that have not seen its question."""
    chosen: dict[int, Sequence[int]] = {}
    folds = np.random.default_rng(repeat).permutation(len(examples)) % FOLDS
    for fold in range(FOLDS):
        beta = fitted([example for example, other in zip(examples, folds, strict=True) if other != fold])
        model = Logistic(SIGNALS, tuple(beta[:-1].tolist()), float(beta[-1]), {})
        for i in map(int, np.flatnonzero(folds == fold)):
            for reading in (examples[i].given, examples[i].found):
                assert reading is not None
                signals = unit_signals(reading, weigh(reading))
                chosen[id(reading)] = choose(reading, signals, probabilities(reading, signals, model))
    return lambda reading: chosen[id(reading)]


def main() -> None:
    parser = arguments(__doc__ or "")
    parser.add_argument("--fit", action="store_true", help="train and write retrieval/weights/sentences.json")
    parser.add_argument("--report", type=Path, help="write the figures into this Markdown file")
    options = parser.parse_args()
    embedder = bundled_embedder(options.models)
    embed = CachingEmbedder(embedder)
    examples = [example for example in clapnq(options.data, embedder, embed) if example.answerable]
    print(HEAD)
    rows = [row("the first 3", examples, lead(3))]
    rows += [row(f"cosine and overlap, the best {count}", examples, nearest(count)) for count in (3, 4)]
    folds = [out_of_fold(examples, repeat) for repeat in range(REPEATS)]
    rows += [row(f"ours, out of fold, repeat {repeat}", examples, choice) for repeat, choice in enumerate(folds)]
    if options.fit:
        trained = "CLAP NQ dev, selected sentences of 167 answerable questions, passages to be found among 307"
        write_weights("sentences", SIGNALS, fitted(examples), made_by=f"{COMMAND} --fit", trained_on=trained)
    else:
        rows.append(row("ours, weights as shipped", examples, ours))
    if options.report:
        table = "\n".join([HEAD, "|---" * 5 + "|", *rows])
        figures.write(options.report, command=COMMAND, parts=[table, f"By `{COMMAND} --report docs/answers.md`."])


if __name__ == "__main__":
    main()
