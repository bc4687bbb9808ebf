"""What `footnote reindex` needs on the machine that it runs on. Knows nothing of its options."""

import os
import socket
import uuid
from collections.abc import Iterator
from contextlib import closing, contextmanager
from functools import partial
from pathlib import Path

from ingest.sandbox import ParseLimits, ParseSandbox
from retrieval.errors import IndexUnavailableError, NotFoundError
from services.reindexing.reindexer import Reindexer, Told
from services.reindexing.texts import Texts
from services.settings import Settings, without_password
from services.wiring.core import Core
from services.wiring.operating import operating
from services.wiring.search import engines, reranker


@contextmanager
def reindexer(settings: Settings, told: Told) -> Iterator[Reindexer]:
    """Over the parts that run for these settings, or over this machine's own index while nothing runs."""
    file = settings.database_url.removeprefix("sqlite:///")
    if file != settings.database_url and not Path(file).is_file():
        message = f"There is no Footnote in {settings.data_dir}. Name its directory with --data-dir."
        raise NotFoundError(message, code="no_installation")
    with operating(settings) as ours, closing(Core(ours)) as core, ParseSandbox(ParseLimits()) as sandbox:
        try:
            yield Reindexer(
                database=core.database,
                engines=engines(core),
                texts=Texts(core.blobs, sandbox.parse),
                owner=f"{socket.gethostname()}:{os.getpid()}:{uuid.uuid4().hex[:8]}",
                default_model=ours.embedding_model,
                told=told,
                reranker=partial(reranker, ours),
            )
        except IndexUnavailableError as error:
            address = without_password(ours.index_url)
            message = f"The search index does not answer at {address}: start it, then run this again."
            raise IndexUnavailableError(message) from error
