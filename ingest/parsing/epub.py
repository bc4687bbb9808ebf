"""EPUB books: the chapters in reading order, each as the HTML it is.

Knows nothing of other formats.
"""

import posixpath
from urllib.parse import unquote

from ingest.parsing.archive import Archive, local
from ingest.parsing.document import ParsedDocument, TextBuilder
from ingest.parsing.html import add_html, html_root
from ingest.parsing.media_types import EPUB
from ingest.parsing.original import Original
from retrieval.errors import DocumentError


def parse_epub(original: Original) -> ParsedDocument:
    """Raises DocumentError: `encrypted`, `corrupt`, `no_text`, `parse_limit`."""
    with Archive(original) as archive:
        container = archive.xml("META-INF/container.xml")
        package = next((root.get("full-path") for root in container.iter("{*}rootfile")), None)
        if package is None:
            raise DocumentError("The book is damaged: it names no contents.", code="corrupt")
        contents = archive.xml(package)
        items = {item.get("id"): item.get("href") or "" for item in contents.iter("{*}item")}
        folder = posixpath.dirname(package)
        out = TextBuilder()
        for entry in contents.iter("{*}itemref"):
            name = posixpath.normpath(posixpath.join(folder, unquote(items.get(entry.get("idref"), "")).split("#")[0]))
            if name in archive and name.lower().endswith((".xhtml", ".html", ".htm", ".xml")):
                content = archive.read(name)
                if content.strip():
                    out.gap()
                    root = html_root(content)
                    body = root.find(".//body")
                    add_html(out, root if body is None else body)
        title = next((t.text for t in contents.iter("{*}title") if local(t) == "title" and t.text), None)
        if "META-INF/encryption.xml" in archive and "META-INF/rights.xml" in archive:
            raise DocumentError("The book is protected against copying (DRM).", code="encrypted")
        return out.build(EPUB, title)
