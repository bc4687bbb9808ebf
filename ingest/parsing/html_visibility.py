"""What of an HTML page its readers see: neither hidden elements nor the furniture of the site around the text.

Judges by elements, attributes and inline styles; reads no style sheet.
"""

import re
from collections.abc import Iterator

from lxml import etree

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
    r"display\s*:\s*none|visibility\s*:\s*hidden|opacity\s*:\s*0(?![.\d]*[1-9])"
    r"|(?:left|top|text-indent)\s*:\s*-\d{4,}",
    re.IGNORECASE,
)
_FONT_SIZE = re.compile(r"(?:^|;)\s*font(?P<alone>-size)?\s*:(?P<size>[^;]{1,200})", re.IGNORECASE)
# Without a unit only 0 is a length: another number in `font` is a weight.
_LENGTH = re.compile(r"(?<!\S)(\d{0,9}\.?\d{1,9})([a-z]{0,4}|%)(?=[\s/!]|$)", re.IGNORECASE)
_OF_THE_PARENT = _names("em ex ch % ic cap lh")
_SIZE_NAMES = _names("xx-small x-small small medium large x-large xx-large xxx-large initial revert")
# Where text of no size is kept: what asks for an element's text does not find it there.
_CONCEALED = "data-footnote-concealed"
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


def conceal_sizeless(root: Element) -> None:
    """Takes the text off a page whose own font has the size 0: it is hidden, and what declares a size inside is not.

    Newsletters write `font-size:0` on each column, against gaps, and real sizes inside.
    """
    styled = [one for one in root.xpath("descendant::*[@style]") if local(one) != "body"]
    for element in [one for one in styled if _has_size(one) is False]:
        alone = True  # the size reaches everything below, so that the element is hidden as a whole
        stack = [element]
        while stack:
            sizeless = stack.pop()
            for child in sizeless:
                size = _has_size(child)
                alone = alone and size is None
                if size is None and local(child) not in _SHOWN_AS_NOTHING:
                    stack.append(child)
            _conceal_own_text(sizeless)
        if alone:
            element.set("hidden", "")


def hidden_text(element: Element) -> str:
    """What an element that is not shown says."""
    pieces = []
    for event, one in etree.iterwalk(element, events=("start", "end")):
        if event == "start":
            pieces.append(one.get(_CONCEALED) or one.text or "")
        elif one is not element:
            pieces.append(one.tail or "")
    return "".join(pieces)


def _has_size(element: Element) -> bool | None:
    """Whether an element declares a size of its own, True, or the size 0, False. None where its parent's decides."""
    if local(element) == "font" and element.get("size"):
        return True
    style = element.get("style") or ""
    if "font" not in style.lower():
        return None
    found = [(match, _sized(match["size"], alone=match["alone"] is not None)) for match in _FONT_SIZE.finditer(style)]
    sizes = [size for match, size in found if size is not None and "!important" in match["size"]]
    sizes = sizes or [size for _, size in found if size is not None]
    return sizes[-1] if sizes else None


def _sized(value: str, *, alone: bool) -> bool | None:
    for length in _LENGTH.finditer(value):
        if float(length[1]) == 0:
            return False
        if length[2].lower() in _OF_THE_PARENT:
            return None
        if length[2] or alone:
            return True
    return True if "(" in value or _SIZE_NAMES & set(re.split(r"[\s/!]", value.lower())) else None


def _conceal_own_text(element: Element) -> None:
    for child in list(element):
        if (child.tail or "").strip():
            child.addnext(_concealed(element, child.tail))
            child.tail = None
    if (element.text or "").strip():
        element.insert(0, _concealed(element, element.text))
        element.text = None


def _concealed(element: Element, text: str) -> Element:
    made = element.makeelement("span", {"hidden": ""})
    made.set(_CONCEALED, text)
    return made


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
    return sum(len(text.strip()) for text in shown_texts(root))


def shown_texts(root: Element) -> Iterator[str]:
    """The pieces of text that are shown, in no order."""
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
