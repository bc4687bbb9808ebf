"""Measure which sentences the extractive answer chooses: `python -m tests.evaluation.clapnq_sentences [--fit]`.

CLAP NQ's annotators marked the sentences of a passage that an answer is made of. Sentence F1 is the mean over its 167
answerable questions, with the passage given and with the passage to be found among all 307. `--fit` trains
`retrieval/weights/sentences.json` and prints the out-of-fold figures as well.
"""

import re
from collections.abc import Callable, Sequence

import numpy as np

from retrieval.evidence import weigh
from retrieval.extractive import SIGNALS, choose, probabilities, select, unit_signals
from retrieval.logistic import Logistic
from retrieval.reading import Reading
from tests.evaluation.data_sets import CachingEmbedder, Example, arguments, bundled_embedder, clapnq
from tests.evaluation.fitting import Array, fit, write_weights

FOLDS, REPEATS = 5, 3
# Pull of the coefficients towards none: 1,100 sentences say little about eight signals.
STRENGTH = 3.0

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
    place = {(unit.hit, unit.start): i for i, unit in enumerate(reading.units)}
    return [place[extract.unit.hit, extract.unit.start] for extract in select(reading, weigh(reading))]


def report(name: str, examples: Sequence[Example], choice: Choice) -> None:
    figures = []
    for example in examples:
        assert example.given is not None
        wanted = int(marks(example, example.given).sum())
        for reading in (example.given, example.found):
            chosen = choice(reading)
            figures.append((sentence_f1(chosen, marks(example, reading), wanted), len(chosen)))
    table = np.array(figures).reshape(len(examples), 4).mean(axis=0)
    print(f"{name:34} given F1 {table[0]:.3f} ({table[1]:.2f} sentences)   found F1 {table[2]:.3f} ({table[3]:.2f})")


def fitted(examples: Sequence[Example]) -> Array:
    rows = np.vstack([unit_signals(example.found, weigh(example.found)) for example in examples])
    labels = np.concatenate([marks(example, example.found) for example in examples])
    return fit(rows, labels, strength=STRENGTH, balanced=False)


def report_out_of_fold(examples: Sequence[Example]) -> None:
    chosen: dict[int, list[Sequence[int]]] = {}
    for repeat in range(REPEATS):
        folds = np.random.default_rng(repeat).permutation(len(examples)) % FOLDS
        for fold in range(FOLDS):
            beta = fitted([example for example, other in zip(examples, folds, strict=True) if other != fold])
            model = Logistic(SIGNALS, tuple(beta[:-1].tolist()), float(beta[-1]), {})
            for i in map(int, np.flatnonzero(folds == fold)):
                for reading in (examples[i].given, examples[i].found):
                    assert reading is not None
                    signals = unit_signals(reading, weigh(reading))
                    picked = choose(reading, signals, probabilities(reading, signals, model))
                    chosen.setdefault(id(reading), []).append(picked)
    for repeat in range(REPEATS):
        report(f"ours, out of fold, repeat {repeat}", examples, lambda reading, r=repeat: chosen[id(reading)][r])  # type: ignore[misc]


def main() -> None:
    parser = arguments(__doc__ or "")
    parser.add_argument("--fit", action="store_true", help="train and write retrieval/weights/sentences.json")
    options = parser.parse_args()
    embedder = bundled_embedder(options.models)
    embed = CachingEmbedder(embedder)
    examples = [example for example in clapnq(options.data, embedder, embed) if example.answerable]
    report("lead 3", examples, lead(3))
    report("cosine and overlap, top 3", examples, nearest(3))
    report("cosine and overlap, top 4", examples, nearest(4))
    if options.fit:
        report_out_of_fold(examples)
        made_by = "python -m tests.evaluation.clapnq_sentences --fit"
        trained = "CLAP NQ dev, selected sentences of 167 answerable questions, passages to be found among 307"
        beta = fitted(examples)
        write_weights("sentences", SIGNALS, beta, made_by=made_by, trained_on=trained)
        print(dict(zip([*SIGNALS, "intercept"], np.round(beta, 2).tolist(), strict=True)))
    report("ours, weights as shipped", examples, ours)


if __name__ == "__main__":
    main()
