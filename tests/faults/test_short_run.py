"""A short run of the harness with a fixed seed in either size: documents and faults side by side, every promise kept.

The long one is `make faults-long`; `docs/faults.md` has its figures.
"""

from pathlib import Path

import pytest

from tests import system
from tests.faults import report
from tests.faults.run import Plan, carried_out


@pytest.mark.parametrize("size", system.SIZES)
def test_nothing_is_lost_torn_doubled_or_shown_to_the_wrong_person(
    size: str, tmp_path: Path, model_cache: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    plan = Plan(seed=11, size=size, documents=150, kills=12, pause=0.8, backlog=60)
    with capsys.disabled():
        outcome = carried_out(plan, model_cache, tmp_path, lambda _: None)
        print(report.table(outcome))
    assert outcome.violations == []
    assert outcome.unrecovered == []
    assert outcome.kills == plan.kills
    assert outcome.reads > plan.documents
