"""The OpenAPI document: the one that the web app's types were made from, and what the contract names."""

import json
from pathlib import Path

from services.api.app import create_app

KEPT = Path(__file__).parents[2] / "web" / "openapi.json"
CONTRACT = {
    "/v1/documents": {"get", "post"},
    "/v1/documents/{document_id}": {"get", "delete"},
    "/v1/documents/{document_id}/retry": {"post"},
    "/v1/documents/{document_id}/grants": {"put"},
    "/v1/documents/{document_id}/text": {"get"},
    "/v1/documents/{document_id}/file": {"get"},
    "/v1/search": {"post"},
    "/v1/ask": {"post"},
    "/v1/chat/completions": {"post"},
    "/v1/models": {"get"},
    "/mcp": {"post"},
    "/v1/conversations": {"get", "post"},
    "/v1/conversations/{conversation_id}": {"get", "patch", "delete"},
    "/v1/conversations/{conversation_id}/messages": {"get"},
    "/v1/answers/{answer_id}/feedback": {"post"},
    "/v1/answers/{answer_id}/explain": {"get"},
    "/v1/me": {"get"},
    "/v1/data-sources": {"get", "post"},
    "/v1/users": {"get", "post"},
    "/v1/groups": {"get"},
    "/v1/api-keys": {"get", "post"},
    "/v1/admin/status": {"get"},
    "/v1/admin/audit": {"get"},
    "/healthz": {"get"},
    "/readyz": {"get"},
    "/metrics": {"get"},
}


def test_the_kept_document_is_current() -> None:
    assert json.loads(KEPT.read_text()) == create_app().openapi(), "run make openapi"


def test_the_contracts_calls_are_there_under_their_names() -> None:
    paths = create_app().openapi()["paths"]
    missing = {path: methods - set(paths.get(path, {})) for path, methods in CONTRACT.items()}
    assert {path: methods for path, methods in missing.items() if methods} == {}
