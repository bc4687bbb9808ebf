"""What every response passes through: nothing that an outsider makes up is a label of a metric, or stays in a log."""

import asyncio
from types import SimpleNamespace
from typing import Any

import httpx
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from retrieval.types import Principal
from services.acting import acting
from services.api.middleware import Audited, Observed
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


def test_a_refusal_is_noted_of_somebody_known_and_of_nobody_else() -> None:
    noted: list[tuple[str, str | None, dict[str, Any]]] = []

    def add(event: str, **details: Any) -> None:
        noted.append((event, acting().name, details))

    def refuse(request: Request) -> Response:
        if "authorization" in request.headers:
            request.state.actor.become(Principal("u1", "ann@example.com", frozenset(), key_id="k1"))
        return Response(status_code=403)

    app = Starlette(routes=[Route("/v1/sessions/current", refuse, methods=["DELETE"])])
    app.state.parts = SimpleNamespace(audit_notes=SimpleNamespace(add=add))

    async def run() -> None:
        app.add_middleware(Audited)
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://footnote") as client:
            for headers in ({}, {"Cookie": "footnote_session=made-up"}, {"Authorization": "Bearer fn_k1_secret"}):
                response = await client.delete("/v1/sessions/current", headers=headers)
                assert response.status_code == 403

    asyncio.run(run())
    assert [(event, name, details["method"]) for event, name, details in noted] == [
        ("authz_fail", "ann@example.com", "DELETE")
    ]
