"""A folder of an IMAP mailbox as a data source, each message a document.

Messages never change, so a listing needs the headers of new ones only. When a known message is gone, or the server
numbers its messages anew, the headers of all are read once. Knows nothing of the protocol.
"""

import json
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

from ingest.connectors.addresses import AddressGate
from ingest.connectors.contract import Batch, Fetched, Item, ItemError, ItemGoneError
from ingest.connectors.imap_session import ImapSession, numbers_in, ranges_of
from ingest.connectors.messages import message_head, message_revision
from ingest.connectors.options import ImapOptions
from ingest.connectors.policy import ConnectorPolicy

BATCH = 200


class ImapConnector:
    """The cursor holds UIDVALIDITY and the numbers (UIDs) of the messages that were listed."""

    def __init__(self, options: ImapOptions, policy: ConnectorPolicy) -> None:
        self.lists_everything = False
        self._options = options
        self._gate = AddressGate(policy.allowed_networks)
        self._max_bytes = policy.max_item_bytes
        self._opened: ImapSession | None = None
        self._uids: dict[str, tuple[int, str]] = {}  # external id -> number, revision

    def close(self) -> None:
        if self._opened is not None:
            self._opened.close()
            self._opened = None

    def changes(self, cursor: str | None) -> Iterator[Batch]:
        self.lists_everything = False
        session = self._session()
        present = session.uids(since=self._since())
        known = self._known(cursor, session.validity)
        new = [uid for uid in present if uid not in known]
        relist = (cursor is not None and not known) or bool(known - set(present))
        if relist:
            new, known = present, set()
        elif known and (len(new) > BATCH or self._has_copies(new)):
            self._listed(sorted(known))  # so that a new message cannot take the id of a known one
        everything = not known
        for start in range(0, max(1, len(new)), BATCH):
            part = new[start : start + BATCH]
            batch_items, failed = self._listed(part)
            known.update(part)
            is_last = start + BATCH >= len(new)
            # A listing that also finds what is gone has to come to its end to count.
            saved = None if relist and not is_last else self._cursor(session.validity, known)
            self.lists_everything = everything and is_last
            yield Batch(tuple(batch_items), failed=tuple(failed), cursor=saved)

    def fetch(self, item: Item, folder: Path, *, known_revision: str | None) -> Fetched | None:
        if item.revision == known_revision:
            return None
        uid = self._uid_of(item)
        content = None if uid is None else self._session().message(uid)
        if content is None:
            raise ItemGoneError("The message is no longer in the folder.")
        if len(content) > self._max_bytes:
            raise ItemError("The message is larger than allowed.")
        path = folder / item.file_name
        path.write_bytes(content)
        return Fetched(path, item)

    def _listed(self, uids: Sequence[int]) -> tuple[list[Item], list[tuple[str, str]]]:
        items: list[Item] = []
        failed: list[tuple[str, str]] = []
        for found in self._session().headers(uids):
            revision = message_revision(found.block, found.size)
            head = message_head(found.block, revision)
            external_id = head.external_id
            if external_id in self._uids:
                if self._uids[external_id][1] == revision:
                    continue  # the same message twice
                # Another message that claims an id which is taken: it must not replace the first one.
                external_id = f"{external_id} {revision[:12]}"
            self._uids[external_id] = (found.uid, revision)
            if found.size > self._max_bytes:
                failed.append((external_id, f"The message has {found.size / 2**20:,.4g} MiB, more than allowed."))
            else:
                items.append(head.item(revision, external_id=external_id))
        return items, failed

    def _has_copies(self, new: Sequence[int]) -> bool:
        """Whether a new message may have the Message-ID of another: the server finds not just the one."""
        session = self._session()
        for found in list(session.headers(new)):
            head = message_head(found.block, message_revision(found.block, found.size))
            if len(session.with_message_id(head.message_id)) != 1:
                return True
        return False

    def _uid_of(self, item: Item) -> int | None:
        if item.external_id not in self._uids:
            session = self._session()
            words = item.external_id.split(" ")
            numbers = {uid for word in words for uid in session.with_message_id(word)}
            self._listed(sorted(numbers) if numbers else session.uids(since=self._since()))
        uid, revision = self._uids.get(item.external_id, (None, ""))
        return uid if revision == item.revision else None

    def _session(self) -> ImapSession:
        if self._opened is None:
            self._opened = ImapSession(self._options, self._gate, max_bytes=self._max_bytes)
        return self._opened

    def _since(self) -> datetime | None:
        days = self._options.since_days
        return None if days is None else datetime.now(UTC) - timedelta(days=days)

    def _known(self, cursor: str | None, validity: int) -> set[int]:
        """The messages listed before, by their numbers; empty where the cursor does not count any more."""
        try:
            saved = json.loads(cursor or "")
            if saved["folder"] == self._options.folder and saved["validity"] == validity:
                return numbers_in(saved["uids"])
        except (ValueError, TypeError, KeyError, AttributeError):
            pass
        return set()

    def _cursor(self, validity: int, uids: set[int]) -> str:
        return json.dumps({"folder": self._options.folder, "validity": validity, "uids": ranges_of(uids)})
