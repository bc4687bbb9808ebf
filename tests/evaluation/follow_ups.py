"""Measure the rule that makes follow-ups stand alone: `python -m tests.evaluation.follow_ups`.

nDCG@10 and recall@10 of the hybrid search over MTRAG-UN's 1,152 passages, for the 157 answerable conversations.
"""

from collections.abc import Callable, Sequence

from retrieval.evaluation import Question, ranking
from retrieval.follow_up import carry_topic
from retrieval.types import Turn
from tests.evaluation.data_sets import arguments, beir_retriever, bundled_embedder, json_lines, turns
from tests.in_memory import ASKER

Rewrite = Callable[[str, Sequence[Turn]], str]


def asked(history: Sequence[Turn]) -> list[str]:
    return [turn.content for turn in history if turn.role == "user"]


WAYS: dict[str, Rewrite] = {
    "last question alone": lambda question, _: question,
    "last two questions": lambda question, history: " ".join([*asked(history)[-1:], question]),
    "all questions": lambda question, history: " ".join([*asked(history), question]),
    "topic carried over": carry_topic,
}


def main() -> None:
    options = arguments(__doc__ or "").parse_args()
    folder = options.data / "mtrag_un"
    retriever = beir_retriever(folder / "corpus.jsonl", bundled_embedder(options.models))
    rows = [row for row in json_lines(folder / "tasks.jsonl") if row["answerability"][0] == "ANSWERABLE"]
    for name, rewrite in WAYS.items():
        questions, found = [], []
        for number, row in enumerate(rows):
            query = rewrite(row["input"][-1]["text"], turns(row))
            expected = {context["document_id"]: 1 for context in row["contexts"]}
            questions.append(Question(str(number), query, expected=expected))
            found.append(retriever.retrieve(query, ASKER, top_k=10).hits)
        scores = ranking(questions, found)
        print(f"{name:22} nDCG@10 {scores['ndcg_at_10']:.3f}  recall@10 {scores['recall_at_10']:.3f}  n={len(rows)}")


if __name__ == "__main__":
    main()
