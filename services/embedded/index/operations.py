"""One function for each call of Qdrant's REST interface that is known here.

Each takes the catalogue, the path's names, the query string and the body, and returns the `result` of the answer, or
raises an error of `errors.py`. Knows nothing of HTTP.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from qdrant_edge import UpdateMode, UpdateOperation

from services.embedded.index.catalogue import Catalogue
from services.embedded.index.collection import Collection
from services.embedded.index.errors import MissingError, WrongInputError
from services.embedded.index.fields import array, members, payload_path, required, string
from services.embedded.index.filters import filter_of, optional_filter
from services.embedded.index.points import (
    id_json,
    payload_of,
    point_id,
    points_of,
    record_json,
    scored_json,
    selected_ids,
)
from services.embedded.index.queries import count_request, query_request, retrieve_request, scroll_request
from services.embedded.index.schema import index_kind, payload_index, schema_of

_MODES = {"upsert": UpdateMode.Upsert, "insert_only": UpdateMode.InsertOnly, "update_only": UpdateMode.UpdateOnly}


@dataclass(frozen=True)
class Call:
    """`path` holds the names in the URL, `wait` is whether the caller wants the write to be safe on disk."""

    catalogue: Catalogue
    path: Mapping[str, str]
    wait: bool
    body: Any

    @property
    def name(self) -> str:
        return self.path["collection"]

    @property
    def collection(self) -> Collection:
        return self.catalogue.get(self.name)


def list_collections(call: Call) -> Any:
    return {"collections": [{"name": name} for name in call.catalogue.names()]}


def collection_exists(call: Call) -> Any:
    return {"exists": call.name in call.catalogue.names() or call.name in call.catalogue.aliases()}


def collection_info(call: Call) -> Any:
    collection = call.collection
    info = collection.info()
    indexes = {
        field: {"data_type": index_kind(index.data_type), "points": index.points}
        for field, index in info.payload_schema.items()
    }
    return {
        "status": "green",
        "optimizer_status": "ok",
        "points_count": info.points_count,
        "indexed_vectors_count": 0,
        "segments_count": info.segments_count,
        "config": collection.schema.described(),
        "payload_schema": indexes,
    }


def create_collection(call: Call) -> Any:
    call.catalogue.create(call.name, schema_of(call.body))
    return True


def delete_collection(call: Call) -> Any:
    return call.catalogue.delete(call.name)


def list_aliases(call: Call) -> Any:
    return _aliases(call.catalogue.aliases())


def collection_aliases(call: Call) -> Any:
    name = call.catalogue.named(call.name)
    return _aliases({alias: target for alias, target in call.catalogue.aliases().items() if target == name})


def change_aliases(call: Call) -> Any:
    found = members(call.body, "the alias change", "actions")
    call.catalogue.change_aliases(array(required(found, "actions", "the alias change"), "`actions`"))
    return True


def create_payload_index(call: Call) -> Any:
    return _written(call, call.collection.write(payload_index(call.body), durable=call.wait))


def delete_payload_index(call: Call) -> Any:
    operation = UpdateOperation.delete_field_index(payload_path(call.path["field"], "the path"))
    return _written(call, call.collection.write(operation, durable=call.wait))


def upsert(call: Call) -> Any:
    collection = call.collection
    found = members(call.body, "an upsert", "points", "batch", "update_filter", "update_mode")
    condition = optional_filter(found.pop("update_filter", None))
    mode = found.pop("update_mode", None)
    if mode is not None and string(mode, "`update_mode`") not in _MODES:
        raise WrongInputError(f"Wrong input: unknown `update_mode` `{mode}`")
    points = points_of(found, collection.schema)
    number = collection.upsert(
        points, condition=condition, mode=None if mode is None else _MODES[mode], durable=call.wait
    )
    return _written(call, number)


def delete_points(call: Call) -> Any:
    found = members(call.body, "a deletion", "points", "filter")
    operation = _selected(found, UpdateOperation.delete_points, UpdateOperation.delete_points_by_filter)
    return _written(call, call.collection.write(operation, durable=call.wait))


def set_payload(call: Call) -> Any:
    found = members(call.body, "a payload", "payload", "points", "filter", "key")
    payload = payload_of(required(found, "payload", "a payload"))
    key = payload_path(found["key"], "`key`") if "key" in found else None
    operation = _selected(
        found,
        lambda ids: UpdateOperation.set_payload(ids, payload, key),
        lambda chosen: UpdateOperation.set_payload_by_filter(chosen, payload, key),
    )
    return _written(call, call.collection.write(operation, durable=call.wait))


def query(call: Call) -> Any:
    collection = call.collection
    return _points(collection.query([query_request(call.body, collection.schema)])[0])


def query_batch(call: Call) -> Any:
    collection = call.collection
    found = members(call.body, "a batch of queries", "searches")
    searches = array(required(found, "searches", "a batch of queries"), "`searches`")
    if not searches:
        return []
    requests = [query_request(search, collection.schema) for search in searches]
    return [_points(points) for points in collection.query(requests)]


def scroll(call: Call) -> Any:
    collection = call.collection
    request = scroll_request(call.body, collection.schema)
    records, following = collection.scroll(request)
    return {
        "points": [record_json(record) for record in records],
        "next_page_offset": None if following is None else id_json(following),
    }


def count(call: Call) -> Any:
    return {"count": call.collection.count(count_request(call.body))}


def retrieve(call: Call) -> Any:
    collection = call.collection
    return [record_json(r) for r in collection.retrieve(*retrieve_request(call.body, collection.schema))]


def retrieve_one(call: Call) -> Any:
    text = call.path["id"]
    identifier = point_id(int(text) if text.isdecimal() and len(text) <= 20 else text)
    found = call.collection.retrieve([identifier], True, True)
    if not found:
        raise MissingError(f"Not found: Point with id {text} does not exists!")
    return record_json(found[0])


def _selected(
    found: Mapping[str, Any], by_ids: Callable[[Any], UpdateOperation], by_filter: Callable[[Any], UpdateOperation]
) -> UpdateOperation:
    """Exactly one of `points` and `filter`: a selector that names neither would mean everything."""
    if ("points" in found) == ("filter" in found):
        raise WrongInputError("Format error in JSON body: exactly one of `points` and `filter` is needed")
    return by_ids(selected_ids(found["points"])) if "points" in found else by_filter(filter_of(found["filter"]))


def _written(call: Call, number: int) -> dict[str, Any]:
    return {"operation_id": number, "status": "completed" if call.wait else "acknowledged"}


def _points(points: list[Any]) -> dict[str, Any]:
    return {"points": [scored_json(point) for point in points]}


def _aliases(found: Mapping[str, str]) -> dict[str, Any]:
    return {"aliases": [{"alias_name": alias, "collection_name": name} for alias, name in sorted(found.items())]}
