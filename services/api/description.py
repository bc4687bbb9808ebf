"""What FastAPI cannot say of the interface in its OpenAPI document. Knows nothing of what routes do."""

from typing import Any

from services.api.schemas import DocumentMetadata

_PROBLEM = {"$ref": "#/components/schemas/Problem"}
_METADATA = {"$ref": "#/components/schemas/DocumentMetadata"}
# What a form's field `metadata` holds, as JSON, at each address that takes files.
_FORMS = {"/v1/documents": _METADATA, "/v1/documents/batch": {"type": "array", "items": _METADATA}}


# What takes one of the ways to say who calls, though the others are looked at everywhere.
_ALONE = {("/mcp", "post"): "bearer", ("/v1/me/password", "put"): "session"}


def completed(document: dict[str, Any]) -> dict[str, Any]:
    """FastAPI's OpenAPI document, changed in place: what comes and who may call is said in full."""
    for operations in document["paths"].values():
        for operation in operations.values():
            for response in operation["responses"].values():
                _name_problems(response.get("content", {}))
    for (path, method), scheme in _ALONE.items():
        document["paths"][path][method]["security"] = [{scheme: []}]
    metadata = DocumentMetadata.model_json_schema(ref_template="#/components/schemas/{model}")
    document["components"]["schemas"] |= metadata.pop("$defs", {}) | {"DocumentMetadata": metadata}
    for path, schema in _FORMS.items():
        form = document["paths"][path]["post"]["requestBody"]["content"]["multipart/form-data"]["schema"]
        form["properties"]["metadata"] |= {"contentMediaType": "application/json", "contentSchema": schema}
    return document


def _name_problems(content: dict[str, Any]) -> None:
    if content.get("application/json", {}).get("schema") == _PROBLEM:
        content["application/problem+json"] = content.pop("application/json")
