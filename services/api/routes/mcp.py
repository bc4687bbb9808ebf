"""`/mcp`, the Model Context Protocol: who calls is settled here, as at every other route, before it is spoken.

Only keys and access tokens are taken, no cookies, so that no page in a browser calls a tool in its reader's name.
"""

import asyncio
from typing import Any
from urllib.parse import urlsplit

from fastapi import APIRouter, Depends, Request, Response
from starlette.types import Message, Receive, Scope, Send

from retrieval.errors import InvalidInputError, UnauthenticatedError
from services.api.cross_site import refuse
from services.api.dependencies import PartsOf, Reader
from services.api.mcp_server import Endpoint
from services.api.staying import while_connected


def from_here(request: Request, parts: PartsOf) -> None:
    """Refuse a page of another site: the protocol asks for it, against DNS rebinding. Raises what `refuse` does.

    Its own address is the one that is set, not the request's Host, which is what a rebinding page chooses.
    """
    origin = request.headers.get("origin")
    own = urlsplit(parts.public_url)
    if origin is not None and origin.casefold() != f"{own.scheme}://{own.netloc}".casefold():
        refuse(request, parts)


def with_key(request: Request) -> None:
    """Raises UnauthenticatedError for a request without a key or an access token, whatever its cookies."""
    if not request.headers.get("authorization"):
        raise UnauthenticatedError("Send an API key as `Authorization: Bearer <key>`.")


router = APIRouter(tags=["mcp"], dependencies=[Depends(from_here), Depends(with_key)])
_MESSAGE = {"application/json": {"schema": {"type": "object"}}}
_PROBLEM = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
# What is wrong with a message the protocol says in a message of its own; what is wrong before it is a problem document.
RESPONSES: dict[int | str, dict[str, Any]] = {
    200: {"content": _MESSAGE},
    202: {"description": "A notification was taken: there is nothing to say to it."},
    "4XX": {"content": _PROBLEM | _MESSAGE},
    "5XX": {"content": _PROBLEM | _MESSAGE},
}
OPENAPI_MESSAGE = {"requestBody": {"required": True, "content": _MESSAGE}}


@router.post("/mcp", response_class=Response, responses=RESPONSES, openapi_extra=OPENAPI_MESSAGE)
async def mcp(request: Request, principal: Reader) -> Response:
    """One JSON-RPC request of the Model Context Protocol: tools `search`, `ask` and `read_document`."""
    if not request.headers.get("content-type", "").lower().startswith("application/json"):
        raise InvalidInputError("Send the message as application/json.")  # the endpoint says it in no form of ours
    request.state.principal = principal
    return _Exchange(request.app.state.mcp, await request.body())


@router.api_route("/mcp", methods=["GET", "HEAD", "PUT", "PATCH", "DELETE"], include_in_schema=False)
def no_session(_principal: Reader) -> Response:
    """There is no session to listen to or to end; the protocol's answer to that is 405."""
    return Response(status_code=405, headers={"Allow": "POST"})


class _Exchange(Response):
    """A request whose response the endpoint writes. A client that leaves ends the work on it."""

    def __init__(self, endpoint: Endpoint, asked: bytes) -> None:
        super().__init__()
        self._endpoint = endpoint
        self._asked = asked

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await while_connected(receive, self._endpoint(scope, _again(self._asked), send))


def _again(body: bytes) -> Receive:
    """A request's body once more, and nothing after it."""
    waiting: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def receive() -> Message:
        if waiting:
            return waiting.pop()
        never: asyncio.Future[Message] = asyncio.get_running_loop().create_future()
        return await never

    return receive
