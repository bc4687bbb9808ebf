"""Train and judge the evidence check: `python -m tests.evaluation.train_evidence [--write]`.

Trained on CLAP NQ (its own passage given, and to be found among all) and MTRAG-UN (to be found); the sample company is
only looked at. Prints the area under the curve against plain signals, all out of fold.
"""

from dataclasses import astuple, fields

import numpy as np

from retrieval.evidence import Signals, hit_signals
from retrieval.reading import Reading
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
PRIOR = np.array([5.0, 7.0, 2.0, -0.7, -2.0])
STRENGTH = 100.0
FOLDS, REPEATS = 5, 4


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


def report(name: str, labels: Array, bags: list[Array], scores: Array) -> None:
    plain = {signal: auroc([rows[:, i].max() for rows in bags], labels) for i, signal in enumerate(NAMES[:3])}
    print(
        f"{name:24} n={len(labels):4}  AUROC {auroc(scores, labels):.3f}  balanced accuracy "
        f"{balanced_accuracy(scores >= 0.5, labels):.3f}  ECE {calibration_error(scores, labels):.3f}  | plain: "
        + "  ".join(f"{signal} {value:.3f}" for signal, value in plain.items())
    )


def main() -> None:
    parser = arguments(__doc__ or "")
    parser.add_argument("--write", action="store_true", help="write retrieval/weights/evidence.json")
    options = parser.parse_args()
    embedder = bundled_embedder(options.models)
    embed = CachingEmbedder(embedder)
    parts: list[tuple[str, Example, Array]] = []
    for example in clapnq(options.data, embedder, embed):
        if example.given is not None:
            parts.append(("clapnq, passage given", example, bag(example.given)))
        parts.append(("clapnq, to be found", example, bag(example.found)))
    parts += [
        ("mtrag-un, to be found", example, bag(example.found)) for example in mtrag_un(options.data, embedder, embed)
    ]
    examples, bags = [example for _, example, _ in parts], [rows for _, _, rows in parts]
    labels = np.array([float(example.answerable) for example in examples])
    scores = out_of_fold(examples, bags, labels)
    for name in dict.fromkeys(name for name, _, _ in parts):
        which = [i for i, (other, _, _) in enumerate(parts) if other == name]
        report(name, labels[which], [bags[i] for i in which], scores[which])
    beta = fit_best_of(bags, labels, prior=PRIOR, strength=STRENGTH)
    company = sample_company(embedder, embed)
    company_bags = [bag(example.found) for example in company]
    company_scores = sufficiency(company_bags, beta)
    company_labels = np.array([float(example.answerable) for example in company])
    report("sample company (unseen)", company_labels, company_bags, company_scores)
    thresholds = {"strict": 0.65, "balanced": 0.45, "lenient": 0.3}
    for setting, threshold in thresholds.items():
        for name, judged, truth in (("training sets", scores, labels), ("company", company_scores, company_labels)):
            yes, no = ((judged[truth == value] >= threshold).mean() for value in (1, 0))
            print(f"{setting:9} {threshold}: answers {yes:.2f} of answerable, {no:.2f} of unanswerable ({name})")
    print(dict(zip([*NAMES, "intercept"], np.round(beta, 2), strict=True)))
    if options.write:
        trained = "CLAP NQ dev (167 + 140 questions, passage given and found) and MTRAG-UN (157 + 51 turns)"
        write_weights(
            "evidence",
            NAMES,
            beta,
            made_by="python -m tests.evaluation.train_evidence --write",
            trained_on=trained,
            thresholds=thresholds,
        )


if __name__ == "__main__":
    main()
