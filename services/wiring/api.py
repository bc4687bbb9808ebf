"""What the API needs. Knows nothing of HTTP."""

from pathlib import Path

from retrieval.retriever import Retriever
from services.api.dependencies import Parts
from services.api.limiter import Limiter
from services.db.accounts import Accounts
from services.db.conversations import Conversations
from services.db.documents import Documents
from services.db.keys import Keys
from services.db.registry import SqlRegistry
from services.db.status import Status
from services.wiring.answerer import answerer
from services.wiring.core import Core
from services.wiring.search import chunk_index, embedder

WEB = Path(__file__).parents[2] / "web" / "dist"


def api_parts(core: Core) -> Parts:
    """Everything that routes call."""
    settings, database = core.settings, core.database
    model = embedder(settings)
    index = chunk_index(settings, model.dimension)
    registry = SqlRegistry(database)
    retriever = Retriever(index, model, registry)
    return Parts(
        accounts=Accounts(database),
        keys=Keys(database),
        documents=Documents(database),
        conversations=Conversations(database),
        registry=registry,
        jobs=core.jobs,
        status=Status(database),
        blobs=core.blobs,
        index=index,
        retriever=retriever,
        answerer=answerer(settings, retriever, model),
        doorbell=core.doorbell,
        sign_in_limiter=Limiter(limit=10, seconds=60.0),
        public_url=settings.public_url,
        max_upload_bytes=settings.max_upload_bytes,
        web=WEB if (WEB / "index.html").is_file() else None,
        model_name=settings.llm_model if settings.llm_url else None,
    )
