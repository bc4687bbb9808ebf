"""Who may read a file by its POSIX mode, as grants: group:NAME for a group, everyone where others may.

A reader also has to pass every folder on the way, up to the data source's own. Where folder and file name different
groups, being in both cannot be written as a grant, and nobody gets it. Owners and ACLs play no part. Knows nothing of
connectors.
"""

import grp
import os
import stat
from functools import lru_cache

from retrieval.access import GRANT
from retrieval.types import EVERYONE

_ALL = frozenset({EVERYONE})


class Readers:
    """Remembers who passes each folder that was entered, parents before children."""

    def __init__(self) -> None:
        self._passing: dict[str, frozenset[str]] = {}

    def enter(self, prefix: str, found: os.stat_result | None) -> None:
        """`prefix` is the folder's path below the root with a slash at its end, empty for the root.

        `found` None: its mode cannot be told, and so nobody is shut out who passes the folders above.
        """
        parent, _, _ = prefix.rstrip("/").rpartition("/")
        above = _ALL if not prefix else self._passing.get(f"{parent}/" if parent else "", frozenset())
        own = _ALL if found is None else _holders(found, others=stat.S_IXOTH, group=stat.S_IXGRP)
        self._passing[prefix] = _both(above, own)

    def of(self, path: str, found: os.stat_result) -> tuple[str, ...]:
        """The grants of a file in a folder that was entered; empty where nobody but its owner may read it."""
        folder, slash, _ = path.rpartition("/")
        readers = _holders(found, others=stat.S_IROTH, group=stat.S_IRGRP)
        return tuple(sorted(_both(self._passing.get(folder + slash, frozenset()), readers)))

    def at_most(self, prefix: str) -> tuple[str, ...] | None:
        """The most that may be granted below a folder that was entered; None where its path shuts out nobody."""
        passing = self._passing.get(prefix, frozenset())
        return None if passing == _ALL else tuple(sorted(passing))


def _both(first: frozenset[str], second: frozenset[str]) -> frozenset[str]:
    if first == _ALL:
        return second
    return first if second == _ALL else first & second


def _holders(found: os.stat_result, *, others: int, group: int) -> frozenset[str]:
    if found.st_mode & others:
        # A group that is shut out while others may is not expressible; the file is then nobody's.
        return _ALL if found.st_mode & group else frozenset()
    return _group_grant(found.st_gid) if found.st_mode & group else frozenset()


@lru_cache(maxsize=1024)
def _group_grant(gid: int) -> frozenset[str]:
    try:
        grant = f"group:{grp.getgrgid(gid).gr_name.casefold()}"
    except KeyError:
        return frozenset()
    return frozenset({grant}) if GRANT.fullmatch(grant) else frozenset()
