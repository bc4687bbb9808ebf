"""URLs as connectors use them: read once, by one parser, and then only taken apart values are passed on.

Knows nothing of networks.
"""

import re
from urllib.parse import parse_qsl, urlencode

import httpx

from retrieval.errors import InvalidInputError

MAX_URL_CHARS = 2000
MAX_PORT = 65535
_FORBIDDEN = re.compile(r"[\x00-\x20\x7f\\^`{|}<>\"]")
_TRACKING = re.compile(
    r"utm_\w+|gclid|dclid|gbraid|wbraid|fbclid|msclkid|yclid|twclid|igshid|mc_[ce]id|_ga|_gl|_hs(?:enc|mi)|mkt_tok"
    r"|ref_src|phpsessid|jsessionid|sid|sessionid",
    re.I,
)
_SESSION_IN_PATH = re.compile(r";jsessionid=[^/?#]*", re.I)


class UnsafeUrlError(InvalidInputError):
    """An address that connectors do not open, and why."""

    code = "url_refused"


def parsed_url(text: str) -> httpx.URL:
    """An absolute http or https URL without user, fragment or odd characters. Raises UnsafeUrlError."""
    if len(text) > MAX_URL_CHARS:
        raise UnsafeUrlError(f"The address has more than {MAX_URL_CHARS:,} characters.")
    if _FORBIDDEN.search(text):
        raise UnsafeUrlError("The address holds a space, a backslash or another character that URLs do not have.")
    try:
        url = httpx.URL(text).copy_with(fragment=None)
        port = url.port
    except (httpx.InvalidURL, ValueError) as error:
        raise UnsafeUrlError("The address is malformed.") from error
    if url.scheme not in ("http", "https"):
        raise UnsafeUrlError(f"Only http and https addresses are opened, not {url.scheme[:20] or 'relative ones'}.")
    if url.userinfo:
        raise UnsafeUrlError("The address holds a user name or password.")
    if not url.host or (port is not None and not 0 < port <= MAX_PORT):
        raise UnsafeUrlError("The address has no host.")
    return url


def joined_url(base: httpx.URL, reference: str) -> httpx.URL:
    """What a reference on the page `base` points at. Raises UnsafeUrlError."""
    try:
        return parsed_url(str(base.join(reference.strip(" \t\r\n\f"))))
    except (httpx.InvalidURL, ValueError) as error:
        raise UnsafeUrlError("The address is malformed.") from error


def canonical_url(url: httpx.URL) -> httpx.URL:
    """The one spelling of an address: no fragment, no tracking or session parameters, no default port, a path."""
    path, _, query = url.raw_path.decode("ascii").partition("?")
    path = _SESSION_IN_PATH.sub("", path) or "/"
    if query:
        pairs = parse_qsl(query, keep_blank_values=True)
        kept = [(name, value) for name, value in pairs if not _TRACKING.fullmatch(name)]
        query = query if len(kept) == len(pairs) else urlencode(kept)
    return url.copy_with(fragment=None, raw_path=f"{path}?{query}".encode() if query else path.encode())


def origin_of(url: httpx.URL) -> tuple[str, str, int]:
    """Scheme, host and port, the default one spelled out."""
    return url.scheme, url.raw_host.decode("ascii"), url.port or (443 if url.scheme == "https" else 80)
