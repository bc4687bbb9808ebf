"""Read requests: Qdrant's JSON -> the engine's query, scroll, count and retrieve requests.

Known query kinds: nearest to a dense or sparse vector, fusion of prefetches by `rrf` or `dbsf`, and none at all (points
in the order of their ids). Knows nothing of what is asked for or who asks.
"""

from collections.abc import Callable, Mapping
from typing import Any
from uuid import UUID

from qdrant_edge import (
    CountRequest,
    Direction,
    Fusion,
    IdfParams,
    OrderBy,
    PayloadSelector,
    Prefetch,
    Query,
    QueryRequest,
    ScrollRequest,
    SearchParams,
)

from services.embedded.index.errors import UnsupportedError, WrongInputError
from services.embedded.index.fields import (
    array,
    flag,
    integer,
    members,
    number,
    one_or_many,
    payload_path,
    required,
    string,
)
from services.embedded.index.filters import MAX_DEPTH, optional_filter
from services.embedded.index.points import point_id, selected_ids, vector_of
from services.embedded.index.schema import Schema

DEFAULT_LIMIT = 10
RRF_K = 2  # Qdrant's default
_STAGE = ("prefetch", "query", "using", "filter", "params", "score_threshold", "limit")


def query_request(body: object, schema: Schema) -> QueryRequest:
    """Read a query. Its limit is 10 and its payload is left out unless it says otherwise, as in Qdrant."""
    found = members(body, "a query", *_STAGE, "offset", "with_payload", "with_vector")
    return QueryRequest(
        **_stage(found, schema, 0),
        offset=integer(found.get("offset", 0), "`offset`"),
        with_payload=_payload_shown(found.get("with_payload", False)),
        with_vector=_vectors_shown(found.get("with_vector", False), schema),
    )


def _stage(found: Mapping[str, Any], schema: Schema, depth: int) -> dict[str, Any]:
    """What a query and a prefetch have in common, as keyword arguments of either."""
    if depth > MAX_DEPTH:
        raise WrongInputError(f"Wrong input: prefetches are nested deeper than {MAX_DEPTH} levels")
    threshold = found.get("score_threshold")
    prefetches = one_or_many(found.get("prefetch", []), "`prefetch`")
    query = _query(found.get("query"), found.get("using"), schema)
    if prefetches and query is None:
        raise WrongInputError("Validation failed: a query is needed to merge the prefetches")
    return {
        "limit": integer(found.get("limit", DEFAULT_LIMIT), "`limit`", least=1),
        "query": query,
        "prefetches": [_prefetch(item, schema, depth + 1) for item in prefetches],
        "filter": optional_filter(found.get("filter")),
        "score_threshold": None if threshold is None else number(threshold, "`score_threshold`"),
        "params": _params(found.get("params")),
    }


def _prefetch(value: object, schema: Schema, depth: int) -> Prefetch:
    return Prefetch(**_stage(members(value, "a prefetch", *_STAGE), schema, depth))


def _query(value: object, using: object, schema: Schema) -> Any:
    if value is None:
        if using is not None:
            raise WrongInputError("Wrong input: `using` without a query")
        return None
    if isinstance(value, int | str):
        raise UnsupportedError("a query by the id of a point")
    if isinstance(value, dict) and not value.keys() & {"indices", "values", "nearest"}:
        return _fusion(value, using)
    if isinstance(value, dict) and "nearest" in value:
        value = required(members(value, "a query", "nearest"), "nearest", "a query")
        if isinstance(value, int | str):
            raise UnsupportedError("a query by the id of a point")
    name = "" if using is None else string(using, "`using`")
    return Query.Nearest(vector_of(value, name, schema), name)


def _fusion(value: dict[str, Any], using: object) -> Any:
    found = members(value, "a query", "fusion", "rrf")
    if len(found) != 1:
        raise WrongInputError("Wrong input: a query must be a vector or exactly one of `fusion` and `rrf`")
    if using is not None:
        raise WrongInputError("Wrong input: `using` has no meaning in a fusion")
    if "rrf" in found:
        params = members(found["rrf"], "`rrf`", "k", "weights")
        weights = params.get("weights")
        return Fusion.Rrf(
            k=integer(params.get("k", RRF_K), "`rrf.k`", least=1),
            weights=None if weights is None else [number(item, "`rrf.weights`") for item in array(weights, "weights")],
        )
    if found["fusion"] not in ("rrf", "dbsf"):
        raise UnsupportedError(f"fusion `{found['fusion']}`")
    return Fusion.Rrf(k=RRF_K) if found["fusion"] == "rrf" else Fusion.Dbsf()


def _params(value: object) -> SearchParams | None:
    """What is said of a graph changes nothing: every search here is exact. `idf` says what rarity is counted over."""
    if value is None:
        return None
    found = members(value, "`params`", "exact", "hnsw_ef", "indexed_only", "acorn", "idf")
    if flag(found.get("indexed_only", False), "`params.indexed_only`"):
        raise UnsupportedError("`params.indexed_only`, which would leave out everything: nothing is indexed")
    integer(found.get("hnsw_ef", 0), "`params.hnsw_ef`")
    flag(found.get("exact", False), "`params.exact`")
    acorn = members(found.get("acorn", {}), "`params.acorn`", "enable", "max_selectivity")
    flag(acorn.get("enable", False), "`params.acorn.enable`")
    number(acorn.get("max_selectivity", 0), "`params.acorn.max_selectivity`")
    return SearchParams(exact=True, idf=_idf(found.get("idf")))


def _idf(value: object) -> IdfParams | None:
    """Over the points that a filter matches, or over all."""
    if value is None or value == "global":
        return None
    corpus = required(members(value, "`params.idf`", "corpus"), "corpus", "`params.idf`")
    return IdfParams(corpus=optional_filter(corpus))


def scroll_request(body: object, schema: Schema) -> ScrollRequest:
    """Read a scroll. Its limit is 10 and its payload is shown unless it says otherwise, as in Qdrant."""
    found = members(body, "a scroll", "offset", "limit", "filter", "with_payload", "with_vector", "order_by")
    order = _order(found["order_by"]) if "order_by" in found else None
    if order is not None and "offset" in found:
        raise WrongInputError("Wrong input: `offset` cannot be used with `order_by`; use `order_by.start_from`")
    return ScrollRequest(
        offset=point_id(found["offset"]) if "offset" in found else None,
        limit=integer(found.get("limit", DEFAULT_LIMIT), "`limit`", least=1),
        filter=optional_filter(found.get("filter")),
        with_payload=_payload_shown(found.get("with_payload", True)),
        with_vector=_vectors_shown(found.get("with_vector", False), schema),
        order_by=order,
    )


def _order(value: object) -> OrderBy:
    if isinstance(value, str):
        return OrderBy(payload_path(value, "`order_by`"))
    found = members(value, "`order_by`", "key", "direction", "start_from")
    direction, start = found.get("direction", "asc"), found.get("start_from")
    if direction not in ("asc", "desc"):
        raise WrongInputError("Wrong input: `order_by.direction` must be `asc` or `desc`")
    return OrderBy(
        payload_path(required(found, "key", "`order_by`"), "`order_by.key`"),
        Direction.Asc if direction == "asc" else Direction.Desc,
        None if start is None else number(start, "`order_by.start_from`"),
    )


def count_request(body: object) -> CountRequest:
    found = members(body, "a count", "filter", "exact")
    return CountRequest(flag(found.get("exact", True), "`exact`"), optional_filter(found.get("filter")))


def retrieve_request(body: object, schema: Schema) -> tuple[list[int | UUID], Any, Any]:
    """Read the body of a retrieval: the ids, which payload and which vectors to show."""
    found = members(body, "a retrieval", "ids", "with_payload", "with_vector")
    ids = selected_ids(required(found, "ids", "a retrieval"))
    shown = _payload_shown(found.get("with_payload", True))
    return ids, shown, _vectors_shown(found.get("with_vector", False), schema)


def _payload_shown(value: object) -> Any:
    if isinstance(value, dict):
        found = members(value, "`with_payload`", "include", "exclude")
        if len(found) != 1:
            raise WrongInputError("Wrong input: `with_payload` must have exactly one of `include` and `exclude`")
        name, keys = next(iter(found.items()))
        select = PayloadSelector.Include if name == "include" else PayloadSelector.Exclude
        return select([payload_path(key, f"`with_payload.{name}`") for key in array(keys, f"`with_payload.{name}`")])
    return _shown(value, "`with_payload`", payload_path)


def _vectors_shown(value: object, schema: Schema) -> list[str] | bool:
    def vector_name(item: object, what: str) -> str:
        name = string(item, what)
        if name not in schema.dense and name not in schema.sparse:
            raise WrongInputError(f"Wrong input: Not existing vector name error: {name}")
        return name

    return _shown(value, "`with_vector`", vector_name)


def _shown(value: object, what: str, name: Callable[[object, str], str]) -> list[str] | bool:
    """`true`, `false` or a list of names."""
    return value if isinstance(value, bool) else [name(item, what) for item in array(value, what)]
