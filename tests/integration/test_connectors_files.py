"""The connectors of files on this machine: a folder and a mailbox file, real ones."""

import itertools
import mailbox
import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest

from ingest.connectors.contract import ConnectorError, ItemError
from ingest.connectors.folder_watch import changed_folders
from ingest.connectors.kinds import connector_for
from retrieval.errors import ForbiddenError
from tests.integration.connector_contract import ConnectorContract, SmallSync, Source, closing, policy_for


class FolderSource(Source):
    kind = "folder"

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.root = folder / "handbook"
        self.root.mkdir()

    def options(self) -> dict[str, object]:
        return {"path": str(self.root)}

    def put(self, name: str, text: str) -> None:
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    def delete(self, name: str) -> None:
        (self.root / name).unlink()

    def move(self, name: str, to: str) -> None:
        (self.root / name).rename(self.root / to)

    def take_down(self) -> None:
        self.root.rename(self.folder / "unmounted")

    def id_of(self, name: str) -> str:
        return name


class TestFolder(ConnectorContract):
    batches = "ingest.connectors.folder"

    @pytest.fixture
    def source(self, tmp_path: Path) -> Iterator[Source]:
        yield from closing(FolderSource(tmp_path))

    def test_links_are_followed_nowhere(self, source: FolderSource, sync: SmallSync) -> None:
        (source.folder / "secret.md").write_text("secret")
        (source.folder / "elsewhere").mkdir()
        (source.folder / "elsewhere" / "other.md").write_text("secret")
        source.put("a.md", "The apple is red.")
        (source.root / "link.md").symlink_to(source.folder / "secret.md")
        (source.root / "links").symlink_to(source.folder / "elsewhere")
        sync.run(source.connector())
        assert set(sync.texts) == {"a.md"}

    def test_a_folder_swapped_for_a_link_after_the_listing_is_not_followed(
        self, source: FolderSource, sync: SmallSync
    ) -> None:
        (source.folder / "elsewhere").mkdir()
        (source.folder / "elsewhere" / "a.md").write_text("secret")
        source.put("d/a.md", "The apple is red.")
        connector = source.connector()
        (batch,) = connector.changes(None)
        (source.root / "d").rename(source.root / "old")
        (source.root / "d").symlink_to(source.folder / "elsewhere")
        sync.folder.mkdir()
        with pytest.raises(ItemError):
            connector.fetch(batch.items[0], sync.folder, known_revision=None)
        assert not list(sync.folder.iterdir())

    @pytest.mark.parametrize("name", ["../outside.md", "d/../../outside.md", "/etc/passwd", "a\x00.md", "", "."])
    def test_an_id_that_leads_out_is_not_read(self, source: FolderSource, sync: SmallSync, name: str) -> None:
        (source.folder / "outside.md").write_text("secret")
        source.put("d/a.md", "The apple is red.")
        connector = source.connector()
        (batch,) = connector.changes(None)
        item = type(batch.items[0])(name, "1", "a.md")
        sync.folder.mkdir()
        with pytest.raises(ItemError):
            connector.fetch(item, sync.folder, known_revision=None)

    def test_only_folders_that_the_operator_allows_are_read(self, tmp_path: Path) -> None:
        (tmp_path / "in").mkdir()
        (tmp_path / "out").mkdir()
        (tmp_path / "in" / "link").symlink_to(tmp_path / "out")
        policy = policy_for(tmp_path, folder_roots=(tmp_path / "in",))
        for path in ("out", "in/../out", "in/link"):
            with pytest.raises(ForbiddenError):
                connector_for("folder", {"path": str(tmp_path / path)}, {}, policy=policy)

    def test_a_link_that_leads_round_in_a_circle_is_no_folder_and_no_way_out(self, source: FolderSource) -> None:
        (source.root / "circle").symlink_to("circle")
        (source.root / "out").symlink_to(source.folder)
        with pytest.raises(ConnectorError, match="is not a folder"):
            list(source.connector(path=str(source.root / "circle")).changes(None))
        policy = policy_for(source.folder, folder_roots=(source.root,))
        for path in ("circle/../out", "circle/../out/handbook"):
            with pytest.raises(ForbiddenError):
                connector_for("folder", {"path": f"{source.root}/{path}"}, {}, policy=policy)

    def test_a_folder_below_one_that_is_shut_cannot_be_reached(
        self, source: FolderSource, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        look, stop = os.stat, threading.Event()

        def refusing(path: Any, *more: Any, **by_name: Any) -> os.stat_result:
            if path in (source.root, str(source.root)):
                raise PermissionError(13, "Permission denied", str(path))
            return look(path, *more, **by_name)

        connector = source.connector()
        monkeypatch.setattr(os, "stat", refusing)  # root reaches every folder
        with pytest.raises(ConnectorError, match="cannot be reached now"):
            list(connector.changes(None))
        stop.set()
        assert list(changed_folders({"handbook": source.root}, stop=stop)) == []

    def test_names_that_are_no_text_and_too_long_ones_fail_and_the_others_come_in(
        self, source: FolderSource, sync: SmallSync
    ) -> None:
        source.put("a.md", "The apple is red.")
        source.put("two\nlines.md", "The pear is green.")
        deep = "/".join(["d" * 200] * 6)
        source.put(f"{deep}/b.md", "too long")
        with open(os.fsencode(source.root) + b"/\xff\xfe.md", "wb") as file:
            file.write(b"bytes")
        sync.run(source.connector())
        assert set(sync.texts) == {"a.md", "two\nlines.md"}
        assert sync.items["two\nlines.md"].file_name == "two_lines.md"
        assert sorted(sync.faults.values()) == [
            "Its name has more than 1,000 characters.",
            "Its name is not valid UTF-8.",
        ]
        assert all(len(name) <= 1000 for name in sync.faults)

    def test_hidden_temporary_and_program_files_are_left_out(self, source: FolderSource, sync: SmallSync) -> None:
        names = (".hidden.md", ".git/a.md", "~$a.docx", "a.md~", "a.tmp", "a.crdownload", "a.exe", "a.rar", "Thumbs.db")
        for name in (*names, "a.md", "drafts/b.md", "notes/c.txt"):
            source.put(name, "text")
        sync.run(source.connector(exclude=["drafts"], include=["*.md", "notes/**"]))
        assert set(sync.texts) == {"a.md", "notes/c.txt"}

    def test_an_unreadable_folder_makes_nothing_look_deleted(self, source: FolderSource, sync: SmallSync) -> None:
        source.put("a.md", "The apple is red.")
        source.put("d/b.md", "The pear is green.")
        sync.run(source.connector())
        source.delete("a.md")
        # Root reads everything; a name that no call accepts stands for a folder that cannot be opened.
        walk = os.scandir
        connector = source.connector()
        if os.geteuid() != 0:
            (source.root / "d").chmod(0)
            sync.run(connector)
            (source.root / "d").chmod(0o755)
        else:
            with pytest.MonkeyPatch.context() as patch:
                patch.setattr(os, "scandir", lambda handle: _refusing(walk, handle, source.root / "d"))
                sync.run(connector)
        assert not connector.lists_everything
        assert set(sync.texts) == {"a.md", "d/b.md"}
        assert sync.faults == {"d": "The server may not read it."}

    def test_an_unreadable_folder_hides_none_of_its_neighbours(self, source: FolderSource, sync: SmallSync) -> None:
        for name in ("c/a.md", "d/b.md", "d/inner/c.md", "e/d.md"):
            source.put(name, "text")
        with closed(source.root / "d" / "inner"):
            sync.run(source.connector())
        assert set(sync.texts) == {"c/a.md", "d/b.md", "e/d.md"}
        assert sync.faults == {"d/inner": "The server may not read it."}

    @pytest.mark.parametrize("shut", ["d", "."])
    def test_what_was_listed_below_a_folder_that_was_closed_is_for_nobody_any_more(
        self, source: FolderSource, sync: SmallSync, shut: str
    ) -> None:
        source.root.chmod(0o755)
        for name in ("a.md", "d/b.md", "d/inner/c.md"):
            source.put(name, "text")
        sync.run(source.connector(grants_from="posix_group"))
        assert {item.grants for item in sync.items.values()} == {("everyone",)}
        below = {"d/b.md", "d/inner/c.md"} | ({"a.md"} if shut == "." else set())
        for _ in range(2):  # the second listing still knows what it cannot see
            with closed(source.root / shut):
                connector = source.connector(grants_from="posix_group")
                batches = list(connector.changes(sync.cursor))
                listed = {item.external_id: item for batch in batches for item in batch.items}
                assert {name: listed[name].grants for name in below} == dict.fromkeys(below, ())
                assert not connector.lists_everything
                sync.folder.mkdir(exist_ok=True)
                with pytest.raises(ItemError, match="may not read"):
                    connector.fetch(listed["d/b.md"], sync.folder, known_revision=sync.items["d/b.md"].revision)
            sync.cursor = batches[-1].cursor
        sync.run(source.connector(grants_from="posix_group"))
        assert set(sync.texts) == {"a.md", "d/b.md", "d/inner/c.md"}
        assert not sync.fetched

    def test_a_folder_that_fails_though_it_is_open_takes_nobodys_grants(
        self, source: FolderSource, sync: SmallSync, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        source.root.chmod(0o755)
        source.put("d/b.md", "text")
        sync.run(source.connector(grants_from="posix_group"))
        scandir, path = os.scandir, source.root / "d"
        monkeypatch.setattr(os, "scandir", lambda handle: _refusing(scandir, handle, path))
        batches = list(source.connector(grants_from="posix_group").changes(sync.cursor))
        assert [batch.items for batch in batches] == [()]
        assert batches[0].cursor == sync.cursor

    def test_names_of_another_folder_do_not_count(self, source: FolderSource, sync: SmallSync) -> None:
        source.put("d/b.md", "text")
        sync.run(source.connector(grants_from="posix_group"))
        source.root.rename(source.folder / "old")
        (source.folder / "new" / "d").mkdir(parents=True)
        with closed(source.folder / "new" / "d"):
            connector = source.connector(path=str(source.folder / "new"), grants_from="posix_group")
            assert [batch.items for batch in connector.changes(sync.cursor)] == [()]

    @pytest.mark.parametrize("cursor", ["", "no cursor", "bm8gemxpYg==", "eJwrqUhSSEosAgALUgMA", None])
    def test_a_cursor_that_cannot_be_read_is_none(self, source: FolderSource, cursor: str | None) -> None:
        source.put("a.md", "text")
        (batch,) = source.connector(grants_from="posix_group").changes(cursor)
        assert [item.external_id for item in batch.items] == ["a.md"]

    def test_a_file_that_is_closed_or_too_large_is_listed_with_its_readers_and_cannot_be_fetched(
        self, source: FolderSource, sync: SmallSync, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        source.root.chmod(0o755)
        source.put("closed.md", "text")
        source.put("large.md", "x" * 200_000)
        for name in ("closed.md", "large.md"):
            (source.root / name).chmod(0)
        connector = source.connector(grants_from="posix_group")
        (batch,) = connector.changes(None)
        assert [(item.external_id, item.grants) for item in batch.items] == [("closed.md", ()), ("large.md", ())]
        (source.root / "large.md").chmod(0o600)
        opened = os.open
        monkeypatch.setattr(os, "open", lambda path, *more, **by_name: _open(opened, path, *more, **by_name))
        sync.folder.mkdir()
        for item, words in zip(batch.items, ("may not read", "MiB"), strict=True):
            with pytest.raises(ItemError, match=words):
                connector.fetch(item, sync.folder, known_revision=None)

    def test_posix_groups_become_grants(self, source: FolderSource, sync: SmallSync) -> None:
        for name in ("open.md", "closed.md", "group.md", "inner/open.md"):
            source.put(name, "text")
        (source.root / "open.md").chmod(0o644)
        (source.root / "closed.md").chmod(0o600)
        (source.root / "group.md").chmod(0o640)
        (source.root / "inner").chmod(0o750)
        source.root.chmod(0o755)
        sync.run(source.connector(grants_from="posix_group"))
        group = f"group:{source.root.group()}"
        assert {name: item.grants for name, item in sync.items.items()} == {
            "open.md": ("everyone",),
            "closed.md": (),
            "group.md": (group,),
            "inner/open.md": (group,),
        }

    def test_a_change_wakes_those_who_watch(self, source: FolderSource) -> None:
        stop = threading.Event()
        watching = changed_folders({"handbook": source.root, "gone": source.folder / "gone"}, stop=stop, settle_ms=50)
        seen = threading.Event()

        def write() -> None:  # again and again: what changes before the operating system watches wakes nobody
            for number in itertools.count():
                if seen.wait(0.5):
                    return
                source.put("a.md", f"The apple is red, text {number}.")

        writer = threading.Thread(target=write)
        writer.start()
        try:
            assert next(names for names in watching if names) == {"handbook"}
        finally:
            seen.set()
            writer.join()
            stop.set()
            assert list(watching) in ([], [frozenset()])


@contextmanager
def closed(folder: Path) -> Iterator[None]:
    """A folder that its owner shut. Root opens it all the same, so looking into it is refused here."""
    scandir, mode = os.scandir, folder.stat().st_mode
    folder.chmod(0)
    with pytest.MonkeyPatch.context() as patch:
        if os.geteuid() == 0:
            patch.setattr(os, "scandir", lambda handle: _refusing(scandir, handle, folder))
        try:
            yield
        finally:
            folder.chmod(mode)


def _open(opened: Callable[..., int], path: str | Path, *more: object, **by_name: object) -> int:
    if path == "closed.md":
        raise PermissionError(13, "Permission denied", path)
    return opened(path, *more, **by_name)


def _refusing(scandir: object, handle: object, path: Path) -> object:
    if isinstance(handle, int) and os.path.samestat(os.fstat(handle), path.stat()):
        raise PermissionError(13, "Permission denied", str(path))
    return scandir(handle)  # type: ignore[operator]


class MboxSource(Source):
    """Messages written by the standard library, as mail programs write them."""

    kind = "mbox"

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.path = folder / "archive.mbox"
        self.path.touch()
        self.messages: dict[str, EmailMessage] = {}

    def options(self) -> dict[str, object]:
        return {"path": str(self.path)}

    def put(self, name: str, text: str) -> None:
        self.messages[name] = a_message(name, text)
        self._write()

    def delete(self, name: str) -> None:
        del self.messages[name]
        self._write()

    def move(self, name: str, to: str) -> None:
        """Within the mailbox: to its end."""
        self.messages[to] = self.messages.pop(name)
        self._write()

    def take_down(self) -> None:
        self.path.rename(self.folder / "elsewhere")

    def id_of(self, name: str) -> str:
        message = self.messages.get(name) or a_message(name, "")
        return str(message["Message-ID"]).strip("<>")

    def _write(self) -> None:
        self.path.unlink()
        box = mailbox.mbox(self.path)
        for message in self.messages.values():
            box.add(message)
        box.close()


def a_message(
    name: str, text: str, *, reply_to: str | None = None, sender: str = "Ann Lee <ann@x.example>"
) -> EmailMessage:
    """A message whose Message-ID is made from a file name."""
    message = EmailMessage()
    message["Subject"] = f"About {name}"
    message["From"] = sender
    message["To"] = "bob@x.example"
    message["Date"] = "Tue, 05 Nov 2024 10:00:00 +0000"
    message["Message-ID"] = f"<{name.encode().hex()}@x.example>"
    if reply_to is not None:
        message["References"] = f"<{reply_to}>"
    message.set_content(text + "\n")
    return message


class TestMbox(ConnectorContract):
    batches = "ingest.connectors.mbox"

    @pytest.fixture
    def source(self, tmp_path: Path) -> Iterator[Source]:
        yield from closing(MboxSource(tmp_path))

    def test_a_reply_stands_with_its_thread_and_titles_say_who_and_when(
        self, source: MboxSource, sync: SmallSync
    ) -> None:
        first = a_message("first", "Shall we meet?")
        source.messages["first"] = first
        reply = a_message("second", "Yes.", reply_to=str(first["Message-ID"]).strip("<>"))
        source.messages["second"] = reply
        source._write()
        sync.run(source.connector())
        thread = str(first["Message-ID"]).strip("<>")
        own = str(reply["Message-ID"]).strip("<>")
        assert set(sync.items) == {thread, f"{thread} {own}"}
        assert sync.items[thread].title == "About first · Ann Lee · 2024-11-05"
        assert sync.items[thread].file_name.endswith(".eml")

    def test_lines_that_begin_with_from_come_back_as_they_were(self, source: MboxSource, sync: SmallSync) -> None:
        source.put("a", "From here on.\n\nFrom there on.\n>From quoted.")
        source.put("b", "The pear.")
        sync.run(source.connector())
        text = sync.texts[source.id_of("a")].decode()
        assert "\nFrom here on." in text
        assert "\nFrom there on." in text
        assert len(sync.texts) == 2

    def test_a_message_that_claims_a_known_id_replaces_nothing(self, source: MboxSource, sync: SmallSync) -> None:
        source.put("a", "Pay to account 1.")
        sync.run(source.connector())
        source.messages["forged"] = a_message("a", "Pay to account 666.")
        source._write()
        sync.run(source.connector())
        assert b"account 1." in sync.texts[source.id_of("a")]
        assert len(sync.texts) == 2
