"""What every response passes through: a method that somebody makes up is no label of a metric."""

import asyncio

import httpx
from starlette.applications import Starlette

from services.api.middleware import Observed
from services.telemetry import REQUESTS


def counted(method: str) -> float:
    """How many requests the metrics show under this method."""
    return sum(
        sample.value
        for metric in REQUESTS.collect()
        for sample in metric.samples
        if sample.name.endswith("_total") and sample.labels["method"] == method
    )


def sent(*methods: str) -> None:
    async def run() -> None:
        transport = httpx.ASGITransport(Observed(Starlette()))
        async with httpx.AsyncClient(transport=transport, base_url="http://footnote") as client:
            for method in methods:
                await client.request(method, "/nowhere")

    asyncio.run(run())


def test_methods_that_nobody_knows_are_counted_together() -> None:
    known, others = counted("PATCH"), counted("other")
    sent("PATCH", "BREW", "X1", "X2", "get")
    assert (counted("PATCH"), counted("other")) == (known + 1, others + 3)
    assert [counted(name) for name in ("BREW", "X1", "X2")] == [0, 0, 0]
