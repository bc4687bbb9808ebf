"""Any LlamaIndex reader as a data source: a listing runs it, and keeps what it returns in files until the next batch.

A reader that can list its resources with a date of change is asked for the changed ones only. Readers open connections
and files of their own, so the operator names the classes that may run. Knows nothing of particular readers.
"""

import importlib
import json
import shutil
import tempfile
from collections.abc import Iterable, Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any

from ingest.connectors.contract import Batch, ConnectorError, Fetched, Item, ItemError, ItemGoneError
from ingest.connectors.names import file_name_of, shown_id, why_no_id
from ingest.connectors.options import LlamaIndexOptions
from ingest.connectors.policy import ConnectorPolicy
from ingest.connectors.reader_documents import ReaderFile, date_of, reader_file
from retrieval.errors import ForbiddenError

BATCH = 50
_CHANGE = ("modif", "updat", "edited", "version", "etag", "hash", "revision")


def imported(path: str, *, package: str) -> Any:
    """A class by its dotted path. Raises ConnectorError that names the package to install."""
    module, _, name = path.rpartition(".")
    try:
        return getattr(importlib.import_module(module), name)
    except ImportError as error:
        raise ConnectorError(
            f"This kind of data source needs {package}: install footnote[connectors], or that package."
        ) from error
    except AttributeError as error:
        raise ConnectorError(f"{module} has no {name}.") from error


def write_markdown(path: Path, item: Item, text: str, *, max_bytes: int) -> None:
    """Write a page's text below its title. Raises ItemError where it is larger than allowed."""
    content = f"# {item.title}\n\n{text}\n".encode("utf-8", "replace")
    if len(content) > max_bytes:
        raise ItemError(f"The page has {len(content) / 2**20:,.4g} MiB; at most {max_bytes / 2**20:,.4g} are read.")
    path.write_bytes(content)


class LlamaIndexConnector:
    """Every run names all that the reader returns."""

    def __init__(self, options: LlamaIndexOptions, policy: ConnectorPolicy) -> None:
        self.lists_everything = False
        if options.reader not in policy.reader_classes:
            raise ForbiddenError(f"The operator does not allow the reader {options.reader}.", code="reader_refused")
        self._options = options
        self._max_bytes = policy.max_item_bytes
        policy.work_dir.mkdir(parents=True, exist_ok=True)
        self._folder = Path(tempfile.mkdtemp(prefix="reader-", dir=policy.work_dir))
        self._reader: Any = None
        self._held: dict[str, tuple[Path, Item]] = {}

    def close(self) -> None:
        shutil.rmtree(self._folder, ignore_errors=True)

    def changes(self, cursor: str | None) -> Iterator[Batch]:
        self.lists_everything = False
        items: list[Item] = []
        failed: list[tuple[str, str]] = []
        named: set[str] = set()
        for found in self._resources() if self._lists_resources() else self._documents():
            item = self._held_item(found) if isinstance(found, ReaderFile) else found
            if item.external_id in named:
                failed.append((shown_id(item.external_id), "The reader returned two documents of this id."))
            elif (reason := why_no_id(item.external_id)) is not None:
                failed.append((shown_id(item.external_id), reason))
            else:
                named.add(item.external_id)
                items.append(item)
            if len(items) + len(failed) >= BATCH:
                yield Batch(tuple(items), failed=tuple(failed))
                items, failed = [], []
                self._drop_held()
        self.lists_everything = True
        yield Batch(tuple(items), failed=tuple(failed))
        self._drop_held()

    def fetch(self, item: Item, folder: Path, *, known_revision: str | None) -> Fetched | None:
        if item.revision == known_revision:
            return None
        path = folder / item.file_name
        if item.external_id in self._held:
            held, listed = self._held.pop(item.external_id)
            shutil.move(held, path)
        elif self._lists_resources():
            listed = item
            path.write_bytes(self._resource(item.external_id))
        else:
            found = next((file for file in self._documents() if file.item.external_id == item.external_id), None)
            if found is None:
                raise ItemGoneError("The reader no longer returns this document.")
            listed = found.item
            path.write_bytes(found.content)
        if path.stat().st_size > self._max_bytes:
            raise ItemError(f"The document has more than {self._max_bytes / 2**20:,.4g} MiB.")
        return Fetched(path, listed)

    def _held_item(self, found: ReaderFile) -> Item:
        if found.item.external_id not in self._held:
            path = self._folder / str(len(self._held))
            path.write_bytes(found.content)
            self._held[found.item.external_id] = (path, found.item)
        return found.item

    def _drop_held(self) -> None:
        for path, _ in self._held.values():
            path.unlink(missing_ok=True)
        self._held = {}

    def _documents(self) -> Iterator[ReaderFile]:
        """Everything the reader returns, one by one where it can. Raises ConnectorError."""
        reader, arguments = self._made(), self._options.load
        for document in _guarded(_returned(reader, arguments), self._options.reader):
            yield reader_file(document, id_field=self._options.id_field)

    def _lists_resources(self) -> bool:
        mixin = imported("llama_index.core.readers.base.ResourcesReaderMixin", package="llama-index-core")
        return isinstance(self._made(), mixin) and not self._options.load

    def _resources(self) -> Iterator[Item | ReaderFile]:
        """What there is, as items where a resource tells when it changed, else loaded."""
        reader = self._made()
        for resource in _guarded((str(found) for found in reader.list_resources()), self._options.reader):
            information = next(_guarded(iter([reader.get_resource_info(resource)]), self._options.reader))
            told = {key: value for key, value in information.items() if any(word in key.lower() for word in _CHANGE)}
            if not told:
                content = self._resource(resource)
                item = Item(resource, sha256(content).hexdigest(), _resource_name(resource))
                yield ReaderFile(item, content)
                continue
            revision = sha256(json.dumps(information, sort_keys=True, default=str).encode()).hexdigest()
            date = next((date for value in told.values() if (date := date_of(str(value))) is not None), None)
            yield Item(resource, revision, _resource_name(resource), modified_at=date)

    def _resource(self, resource: str) -> bytes:
        reader = self._made()
        try:
            documents = reader.load_resource(resource)
        except FileNotFoundError as error:
            raise ItemGoneError("The resource is gone.") from error
        except Exception as error:
            raise ItemError(f"The reader cannot load it: {_said(error)}") from error
        return "\n\n".join(document.text for document in documents).encode("utf-8", "replace")

    def _made(self) -> Any:
        if self._reader is None:
            options = self._options
            reader_class = imported(options.reader, package=options.reader.rpartition(".")[0])
            arguments = dict(options.init)
            if options.secret_argument is not None and options.secret is not None:
                arguments[options.secret_argument] = options.secret.get_secret_value()
            try:
                self._reader = reader_class(**arguments)
            except Exception as error:
                raise ConnectorError(f"The reader {options.reader} cannot be made: {_said(error)}") from error
        return self._reader


def _returned(reader: Any, arguments: dict[str, Any]) -> Iterator[Any]:
    """Lazily where the reader can; the base class says by NotImplementedError that it cannot."""
    try:
        documents: Iterable[Any] = reader.lazy_load_data(**arguments)
    except NotImplementedError:
        documents = reader.load_data(**arguments)
    yield from documents


def _guarded(documents: Iterator[Any], name: str) -> Iterator[Any]:
    """A reader may raise anything; whatever it is, the data source cannot be read now."""
    while True:
        try:
            document = next(documents)
        except StopIteration:
            return
        except Exception as error:
            raise ConnectorError(f"The reader {name} failed: {_said(error)}") from error
        yield document


def _resource_name(resource: str) -> str:
    name = file_name_of(resource.rpartition("/")[2])
    return name if name.lower().endswith((".md", ".txt")) else file_name_of(name + ".txt", suffix=".txt")


def _said(error: Exception) -> str:
    return f"{type(error).__name__}: {str(error)[:300]}"
