"""Sitemaps (sitemaps.org 0.9): the addresses and dates in a sitemap, or the sitemaps in an index. Knows nothing of
networks.
"""

import zlib
from dataclasses import dataclass

from lxml import etree

from ingest.connectors.fetching import gunzipped

MAX_ENTRIES = 50_000  # the protocol's own limit for one file
MAX_BYTES = 50 * 2**20
_MAX_URL_CHARS = 2048


class NotASitemapError(ValueError):
    """The file is neither a sitemap nor an index of them."""


@dataclass(frozen=True, slots=True)
class Entry:
    """`lastmod` as it stands there, empty where it is missing."""

    url: str
    lastmod: str


@dataclass(frozen=True, slots=True)
class SitemapFile:
    """`is_index`: the entries are sitemaps themselves."""

    is_index: bool
    entries: tuple[Entry, ...]


def read_sitemap(content: bytes) -> SitemapFile:
    """A sitemap as XML or as text with an address a line, plain or gzip. Raises NotASitemapError."""
    if content.startswith(b"\x1f\x8b"):
        content = _unpacked(content)
    if not content.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"<"):
        return _text(content)
    # No entities, no DTD, no network, no huge trees: the file is a stranger's.
    parser = etree.XMLParser(resolve_entities=False, load_dtd=False, no_network=True, huge_tree=False)
    try:
        root = etree.fromstring(content, parser)
    except (etree.XMLSyntaxError, ValueError) as error:
        raise NotASitemapError("It is not well-formed XML.") from error
    kind = _local(root)
    if kind not in ("urlset", "sitemapindex"):
        raise NotASitemapError(f"Its root element is {kind[:50]!r}, not urlset or sitemapindex.")
    entries = [entry for element in root[:MAX_ENTRIES] if (entry := _entry(element)) is not None]
    return SitemapFile(kind == "sitemapindex", tuple(entries))


def _unpacked(content: bytes) -> bytes:
    unpacked = bytearray()
    try:
        for piece in gunzipped([content]):
            unpacked += piece
            if len(unpacked) > MAX_BYTES:
                raise NotASitemapError(f"Unpacked it has more than {MAX_BYTES // 2**20} MiB.")
    except (zlib.error, EOFError) as error:
        raise NotASitemapError("It is a damaged gzip file.") from error
    return bytes(unpacked)


def _text(content: bytes) -> SitemapFile:
    lines = [line.strip() for line in content.decode("utf-8", "replace").splitlines()]
    entries = tuple(Entry(line, "") for line in lines if line.startswith(("http://", "https://")))
    if not entries or len(entries) < sum(1 for line in lines if line):
        raise NotASitemapError("It is neither XML nor a list of addresses.")
    return SitemapFile(False, entries[:MAX_ENTRIES])


def _entry(element: etree._Element) -> Entry | None:
    texts = {_local(child): (child.text or "").strip() for child in element}
    url = texts.get("loc", "")
    return Entry(url, texts.get("lastmod", "")[:64]) if 0 < len(url) <= _MAX_URL_CHARS else None


def _local(element: etree._Element) -> str:
    return str(element.tag).rpartition("}")[2]
