"""The names that a folder's last listing found, as a cursor: what lies below a folder that can no longer be opened.

Knows nothing of files.
"""

import base64
import json
import zlib
from collections.abc import Iterable


def names_to_cursor(root: str, names: Iterable[str]) -> str:
    """Neighbours share most of their paths, so sorted names pack to some bytes each."""
    plain = json.dumps({"root": root, "names": sorted(names)}).encode()
    return base64.b64encode(zlib.compress(plain)).decode()


def names_in_cursor(root: str, cursor: str | None) -> frozenset[str]:
    """The inverse; empty where there is none, or it tells of another folder."""
    try:
        saved = json.loads(zlib.decompress(base64.b64decode(cursor or "")))
        return frozenset(map(str, saved["names"])) if saved["root"] == root else frozenset()
    except (ValueError, TypeError, KeyError, zlib.error):
        return frozenset()
