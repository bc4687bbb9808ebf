"""Table-heavy orders of many pages: every tenth of the 270. `python -m tests.evaluation.order_tables` reads all."""

from pathlib import Path

import pytest

from tests.evaluation.order_tables import bundled_tokens, orders, tally

FOLDER = Path(__file__).parents[2].parent / "shared" / "data" / "inazuma_orders"
pytestmark = pytest.mark.skipif(
    not FOLDER.exists(), reason=f"{FOLDER} is not here: the order tables are not part of this repository"
)
STEP = 10  # the kinds follow each other in threes, so each comes ten times


def test_every_item_is_in_one_chunk_with_its_headings_its_prices_and_its_order() -> None:
    count_tokens = bundled_tokens()
    sample = list(orders(FOLDER))[::STEP]
    assert {path.name.split("_")[0] for path, _, _ in sample} == {"invoice", "purchase", "shipping"}
    tallies = {path.name: tally(path, customer_id, name, count_tokens) for path, customer_id, name in sample}
    assert sum(one.items for one in tallies.values()) > 2000
    assert {name: one.missing for name, one in tallies.items() if one.missing} == {}
    assert all(one.named for one in tallies.values())
