"""Train and judge the evidence check: `python -m tests.evaluation.train_evidence [--write] [--report docs/answers.md]`.

Trained on CLAP NQ (its own passage given, and to be found among all) and MTRAG-UN (to be found); the sample company is
only looked at. What is printed and reported is out of fold: each question by a model that has not seen it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import astuple, fields
from pathlib import Path

import numpy as np

from retrieval.ambiguity import left_open
from retrieval.embedding import Embedder
from retrieval.evidence import Signals, Strictness, hit_prospects, hit_signals, weigh
from retrieval.foresight import is_likely
from retrieval.reading import Reading
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
from tests.evaluation.fitting import Array, auroc, balanced_accuracy, calibration_error, fit_best_of, write_weights

NAMES = [field.name for field in fields(Signals)]
# Weights we would give by hand. The questions of CLAP NQ are lower-case and so have no names that could be missing;
# near misses ("the Lisbon office", "Heron 4") are what a company's unanswerable questions look like.
PRIOR = np.array([5.0, 7.0, 2.0, -1.0, -2.0])
STRENGTH = 100.0
FOLDS, REPEATS = 5, 4
THRESHOLDS = {"strict": 0.65, "balanced": 0.45, "lenient": 0.3}
COMMAND = "python -m tests.evaluation.train_evidence"
PLAIN = ("sentence", "passage")
HEAD = "| | answerable, not | AUROC | balanced accuracy | calibration error | AUROC: nearest sentence | passage |"
ASKED_BACK = "| at the balanced threshold | refused | of these asked back |"
ASKED_AHEAD = "| asked ahead, of those answered; of those refused | strict | balanced | lenient |"
CURVE = "Share of the answerable questions that is answered, and of the others, from this sufficiency on:"


def bag(reading: Reading) -> Array:
    """The signals of each hit, shape (hits, signals)."""
    return np.array([astuple(signal) for signal in hit_signals(reading)], dtype=np.float64)


def sufficiency(bags: list[Array], beta: Array) -> Array:
    return np.array([1 / (1 + np.exp(-float((rows @ beta[:-1] + beta[-1]).max()))) for rows in bags])


def out_of_fold(examples: list[Example], bags: list[Array], labels: Array) -> Array:
    """Sufficiency of each example by models that have not seen its question."""
    questions = sorted({example.question for example in examples})
    total = np.zeros(len(examples))
    for repeat in range(REPEATS):
        fold_of = dict(
            zip(np.random.default_rng(repeat).permutation(questions), np.arange(len(questions)) % FOLDS, strict=True)
        )
        folds = np.array([fold_of[example.question] for example in examples])
        for fold in range(FOLDS):
            train, test = np.flatnonzero(folds != fold), np.flatnonzero(folds == fold)
            beta = fit_best_of([bags[i] for i in train], labels[train], prior=PRIOR, strength=STRENGTH)
            total[test] += sufficiency([bags[i] for i in test], beta)
    return total / REPEATS


def foresight(bags: list[Array], beta: Array) -> Array:
    """`beta` with the nearest sentence, its first signal, replaced by what the others tell of it."""
    rows = np.vstack(bags)
    others = np.column_stack([rows[:, 1:], np.ones(len(rows))])
    told = np.linalg.lstsq(others, rows[:, 0], rcond=None)[0]
    return np.asarray(beta[1:] + beta[0] * told, dtype=np.float64)


def judged(name: str, labels: Array, bags: list[Array], scores: Array) -> str:
    """A row of the table: how well the scores tell the answerable questions, beside two plain signals."""
    plain = [auroc([rows[:, NAMES.index(signal)].max() for rows in bags], labels) for signal in PLAIN]
    right = balanced_accuracy(scores >= THRESHOLDS["balanced"], labels)
    error = calibration_error(scores, labels)
    figures = (auroc(scores, labels), right, error, *plain)
    return f"| {name} | {labels.sum():.0f}, {(1 - labels).sum():.0f} | {' | '.join(f'{one:.3f}' for one in figures)} |"


def curve(sets: Mapping[str, tuple[Array, Array]]) -> list[str]:
    """A table: of the answerable and of the unanswerable questions, how many are answered at each threshold."""
    named = {threshold: f" ({setting})" for setting, threshold in THRESHOLDS.items()}
    lines = [f"| from | {' | '.join(sets)} |", "|---" * (1 + len(sets)) + "|"]
    for threshold in sorted({*np.arange(0.1, 1.0, 0.1).round(1).tolist(), *named}):
        cells = [
            ", ".join(f"{(scores[labels == truth] >= threshold).mean():.2f}" for truth in (1, 0))
            for labels, scores in sets.values()
        ]
        lines.append(f"| {threshold}{named.get(threshold, '')} | {' | '.join(cells)} |")
    return lines


def asked_back(sets: Mapping[str, Sequence[Example]]) -> list[str]:
    """A table: of the questions that are refused, with the weights as shipped, how many are asked back."""
    lines = [ASKED_BACK, "|---" * 3 + "|"]
    for name, examples in sets.items():
        weighed = [(one.found, weigh(one.found)) for one in examples]
        refused = [(found, evidence) for found, evidence in weighed if not evidence.suffices(Strictness.BALANCED)]
        back = sum(bool(left_open(found.question, evidence, found.hits)) for found, evidence in refused)
        lines.append(f"| {name} | {len(refused)} of {len(examples)} | {back} |")
    return lines


def asked_ahead(sets: Mapping[str, Sequence[Example]]) -> list[str]:
    """A table: how often the model is asked before the evidence is weighed, and how often for nothing."""
    lines = [ASKED_AHEAD, "|---" * (1 + len(Strictness)) + "|"]
    for name, examples in sets.items():
        weighed = [(hit_prospects(one.found), weigh(one.found)) for one in examples]
        cells = []
        for dial in Strictness:
            answered = [is_likely(prospects, dial) for prospects, evidence in weighed if evidence.suffices(dial)]
            refused = [is_likely(prospects, dial) for prospects, evidence in weighed if not evidence.suffices(dial)]
            cells.append(f"{sum(answered)} of {len(answered)}; {sum(refused)} of {len(refused)}")
        lines.append(f"| {name}, {len(examples)} questions | {' | '.join(cells)} |")
    return lines


def gathered(data: Path, embedder: Embedder, embed: CachingEmbedder) -> list[tuple[str, Example, Array]]:
    """The name of a set, one of its examples, and the signals of its hits."""
    parts: list[tuple[str, Example, Array]] = []
    for example in clapnq(data, embedder, embed):
        if example.given is not None:
            parts.append(("CLAP NQ, passage given", example, bag(example.given)))
        parts.append(("CLAP NQ, to be found", example, bag(example.found)))
    found = mtrag_un(data, embedder, embed)
    return parts + [("MTRAG-UN, to be found", example, bag(example.found)) for example in found]


def main() -> None:
    parser = arguments(__doc__ or "")
    parser.add_argument("--write", action="store_true", help="write retrieval/weights/evidence.json")
    parser.add_argument("--report", type=Path, help="write the figures into this Markdown file")
    options = parser.parse_args()
    embedder = bundled_embedder(options.models)
    embed = CachingEmbedder(embedder)
    parts = gathered(options.data, embedder, embed)
    examples, bags = [example for _, example, _ in parts], [rows for _, _, rows in parts]
    labels = np.array([float(example.answerable) for example in examples])
    scores = out_of_fold(examples, bags, labels)
    beta = fit_best_of(bags, labels, prior=PRIOR, strength=STRENGTH)
    company = sample_company(embedder, embed)
    company_bags = [bag(example.found) for example in company]
    company_labels = np.array([float(example.answerable) for example in company])
    lines = [HEAD, "|---" * 7 + "|"]
    sets: dict[str, tuple[Array, Array]] = {}
    for name in dict.fromkeys(name for name, _, _ in parts):
        which = [i for i, (other, _, _) in enumerate(parts) if other == name]
        sets[name] = labels[which], scores[which]
        lines.append(judged(name, labels[which], [bags[i] for i in which], scores[which]))
    sets["sample company"] = company_labels, sufficiency(company_bags, beta)
    lines.append(judged("sample company, never trained on", company_labels, company_bags, sets["sample company"][1]))
    turns = {
        name: mtrag_un(options.data, embedder, embed, kinds=[name.split(", ")[1].upper()])
        for name in ("MTRAG-UN, underspecified", "MTRAG-UN, unanswerable", "MTRAG-UN, answerable")
    }
    back = asked_back({**turns, "sample company": company})
    found = {
        name: [example for other, example, _ in parts if other == name] for name in sets if name.endswith("to be found")
    }
    ahead = asked_ahead({**found, "sample company": company})
    parts_of_report = ["\n".join(lines), CURVE, "\n".join(curve(sets)), "\n".join(back), "\n".join(ahead)]
    tables = [*parts_of_report, f"By `{COMMAND} --report docs/answers.md`."]
    print("\n\n".join(tables))
    if options.report:
        figures.write(options.report, command=COMMAND, parts=tables)
    if options.write:
        trained = "CLAP NQ dev (167 + 140 questions, passage given and found) and MTRAG-UN (157 + 51 turns)"
        made_by = f"{COMMAND} --write"
        write_weights("evidence", NAMES, beta, made_by=made_by, trained_on=trained, thresholds=THRESHOLDS)
        to_be_found = [rows for name, _, rows in parts if name.endswith("to be found")]
        write_weights("foresight", NAMES[1:], foresight(to_be_found, beta), made_by=made_by, trained_on=trained)


if __name__ == "__main__":
    main()
