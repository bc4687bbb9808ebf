"""Requests: moments are texts, whole numbers are numbers, and a body that is no JSON is one fault with one code."""

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from fastapi.testclient import TestClient
from pydantic import TypeAdapter, ValidationError

from services.api import mcp_tools, schemas
from services.api.app import create_app
from services.api.data_source_schemas import DataSourceChange
from services.api.openai_schemas import ChatOptions

MOMENT: TypeAdapter[datetime] = TypeAdapter(schemas.Moment)
NOON = datetime(2025, 3, 31, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2025-03-31T12:00:00Z", NOON),
        ("2025-03-31t12:00:00z", NOON),
        ("2025-03-31 14:00:00+02:00", NOON),
        ("2025-03-31T12:00:00.250Z", NOON + timedelta(milliseconds=250)),
        ("2025-03-31T12:00:00", NOON),
        ("2025-03-31T12:00Z", NOON),
        ("2025-03-31", NOON - timedelta(hours=12)),
        (NOON.astimezone(timezone(timedelta(hours=-5))), NOON),
    ],
)
def test_a_moment_is_what_rfc_3339_writes(text: str | datetime, moment: datetime) -> None:
    assert MOMENT.validate_python(text) == moment


@pytest.mark.parametrize(
    "value",
    [
        5,
        5.0,
        True,
        "5",
        "1743422400",
        "1743422400.5",
        "",
        "yesterday",
        "2025-13-01",
        "20250331",
        "P1D",
        "２０２５-03-31",
    ],
)
def test_a_number_is_no_moment(value: object) -> None:
    with pytest.raises(ValidationError):
        MOMENT.validate_python(value)


WHOLE = [
    (schemas.SearchRequest, "top_k"),
    (schemas.AskRequest, "top_k"),
    (ChatOptions, "top_k"),
    (DataSourceChange, "every_s"),
    (mcp_tools.SearchArguments, "top_k"),
    (mcp_tools.ReadArguments, "start"),
]


def faults(kind: type[schemas.Request], field: str, value: object) -> list[str]:
    """What is wrong with this value of the field; other fields are left out."""
    with pytest.raises(ValidationError) as refusal:
        kind.model_validate({field: value, "no such field": 0})
    return [error["type"] for error in refusal.value.errors() if error["loc"][0] == field]


@pytest.mark.parametrize(("kind", "field"), WHOLE)
def test_whole_numbers_are_numbers(kind: type[schemas.Request], field: str) -> None:
    assert [faults(kind, field, value) for value in (True, "5")] == [["int_type"]] * 2
    assert faults(kind, field, 5.5) == ["int_from_float"]


@pytest.mark.parametrize(("kind", "field"), WHOLE)
def test_a_whole_number_may_be_written_with_a_point(kind: type[schemas.Request], field: str) -> None:
    bound = 60.0 if field == "every_s" else 10.0
    assert faults(kind, field, bound) == []


@pytest.mark.parametrize("body", [b"{", b'{"query": "a" "b"}', b'{"query": "\xff"}', b"[" * 100_000, b"1" * 5000])
@pytest.mark.parametrize("address", ["search", "conversations", "chat/completions"])
def test_a_body_that_is_no_json_is_one_fault(address: str, body: bytes) -> None:
    client = TestClient(create_app(), raise_server_exceptions=False)
    response = client.post(f"/v1/{address}", content=body, headers={"Content-Type": "application/json"})
    told: dict[str, Any] = response.json()
    if address == "chat/completions":
        assert (response.status_code, told["error"]["code"], told["error"]["param"]) == (400, "invalid_input", "body")
    else:
        assert (response.status_code, told["code"]) == (422, "invalid_input")
        assert told["errors"] == [{"field": "body", "problem": "This is no JSON."}]
