"""What a collection holds: its named vectors, and the payload indexes that can be made on it.

Reads Qdrant's forms and gives them back as the same JSON, which is also how the catalogue keeps them. Named dense
vectors and sparse vectors only. Knows nothing of points or of where shards lie.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from qdrant_edge import (
    BoolIndexParams,
    Distance,
    EdgeConfig,
    EdgeOptimizersConfig,
    EdgeSparseVectorParams,
    EdgeVectorParams,
    FloatIndexParams,
    IntegerIndexParams,
    KeywordIndexParams,
    Modifier,
    PayloadSchemaType,
    UpdateOperation,
)

from services.embedded.index.errors import UnsupportedError, WrongInputError
from services.embedded.index.fields import flag, integer, members, payload_path, required, string

_DISTANCES = {
    "Cosine": Distance.Cosine,
    "Dot": Distance.Dot,
    "Euclid": Distance.Euclid,
    "Manhattan": Distance.Manhattan,
}
_INDEX_PARAMS: Mapping[str, Callable[[], Any]] = {
    "keyword": KeywordIndexParams,
    "integer": IntegerIndexParams,
    "float": FloatIndexParams,
    "bool": BoolIndexParams,
}
_INDEX_NAMES = {
    PayloadSchemaType.Keyword: "keyword",
    PayloadSchemaType.Integer: "integer",
    PayloadSchemaType.Float: "float",
    PayloadSchemaType.Bool: "bool",
}
# Searches here are exact. A threshold that no segment reaches (in KB: 100 GB) keeps `optimize()` from building graphs,
# which holds the interpreter lock for 8 s at 20,000 vectors: all that is left to it is clearing out deleted points.
_NEVER_KB = 100_000_000
_DELETED_SHARE, _DELETED_LEAST = 0.2, 1000
_GRAPH = ("m", "ef_construct", "full_scan_threshold", "max_indexing_threads", "payload_m")
# A vector's name becomes part of a directory's name.
_VECTOR_NAME = re.compile(r"\w[\w.-]{0,99}", re.ASCII)


@dataclass(frozen=True)
class Schema:
    """`dense` maps a vector's name to {"size", "distance", "on_disk"?, "hnsw_config"?}, `sparse` to {"modifier"?,
    "index"?}.
    """

    dense: Mapping[str, Mapping[str, Any]]
    sparse: Mapping[str, Mapping[str, Any]]

    def config(self) -> EdgeConfig:
        return EdgeConfig(
            vectors={
                name: EdgeVectorParams(
                    size=params["size"], distance=_DISTANCES[params["distance"]], on_disk=params.get("on_disk")
                )
                for name, params in self.dense.items()
            },
            sparse_vectors={
                name: EdgeSparseVectorParams(
                    modifier=Modifier.Idf if params.get("modifier") == "idf" else None,
                    on_disk=params.get("index", {}).get("on_disk"),
                )
                for name, params in self.sparse.items()
            },
            optimizers=EdgeOptimizersConfig(
                deleted_threshold=_DELETED_SHARE,
                vacuum_min_vector_number=_DELETED_LEAST,
                default_segment_number=1,
                max_segment_size=_NEVER_KB,
                indexing_threshold=_NEVER_KB,
            ),
        )

    def described(self) -> dict[str, Any]:
        """The `config` of Qdrant's collection info: what was asked for, and the engine's fixed values."""
        return {
            "params": {
                "vectors": dict(self.dense),
                "sparse_vectors": dict(self.sparse),
                "shard_number": 1,
                "replication_factor": 1,
                "write_consistency_factor": 1,
                "on_disk_payload": True,
            },
            "hnsw_config": {"m": 0, "ef_construct": 100, "full_scan_threshold": _NEVER_KB},
            "optimizer_config": {
                "deleted_threshold": _DELETED_SHARE,
                "vacuum_min_vector_number": _DELETED_LEAST,
                "default_segment_number": 1,
                "indexing_threshold": _NEVER_KB,
                "flush_interval_sec": 5,
            },
            "wal_config": {"wal_capacity_mb": 32, "wal_segments_ahead": 0},
        }


def schema_of(body: object) -> Schema:
    """Read the body of `PUT /collections/{name}`. WrongInputError without any vector."""
    what = "the collection"
    known = ("vectors", "sparse_vectors", "shard_number", "replication_factor", "write_consistency_factor")
    found = members(body, what, *known)
    for name in known[2:]:
        if integer(found.get(name, 1), f"`{name}`", least=1) != 1:
            raise UnsupportedError(f"`{name}` other than 1")
    dense, sparse = found.get("vectors", {}), found.get("sparse_vectors", {})
    if not isinstance(dense, dict) or not isinstance(sparse, dict):
        raise WrongInputError("Format error in JSON body: `vectors` and `sparse_vectors` must be objects")
    if "size" in dense:
        raise UnsupportedError("an unnamed vector in `vectors`")
    if not dense and not sparse:
        raise WrongInputError("Wrong input: a collection needs at least one vector")
    if both := sorted(dense.keys() & sparse.keys()):
        raise WrongInputError(f"Wrong input: vector `{both[0]}` is both dense and sparse")
    for name in (*dense, *sparse):
        if not _VECTOR_NAME.fullmatch(name):
            raise WrongInputError(f"Wrong input: `{name[:64]}` cannot name a vector")
    return Schema(
        dense={name: _dense(params, f"`vectors.{name}`") for name, params in dense.items()},
        sparse={name: _sparse(params, f"`sparse_vectors.{name}`") for name, params in sparse.items()},
    )


def _dense(params: object, what: str) -> dict[str, Any]:
    found = members(params, what, "size", "distance", "on_disk", "hnsw_config")
    integer(required(found, "size", what), f"{what} size", least=1, most=65536)
    if string(required(found, "distance", what), f"{what} distance") not in _DISTANCES:
        raise WrongInputError(f"Wrong input: unknown distance `{found['distance']}` in {what}")
    if "on_disk" in found:
        flag(found["on_disk"], f"{what} on_disk")
    if "hnsw_config" in found:  # without effect: there is no graph, every search is exact
        graph = found["hnsw_config"] = members(found["hnsw_config"], f"{what} hnsw_config", *_GRAPH)
        for name, value in graph.items():
            integer(value, f"{what} hnsw_config.{name}")
    return found


def _sparse(params: object, what: str) -> dict[str, Any]:
    found = members(params, what, "modifier", "index")
    if found.get("modifier", "none") not in ("none", "idf"):
        raise WrongInputError(f"Wrong input: unknown modifier `{found['modifier']}` in {what}")
    if "index" in found:
        found["index"] = members(found["index"], f"{what} index", "on_disk")
        if "on_disk" in found["index"]:
            flag(found["index"]["on_disk"], f"{what} index.on_disk")
    return found


def payload_index(body: object) -> UpdateOperation:
    """Read the body of `PUT /collections/{name}/index`: a field and the kind of its values."""
    what = "the payload index"
    found = members(body, what, "field_name", "field_schema")
    kind = required(found, "field_schema", what)
    if isinstance(kind, dict):
        kind = required(members(kind, "`field_schema`", "type"), "type", "`field_schema`")
    if string(kind, "`field_schema`") not in _INDEX_PARAMS:
        raise UnsupportedError(f"a payload index of kind `{kind}`")
    return UpdateOperation.create_field_index(
        payload_path(required(found, "field_name", what), "`field_name`"), _INDEX_PARAMS[kind]()
    )


def index_kind(kind: PayloadSchemaType) -> str:
    return _INDEX_NAMES[kind]
