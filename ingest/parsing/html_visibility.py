"""What of an HTML page its readers see: neither hidden elements nor the furniture of the site around the text.

Judges by elements, attributes and inline styles; reads no style sheet.
"""

import re
from collections.abc import Iterator

from ingest.parsing.archive import Element, local


def _names(names: str) -> frozenset[str]:
    return frozenset(names.split())


_SHOWN_AS_NOTHING = _names(
    "script style noscript template svg canvas iframe object embed applet audio video map head select option datalist "
    "textarea button input meter progress dialog rp"
)
_NAVIGATION = frozenset({"nav", "footer", "aside", "menu"})
_NAVIGATION_ROLES = frozenset({"navigation", "banner", "contentinfo", "search", "complementary", "menu", "menubar"})
_NAVIGATION_NAME = re.compile(
    r"(?:^|[\s_-])(?:nav|navbar|navigation|menu|topbar|sidebar|breadcrumbs?|footer|cookies?|consent|advert\w*|ads?|social"
    r"|share|sharing|skip-?link|skip-?to-?content|pagination|editsection|jump-to-nav|noprint|newsletter|subscribe)(?:$|[\s_-])",
    re.IGNORECASE,
)
_HIDDEN_STYLE = re.compile(
    r"display\s*:\s*none|visibility\s*:\s*hidden|font-size\s*:\s*0(?![.\d]*[1-9])|opacity\s*:\s*0(?![.\d]*[1-9])"
    r"|(?:left|top|text-indent)\s*:\s*-\d{4,}",
    re.IGNORECASE,
)
_WHITE = re.compile(
    r"(?:^|[;\s])color\s*:\s*(?:#fff(?:fff)?\b|white\b|rgba?\(\s*255\s*,\s*255\s*,\s*255)", re.IGNORECASE
)
BLOCKS = _names(
    "address article aside blockquote body caption center dd details dialog div dl dt fieldset figcaption figure "
    "footer form header hgroup hr html legend li main menu nav ol p section summary table tbody td tfoot th thead tr ul"
)


def is_left_out(element: Element, *, lenient: bool = False) -> bool:
    """Whether an element is never shown, or is furniture of the site around the page."""
    name = local(element)
    if name in _SHOWN_AS_NOTHING or not name or is_hidden(element):
        return True
    return not (lenient or name in ("html", "body", "main", "article")) and _is_navigation(element, name)


def is_hidden(element: Element) -> bool:
    style = element.get("style") or ""
    if element.get("hidden") is not None or (style and _HIDDEN_STYLE.search(style)):
        return True
    return bool(style and _WHITE.search(style)) and not _on_colour(element)


def _is_navigation(element: Element, name: str) -> bool:
    if name in _NAVIGATION or element.get("role") in _NAVIGATION_ROLES or element.get("aria-hidden") == "true":
        return True
    if name == "header" and element.find(".//h1") is None and element.getparent().tag in ("body", "div"):
        return True
    marks = f"{element.get('class') or ''} {element.get('id') or ''}"
    return 1 < len(marks) < 400 and _NAVIGATION_NAME.search(marks) is not None


def _on_colour(element: Element) -> bool:
    """Whether white text may have something behind it: a background on it or around it, or a class that may say so."""
    lineage = [element, *element.iterancestors()][:8]
    return any("background" in (e.get("style") or "") or e.get("bgcolor") or e.get("class") for e in lineage)


def shown_chars(root: Element) -> int:
    return sum(len(text.strip()) for text in _shown_texts(root))


def _shown_texts(root: Element) -> Iterator[str]:
    stack = [root]
    while stack:
        element = stack.pop()
        yield element.text or ""
        for child in element:
            yield child.tail or ""
            if not is_left_out(child):
                stack.append(child)


def all_chars(root: Element) -> int:
    return sum(len((element.text or "").strip()) for element in root.iter() if local(element) not in _SHOWN_AS_NOTHING)
