"""What the last crawl knew of each page, in a file: validators for conditional requests, and where links led.

Losing it costs downloads, nothing else. Knows nothing of networks.
"""

import gzip
import hashlib
import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Self

from ingest.connectors.contract import Item
from ingest.connectors.options import WebOptions
from ingest.connectors.pages import Page, http_date

_MAX_FILE_BYTES = 512 * 2**20


@dataclass(frozen=True, slots=True)
class PageMemo:
    """`readable`: the page becomes a document. `links` are those to the same host."""

    url: str
    etag: str
    last_modified: str
    digest: str
    title: str | None
    canonical: str | None
    file_name: str
    readable: bool
    links: tuple[str, ...]

    @classmethod
    def of(cls, page: Page) -> Self:
        host = "/".join(page.url.split("/", 3)[:3]) + "/"
        return cls(
            url=page.url,
            etag=page.etag,
            last_modified=page.last_modified,
            digest=page.digest,
            title=page.head.title,
            canonical=page.head.canonical,
            file_name=page.file_name,
            readable=page.path is not None,
            links=tuple(link for link in page.head.links if link.startswith(host)),
        )

    def item(self) -> Item:
        return Item(
            external_id=self.url,
            revision=self.digest,
            file_name=self.file_name,
            title=self.title,
            url=self.url,
            modified_at=http_date(self.last_modified),
        )


class CrawlMemory:
    """The file for one set of options below the connectors' work folder."""

    def __init__(self, path: Path) -> None:
        self._path = path

    @classmethod
    def of(cls, work_dir: Path, options: WebOptions) -> Self:
        name = hashlib.sha256(options.model_dump_json(exclude={"authorization"}).encode()).hexdigest()[:32]
        return cls(work_dir / "crawls" / f"{name}.json.gz")

    def load(self) -> dict[str, PageMemo]:
        """By the address that was opened; empty where there is nothing to be read."""
        try:
            with gzip.open(self._path, "rb") as file:
                plain = json.loads(file.read(_MAX_FILE_BYTES))
            return {url: PageMemo(**{**memo, "links": tuple(memo["links"])}) for url, memo in plain.items()}
        except (OSError, EOFError, ValueError, TypeError, KeyError, AttributeError):
            return {}

    def save(self, memos: dict[str, PageMemo]) -> None:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        partial = self._path.with_suffix(f".{os.getpid()}.tmp")
        with gzip.open(partial, "wt", encoding="utf-8", compresslevel=3) as file:
            json.dump({url: asdict(memo) for url, memo in memos.items()}, file)
        partial.replace(self._path)
