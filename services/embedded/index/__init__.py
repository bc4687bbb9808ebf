"""The embedded index: Qdrant's engine behind the part of Qdrant's REST interface that Footnote calls.

A translation layer, not a database: it reads a request completely or answers 501 naming what it cannot read, and it
leaves searching, filtering, fusing and storing to `qdrant_edge`. Knows nothing of documents, grants or settings.

    errors      what a request can fail with, and the status it gets
    failures    what the engine says when it fails, and whose fault that is
    fields      JSON values, checked; a field that nobody reads is refused
    schema      a collection's vectors and payload indexes
    filters     Qdrant's filter form -> the engine's
    points      points, ids, payloads and vectors, both ways
    queries     query, scroll, count and retrieve requests -> the engine's
    journal     the engine's write-ahead log, forced to disk
    collection  one collection: its shard, its life and its upkeep
    catalogue   names and aliases of collections, durable
    operations  one function for each call of the interface
    app         HTTP around the operations
"""
