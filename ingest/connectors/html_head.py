"""What an HTML page says of itself to a crawler: its title, its canonical address, whether it wants to be read, and
where its links lead. Knows nothing of networks.
"""

from dataclasses import dataclass

import httpx
from lxml import etree
from lxml.html import HTMLParser

from ingest.connectors.urls import UnsafeUrlError, canonical_url, joined_url

MAX_LINKS = 5000
_MAX_HTML_BYTES = 8 * 2**20
_MAX_TITLE_CHARS = 300
_WITH_VALUE = frozenset({"unavailable_after", "max-snippet", "max-image-preview", "max-video-preview"})
_NO_LINK = frozenset({"nofollow", "ugc", "sponsored"})


@dataclass(frozen=True, slots=True)
class HtmlHead:
    """`links` are absolute, canonical and distinct, without those marked nofollow."""

    title: str | None = None
    canonical: str | None = None
    index: bool = True
    follow: bool = True
    links: tuple[str, ...] = ()


def html_head(content: bytes, url: httpx.URL, *, charset: str | None, agent: str) -> HtmlHead:
    """Read a page found at `url`; `agent` is the name that robots directives may be addressed to.

    Nothing in a page can make this fail: what cannot be read is left out.
    """
    root = _root(content[:_MAX_HTML_BYTES], charset)
    if root is None:
        return HtmlHead()
    base, canonical, title = url, None, None
    targets: list[tuple[httpx.URL, str]] = []
    directives: list[str] = []
    for element in root.iter("base", "link", "meta", "title", "a", "area"):
        reference, relation = element.get("href"), (element.get("rel") or "").lower().split()
        if element.tag == "base" and reference:
            base = _joined(url, reference) or url
        elif element.tag == "meta" and (element.get("name") or "").strip().lower() in ("robots", agent):
            directives.append(element.get("content") or "")
        elif element.tag == "title" and title is None:
            title = " ".join("".join(element.itertext()).split())[:_MAX_TITLE_CHARS] or None
        elif element.tag == "link" and reference and "canonical" in relation and canonical is None:
            canonical = _canonical(base, reference)
        elif element.tag in ("a", "area") and reference and not _NO_LINK & set(relation):
            targets.append((base, reference))
    links = dict.fromkeys(_canonical(*target) for target in targets[:MAX_LINKS])
    index, follow = robots_directives(directives, agent)
    return HtmlHead(title, canonical, index, follow, tuple(link for link in links if link and follow))


def robots_directives(values: list[str], agent: str) -> tuple[bool, bool]:
    """(may be indexed, links may be followed) by X-Robots-Tag headers or robots meta elements.

    A value may begin with the name of the one it is meant for: "otherbot: noindex" is not for us.
    """
    words = {word.strip() for value in values for word in _addressed(value.lower(), agent).split(",")}
    return not words & {"noindex", "none"}, not words & {"nofollow", "none"}


def _addressed(value: str, agent: str) -> str:
    """The directives of a value that are for us."""
    addressee, colon, rest = value.partition(":")
    if not colon or "," in addressee or addressee.strip() in _WITH_VALUE:
        return value
    return rest if addressee.strip() == agent else ""


def _root(content: bytes, charset: str | None) -> etree._Element | None:
    try:
        parser = HTMLParser(encoding=charset, no_network=True, remove_comments=True, remove_pis=True, huge_tree=False)
    except LookupError:
        parser = HTMLParser(no_network=True, remove_comments=True, remove_pis=True, huge_tree=False)
    try:
        return etree.fromstring(content, parser)
    except (etree.LxmlError, ValueError):
        return None


def _joined(base: httpx.URL, reference: str) -> httpx.URL | None:
    try:
        return joined_url(base, reference)
    except UnsafeUrlError:
        return None


def _canonical(base: httpx.URL, reference: str) -> str | None:
    joined = _joined(base, reference)
    return None if joined is None else str(canonical_url(joined))
