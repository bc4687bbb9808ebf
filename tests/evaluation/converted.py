"""Public data sets in the forms that `footnote eval` reads: `python -m tests.evaluation.converted SET FOLDER`.

chunking and mtrag_un become a folder of documents and a questions file, clapnq a folder in BEIR's form. Knows nothing
of scores.
"""

import argparse
import json
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from tests.evaluation.data_sets import json_lines, turns

# Kinds of questions whose contexts are, in part or in whole, what answers them.
_ANSWERED = ("ANSWERABLE", "PARTIAL")


def chunking(data: Path, folder: Path) -> None:
    """Three corpora and 252 questions with the exact excerpts that answer them.

    Our parser leaves these texts as they are up to their end, so that the excerpts' offsets are ours; a test holds it.
    """
    documents = folder / "documents"
    documents.mkdir(parents=True)
    for file in sorted((data / "corpora").glob("*.md")):
        (documents / file.name).write_bytes(file.read_bytes())
    _write_lines(folder / "questions.jsonl", map(_chunking_question, json_lines(data / "questions.jsonl")))


def clapnq(data: Path, folder: Path) -> None:
    """Passages of Wikipedia, and the questions that one of them answers."""
    (folder / "qrels").mkdir(parents=True)
    (folder / "corpus.jsonl").write_bytes((data / "corpus.jsonl").read_bytes())
    rows = json_lines(data / "answerable.jsonl")
    _write_lines(folder / "queries.jsonl", ({"_id": row["id"], "text": row["input"]} for row in rows))
    qrels = "".join(f"{row['id']}\tp{row['id']}\t1\n" for row in rows)
    (folder / "qrels" / "test.tsv").write_text(f"query-id\tcorpus-id\tscore\n{qrels}", encoding="utf-8")


def mtrag_un(data: Path, folder: Path) -> None:
    """Passages of four collections, and the last questions of conversations with what was said before."""
    documents = folder / "documents"
    documents.mkdir(parents=True)
    manifest = []
    for number, row in enumerate(json_lines(data / "corpus.jsonl"), start=1):
        name = f"{number}.txt"
        (documents / name).write_text(row["text"], encoding="utf-8", newline="")
        said = {"file": name, "external_id": row["_id"], "title": row["title"] or None}
        manifest.append(said | {"data_source": "mtrag_un", "grants": ["everyone"]})
    (documents / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")
    _write_lines(folder / "questions.jsonl", map(_conversation, json_lines(data / "tasks.jsonl")))


CONVERTED: dict[str, Callable[[Path, Path], None]] = {"chunking": chunking, "clapnq": clapnq, "mtrag_un": mtrag_un}


def _chunking_question(row: Mapping[str, Any]) -> dict[str, Any]:
    document = f"{row['corpus']}.md"
    quotes = [{"document": document, "start": q["start_index"], "end": q["end_index"]} for q in row["references"]]
    return {"question": row["question"], "expected_quotes": quotes}


def _conversation(row: Mapping[str, Any]) -> dict[str, Any]:
    kind = row["answerability"][0]
    return {
        "question": row["input"][-1]["text"],
        "history": [{"role": turn.role, "content": turn.content} for turn in turns(row)],
        "answerable": {"ANSWERABLE": True, "PARTIAL": True, "UNANSWERABLE": False}.get(kind),
        "expected_documents": [context["document_id"] for context in row["contexts"]] if kind in _ANSWERED else [],
    }


def _write_lines(path: Path, rows: Iterable[Mapping[str, Any]]) -> None:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("set", choices=list(CONVERTED))
    parser.add_argument("folder", type=Path, help="a folder that does not exist yet")
    parser.add_argument("--data", type=Path, default=Path("../shared/data"), help="folder of the data sets")
    asked = parser.parse_args()
    CONVERTED[asked.set](asked.data / asked.set, asked.folder)


if __name__ == "__main__":
    main()
