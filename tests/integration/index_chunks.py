"""Five chunks, and what each filter selects of them, by Qdrant's rules."""

import math
from collections.abc import Sequence
from typing import Any

from qdrant_client import QdrantClient, models

DENSE = "dense"
SPARSE = "bm25"
COSINE = models.VectorParams(size=4, distance=models.Distance.COSINE)
RED, GREEN, BLUE = 11, 22, 33  # words; every chunk but 4 has RED, only 3 has BLUE


def point(
    identifier: int | str, dense: Sequence[float], sparse: dict[int, float], **payload: Any
) -> models.PointStruct:
    vectors: dict[str, Any] = {DENSE: [float(x) for x in dense], SPARSE: sparse_vector(sparse)}
    return models.PointStruct(id=identifier, vector=vectors, payload=payload)


def sparse_vector(weights: dict[int, float]) -> models.SparseVector:
    return models.SparseVector(indices=list(weights), values=list(weights.values()))


def words(*indices: int) -> models.SparseVector:
    return sparse_vector(dict.fromkeys(indices, 1.0))


def any_of(key: str, values: list[Any]) -> models.FieldCondition:
    return models.FieldCondition(key=key, match=models.MatchAny(any=values))


def is_value(key: str, value: Any) -> models.FieldCondition:
    return models.FieldCondition(key=key, match=models.MatchValue(value=value))


def may_read(*grants: str) -> models.Filter:
    return models.Filter(must=[any_of("grants", list(grants))])


def ids(points: Sequence[models.ScoredPoint] | Sequence[models.Record]) -> list[Any]:
    return [found.id for found in points]


CHUNKS = [
    point(1, [1, 0, 0, 0], {RED: 1.0}, grants=["everyone"], document_id="a", version=1, modified_at=10.0),
    point(2, [0.9, 0.1, 0, 0], {RED: 1.0, GREEN: 1.0}, grants=["group:hr"], document_id="a", version=2),
    point(3, [0, 1, 0, 0], {RED: 1.0, BLUE: 1.0}, grants=["group:hr", "group:it"], document_id="b", version=1),
    point(4, [0, 0, 1, 0], {GREEN: 1.0}, grants=["everyone"], document_id="c", version=1, modified_at=30.5),
    point(5, [-1, 0, 0, 0], {RED: 0.5}, grants=[], document_id="d", version=3, page=None),
]
EVERYTHING = {1, 2, 3, 4, 5}
FILTERS: dict[str, tuple[models.Filter, set[int]]] = {
    "an empty filter matches everything": (models.Filter(), EVERYTHING),
    "an empty must matches everything": (models.Filter(must=[]), EVERYTHING),
    "an empty should matches everything": (models.Filter(should=[]), EVERYTHING),
    "an empty must_not excludes nothing": (models.Filter(must_not=[]), EVERYTHING),
    "a nested empty filter matches everything": (models.Filter(must=[models.Filter()]), EVERYTHING),
    "a nested empty should matches everything": (models.Filter(must=[models.Filter(should=[])]), EVERYTHING),
    "an empty filter among should matches everything": (models.Filter(should=[models.Filter()]), EVERYTHING),
    "excluding an empty filter leaves nothing": (models.Filter(must_not=[models.Filter()]), set()),
    "match any of nothing matches nothing": (models.Filter(must=[any_of("grants", [])]), set()),
    "excluding any of nothing excludes nothing": (models.Filter(must_not=[any_of("grants", [])]), EVERYTHING),
    "match any finds a value in a list": (may_read("group:it", "everyone"), {1, 3, 4}),
    "match any finds integers": (models.Filter(must=[any_of("version", [2, 3])]), {2, 5}),
    "match value finds a word": (models.Filter(must=[is_value("document_id", "a")]), {1, 2}),
    "match value finds an integer": (models.Filter(must=[is_value("version", 1)]), {1, 3, 4}),
    "match except leaves out": (
        models.Filter(
            must=[models.FieldCondition(key="document_id", match=models.MatchExcept(**{"except": ["a", "b"]}))]
        ),
        {4, 5},
    ),
    "must conditions are AND-ed": (
        models.Filter(must=[any_of("grants", ["everyone"]), is_value("document_id", "a")]),
        {1},
    ),
    "should conditions are OR-ed": (
        models.Filter(should=[is_value("document_id", "a"), is_value("document_id", "d")]),
        {1, 2, 5},
    ),
    "must and should are AND-ed": (
        models.Filter(must=[is_value("version", 1)], should=[is_value("document_id", "a"), any_of("grants", [])]),
        {1},
    ),
    "must_not leaves out": (models.Filter(must_not=[is_value("document_id", "a")]), {3, 4, 5}),
    "filters nest": (
        models.Filter(
            must=[
                is_value("version", 1),
                models.Filter(should=[is_value("document_id", "b"), is_value("document_id", "c")]),
                models.Filter(must_not=[any_of("grants", ["group:hr"])]),
            ]
        ),
        {4},
    ),
    "a range has inclusive bounds": (
        models.Filter(must=[models.FieldCondition(key="modified_at", range=models.Range(gte=10.0, lte=30.5))]),
        {1, 4},
    ),
    "a range has exclusive bounds": (
        models.Filter(must=[models.FieldCondition(key="modified_at", range=models.Range(gt=10.0))]),
        {4},
    ),
    "ids are found": (models.Filter(must=[models.HasIdCondition(has_id=[2, 5, 99])]), {2, 5}),
    "no ids match nothing": (models.Filter(must=[models.HasIdCondition(has_id=[])]), set()),
    "an absent field is empty": (
        models.Filter(must=[models.IsEmptyCondition(is_empty=models.PayloadField(key="modified_at"))]),
        {2, 3, 5},
    ),
    "an empty list is empty": (
        models.Filter(must=[models.IsEmptyCondition(is_empty=models.PayloadField(key="grants"))]),
        {5},
    ),
    "a null field is null": (
        models.Filter(must=[models.IsNullCondition(is_null=models.PayloadField(key="page"))]),
        {5},
    ),
}


def prefetches(allowed: models.Filter | None) -> list[models.Prefetch]:
    return [
        models.Prefetch(query=[1.0, 0, 0, 0], using=DENSE, filter=allowed, limit=10),
        models.Prefetch(query=words(RED, GREEN, BLUE), using=SPARSE, filter=allowed, limit=10),
    ]


def separate_prefetches() -> list[models.Prefetch]:
    """The first finds 1 only, the second 4 only."""
    return [
        models.Prefetch(
            query=[1.0, 0, 0, 0], using=DENSE, filter=models.Filter(must=[models.HasIdCondition(has_id=[identifier])])
        )
        for identifier in (1, 4)
    ]


def idf(documents: int, with_word: int) -> float:
    """Qdrant's inverse document frequency."""
    return math.log((documents - with_word + 0.5) / (with_word + 0.5) + 1)


def create(client: QdrantClient, name: str) -> None:
    client.create_collection(
        name,
        vectors_config={DENSE: COSINE},
        sparse_vectors_config={SPARSE: models.SparseVectorParams(modifier=models.Modifier.IDF)},
    )
