"""Turns the quotes of a questions file into offsets: `python -m tests.corpus.locate_quotes QUESTIONS.jsonl DOCUMENTS`.

A question names its evidence in words (`quote`: document to sentence), because offsets depend on how a document is
parsed. This script parses the documents as the product does and writes `expected_quotes` beside the words. Run it again
after a change of the parser; with `--check` it writes nothing and exits with 1 if the file is out of date.
"""

import argparse
import json
import sys
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

from ingest.parsing import parse
from tests.corpus.quotes import find_quote


def with_offsets(question: dict[str, Any], text_of: Callable[[str], str]) -> dict[str, Any]:
    """`question` with `expected_quotes`; raises ValueError for a quote that the parsed document lacks."""
    expected = []
    for document, quote in question.get("quote", {}).items():
        span = find_quote(quote, text_of(document))
        if span is None:
            raise ValueError(f"{document} does not contain: {quote}")
        expected.append({"document": document, "start": span[0], "end": span[1]})
    return {**question, "expected_quotes": expected} if expected else question


def main() -> None:
    parser = argparse.ArgumentParser(description="Write the offsets of the quotes in a questions file.")
    parser.add_argument("questions", type=Path)
    parser.add_argument("documents", type=Path)
    parser.add_argument("--check", action="store_true")
    arguments = parser.parse_args()

    @cache
    def text_of(document: str) -> str:
        return parse(arguments.documents / document, document).text

    old = arguments.questions.read_text("utf-8")
    questions = [with_offsets(json.loads(line), text_of) for line in old.splitlines()]
    new = "".join(json.dumps(question, ensure_ascii=False) + "\n" for question in questions)
    if arguments.check:
        sys.exit(int(new != old))
    arguments.questions.write_text(new, "utf-8")


if __name__ == "__main__":
    main()
