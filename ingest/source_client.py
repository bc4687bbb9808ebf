"""The part of the client that sets up and syncs data sources, for administrators. Knows nothing of terminals."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import quote

from ingest.resources import value_of
from ingest.rest import Rest
from ingest.source_resources import Connector, DataSource, RemovedSource, SourceItem

PAGE_SIZE = 200
_ALL = "/v1/data-sources"


class SourceClient:
    """Data sources with a connector, by name. Raises what `Client` raises."""

    def __init__(self, rest: Rest) -> None:
        self._rest = rest

    def connectors(self) -> list[Connector]:
        """The kinds of data sources that the server knows."""
        return [value_of(Connector, item) for item in self._rest.items("/v1/connectors")]

    def add(
        self,
        name: str,
        connector: str,
        *,
        options: Mapping[str, Any],
        secrets: Mapping[str, str] | None = None,
        grants: Sequence[str] = (),
        every_s: int | None = 3600,
        sync: bool = True,
    ) -> DataSource:
        """Set up a data source; `secrets` maps options to names of secrets on the server, `every_s` None: by hand."""
        body = {
            "name": name,
            "connector": connector,
            "options": dict(options),
            "secrets": dict(secrets or {}),
            "grants": list(grants),
            "every_s": every_s,
            "sync": sync,
        }
        return value_of(DataSource, self._rest.json("POST", _ALL, body=body))

    def get(self, name: str) -> DataSource:
        return value_of(DataSource, self._rest.json("GET", _address(name)))

    def change(self, name: str, **changes: Any) -> DataSource:
        """Change `options`, `secrets`, `grants`, `every_s` or `paused`; what is not named stays."""
        return value_of(DataSource, self._rest.json("PATCH", _address(name), body=changes, repeatable=True))

    def sync(self, name: str, *, confirm: bool = False) -> int:
        """Have it synced now; the number of that sync. `confirm`: delete what has vanished, however much it is."""
        answer = self._rest.json("POST", f"{_address(name)}/sync", body={"confirm": confirm}, repeatable=True)
        return int(answer["number"])

    def items(self, name: str, *, failed: bool = False) -> Iterator[SourceItem]:
        """Its items, fetched page by page; `failed`: only what could not be fetched or ingested."""
        params = {"state": "failed" if failed else None, "limit": PAGE_SIZE}
        return (value_of(SourceItem, item) for item in self._rest.items(f"{_address(name)}/items", params=params))

    def remove(self, name: str, *, keep_documents: bool = False, confirm: bool = False) -> RemovedSource:
        """End it. ConflictError where documents would be deleted without `confirm`."""
        params = {"keep_documents": str(keep_documents).lower(), "confirm": str(confirm).lower()}
        return value_of(RemovedSource, self._rest.json("DELETE", _address(name), params=params))


def _address(name: str) -> str:
    return f"{_ALL}/{quote(name, safe='')}"
