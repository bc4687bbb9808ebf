"""Train and judge the support check: `python -m tests.evaluation.train_support [--write]`.

True sentences are those of the answers that people wrote or corrected (CLAP NQ, MTRAG-UN), with the passages they had.
False ones are the same with other passages about the same question, and with a number, a name or a "not" changed.
"""

import random
import re
from collections.abc import Callable, Sequence

import numpy as np

from retrieval.prompts import numbered
from retrieval.sentences import split_sentences
from retrieval.support import SIGNALS, SupportCheck, claims_something
from retrieval.types import Hit, SentenceStatus
from tests.evaluation.data_sets import CachingEmbedder, Example, arguments, bundled_embedder, clapnq, mtrag_un
from tests.evaluation.fitting import Array, auroc, fit, write_weights

THRESHOLDS = {"supported": 0.4, "together": 0.75}
FOLDS = 5
# Hits that are not among the passages of the answer, nearest to its question first.
DISTRACTORS = 2

_NAME = re.compile(r"(?<=[a-z,] )[A-Z][a-z]{3,}")
_NUMBER = re.compile(r"(?<![\w.,-])\d{1,4}(?![\w,-]|\.\d)")
_ENUMERATOR = re.compile(r"\s*\d{1,3}[.)]\s")
_AUXILIARY = re.compile(r"\b(is|are|was|were|can|may|must|should|will|has|have|does)\b(?! not|n['’]t)")


def sentences(example: Example) -> list[str]:
    """The claims in an example's answer."""
    found = (example.answer[start:end] for start, end in split_sentences(example.answer))
    return [text for text in found if claims_something(text)]


def best_signals(sentence: str, hits: Sequence[Hit], embed: CachingEmbedder) -> Array | None:
    """The signals of the passage that supports `sentence` best, by their plain sum."""
    check = SupportCheck(numbered(hits), embed)
    rows = [signals for number in range(1, len(hits) + 1) if (signals := check.signals(sentence, number))]
    return np.array(max(rows, key=sum)) if rows else None


def changed_number(sentence: str, rng: random.Random, names: Sequence[str]) -> str | None:
    enumerator = _ENUMERATOR.match(sentence)
    match = _NUMBER.search(sentence, enumerator.end() if enumerator else 0)
    if not match:
        return None
    other = int(match.group()) + rng.choice([1, 2, 3, 7, 10])
    return sentence[: match.start()] + str(other) + sentence[match.end() :]


def swapped_name(sentence: str, rng: random.Random, names: Sequence[str]) -> str | None:
    match = _NAME.search(sentence)
    if not match:
        return None
    other = rng.choice([name for name in names if name not in sentence])
    return sentence[: match.start()] + other + sentence[match.end() :]


def negated(sentence: str, rng: random.Random, names: Sequence[str]) -> str | None:
    match = _AUXILIARY.search(sentence)
    return f"{sentence[: match.end()]} not{sentence[match.end() :]}" if match else None


CHANGES: dict[str, Callable[[str, random.Random, Sequence[str]], str | None]] = {
    "number changed": changed_number,
    "name swapped": swapped_name,
    "negated": negated,
}


def labelled(examples: Sequence[Example], embed: CachingEmbedder) -> tuple[Array, Array, Array]:
    """Signals, labels and the example each row is from: true sentences, and the same with other passages."""
    rows, labels, groups = [], [], []
    for group, example in enumerate(examples):
        others = [hit for hit in example.found.hits if hit.document.external_id not in example.relevant][:DISTRACTORS]
        for sentence in sentences(example):
            for hits, label in ((example.gold, 1.0), (others, 0.0)):
                signals = best_signals(sentence, hits, embed)
                if signals is not None:
                    rows.append(signals)
                    labels.append(label)
                    groups.append(group)
    return np.array(rows), np.array(labels), np.array(groups)


def out_of_fold(rows: Array, labels: Array, groups: Array) -> Array:
    scores = np.zeros(len(rows))
    folds = np.random.default_rng(0).permutation(int(groups.max()) + 1)[groups] % FOLDS
    for fold in range(FOLDS):
        beta = fit(rows[folds != fold], labels[folds != fold])
        scores[folds == fold] = 1 / (1 + np.exp(-(rows[folds == fold] @ beta[:-1] + beta[-1])))
    return scores


def report_whole_check(examples: Sequence[Example], embed: CachingEmbedder) -> None:
    """What the finished check says of true and of changed sentences, by kind of change, with the weights in use."""
    rng = random.Random(1)
    names = sorted({name for example in examples for name in _NAME.findall(example.answer)})
    said: dict[str, list[bool]] = {}
    for example in examples:
        check = SupportCheck(numbered(example.gold), embed)
        cited = range(1, len(example.gold) + 1)
        for sentence in sentences(example):
            said.setdefault("true", []).append(check.check(sentence, cited).status is SentenceStatus.SUPPORTED)
            for name, change in CHANGES.items():
                wrong = change(sentence, rng, names)
                if wrong and said["true"][-1]:
                    said.setdefault(name, []).append(check.check(wrong, cited).status is SentenceStatus.SUPPORTED)
    for name, passed in said.items():
        print(f"{name:16} n={len(passed):4}  called supported {np.mean(passed):.3f}")


def main() -> None:
    parser = arguments(__doc__ or "")
    parser.add_argument("--write", action="store_true", help="write retrieval/weights/support.json")
    options = parser.parse_args()
    embedder = bundled_embedder(options.models)
    embed = CachingEmbedder(embedder)
    everything = [*clapnq(options.data, embedder, embed), *mtrag_un(options.data, embedder, embed)]
    examples = [example for example in everything if example.answerable and example.gold]
    rows, labels, groups = labelled(examples, embed)
    scores = out_of_fold(rows, labels, groups)
    print(f"{int(labels.sum())} true sentences, {int((1 - labels).sum())} with other passages about the same question")
    plain = "  ".join(f"{name} {auroc(rows[:, i], labels):.3f}" for i, name in enumerate(SIGNALS))
    print(f"AUROC {auroc(scores, labels):.3f} out of fold | plain: {plain}")
    for threshold in (0.3, 0.4, 0.5, 0.6):
        kept, let_through = (scores[labels == 1] >= threshold).mean(), (scores[labels == 0] >= threshold).mean()
        print(f"threshold {threshold}: {kept:.3f} of the true kept, {let_through:.3f} of the false let through")
    if options.write:
        trained = (
            "sentences of the answers in CLAP NQ dev (167) and MTRAG-UN (157), with their passages and with others"
        )
        write_weights(
            "support",
            SIGNALS,
            fit(rows, labels),
            made_by="python -m tests.evaluation.train_support --write",
            trained_on=trained,
            thresholds=THRESHOLDS,
        )
    report_whole_check(examples, embed)


if __name__ == "__main__":
    main()
