"""The embedding server as the model's third runtime, over httpx's MockTransport and without sleeping."""

import json
from collections.abc import Callable
from typing import Any

import httpx
import numpy as np
import pytest

from retrieval.embedding import Embedder
from retrieval.errors import EmbeddingError, UnavailableError
from retrieval.remote_model import ATTEMPTS, BATCH, RemoteModel

Answer = Callable[[list[str]], httpx.Response]


def vectors(texts: list[str], **changes: Any) -> httpx.Response:
    """Vectors of two numbers, the length of the text first, in an order of the server's own."""
    data = [{"index": number, "embedding": [len(text), 1.0]} for number, text in enumerate(texts)]
    return httpx.Response(200, json={"data": data[::-1], **changes})


class Server:
    """Answers by `answer`, at first as `before` says; keeps what it was asked."""

    def __init__(self, answer: Answer = vectors, *before: int) -> None:
        self.answer = answer
        self.before = list(before)
        self.asked: list[dict[str, Any]] = []
        self.keys: list[str | None] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        assert request.url == "http://gpu/v1/embeddings"
        self.keys.append(request.headers.get("Authorization"))
        body = json.loads(request.content)
        self.asked.append(body)
        if self.before:
            status = self.before.pop(0)
            if status == 0:
                raise httpx.ConnectError("refused")
            return httpx.Response(status)
        return self.answer(body["input"])


def model(server: Server, key: str | None = None) -> RemoteModel:
    return RemoteModel(
        "http://gpu/v1/",
        "bge",
        count_tokens=len,
        max_tokens=512,
        api_key=key,
        transport=httpx.MockTransport(server),
        sleep=lambda _: None,
    )


def test_vectors_come_in_the_order_of_the_texts_and_of_length_1() -> None:
    server = Server()
    rows = model(server, "secret").encode(["a", "bbb"])
    assert rows.shape == (2, 2)
    assert np.allclose(np.linalg.norm(rows, axis=1), 1)
    assert rows[0, 0] < rows[1, 0]
    assert server.asked[-1] == {"model": "bge", "input": ["a", "bbb"], "encoding_format": "float"}
    assert set(server.keys) == {"Bearer secret"}


def test_many_texts_are_sent_in_batches() -> None:
    server = Server()
    assert model(server).encode(["text"] * (2 * BATCH + 1)).shape == (2 * BATCH + 1, 2)
    assert [len(body["input"]) for body in server.asked[1:]] == [BATCH, BATCH, 1]


@pytest.mark.parametrize("fault", [0, 429, 503])
def test_a_server_that_is_busy_is_asked_again_and_then_given_up_for_now(fault: int) -> None:
    server = Server()
    remote = model(server)
    server.before = [fault] * (ATTEMPTS - 1)
    assert len(remote.encode(["a"])) == 1
    server.before = [fault] * ATTEMPTS
    with pytest.raises(UnavailableError):
        remote.encode(["a"])


@pytest.mark.parametrize("status", [401, 404])
def test_a_wrong_key_or_name_is_said_at_once(status: int) -> None:
    server = Server(vectors, status)
    with pytest.raises(UnavailableError, match="address, key and model"):
        model(server)
    assert len(server.asked) == 1


def test_a_batch_that_is_too_large_is_halved_and_a_text_that_is_too_long_fails_alone() -> None:
    def short(texts: list[str]) -> httpx.Response:
        return vectors(texts) if len(texts) < 3 and "long" not in texts else httpx.Response(400)

    remote = model(Server(short))
    assert len(remote.encode(["a"] * 9)) == 9
    with pytest.raises(EmbeddingError):
        remote.encode(["a", "long"])


@pytest.mark.parametrize(
    ("answer", "texts"),
    [
        (lambda texts: httpx.Response(200, json={"data": []}), ["a"]),
        (
            lambda texts: httpx.Response(200, json={"data": [{"index": 0, "embedding": [1.0, 2.0]}] * len(texts)}),
            ["a", "b"],
        ),
        (lambda texts: httpx.Response(200, json={"data": [{"index": 0, "embedding": ["x"]}]}), ["a"]),
        (lambda texts: httpx.Response(200, text="<html>"), ["a"]),
        (lambda texts: httpx.Response(200, json={"data": [{"index": 0, "embedding": [1.0, 2.0, 3.0]}]}), ["a"]),
    ],
    ids=["none", "twice the same", "words", "a page", "another size"],
)
def test_anything_but_the_vectors_that_were_asked_for_is_refused(answer: Answer, texts: list[str]) -> None:
    server = Server()
    remote = model(server)
    server.answer = answer
    with pytest.raises(UnavailableError):
        remote.encode(texts)


@pytest.mark.parametrize("number", ["NaN", "0.0"])
def test_what_is_no_direction_does_not_get_past_the_embedder(number: str) -> None:
    def poisoned(texts: list[str]) -> httpx.Response:
        first = number if texts == ["poison"] else "1.0"
        rows = ", ".join(f'{{"index": {at}, "embedding": [{first}, 0.0]}}' for at in range(len(texts)))
        return httpx.Response(200, text=f'{{"data": [{rows}]}}')

    embedder = Embedder(model(Server(poisoned)), model_name="bge")
    assert len(embedder.embed_dense(["fine"])) == 1
    with pytest.raises(EmbeddingError):
        embedder.embed_dense(["poison"])
