"""What the API needs. Knows nothing of HTTP."""

from pathlib import Path

from retrieval.retriever import Retriever
from retrieval.searching import Searches
from services.api.dependencies import Parts
from services.api.kept import Kept
from services.api.left_out import LeftOuts
from services.api.limiter import Limiter, Limits
from services.api.open_answers import OpenAnswers
from services.api.scrape import Scrape
from services.audit_notes import AuditNotes
from services.counter_sharing import CounterSharing
from services.db.accounts import Accounts
from services.db.audit_log import AuditLog
from services.db.conversations import Conversations
from services.db.data_sources import DataSources
from services.db.documents import Documents
from services.db.ended import EndedJobs
from services.db.keys import Keys
from services.db.registry import SqlRegistry
from services.db.source_items import SourceItems
from services.db.status import Status
from services.window_counters import WindowCounters
from services.wiring.answerer import answerer
from services.wiring.auditing import verification
from services.wiring.core import Core
from services.wiring.search import engines, reranker
from services.wiring.single_sign_on import access_tokens, sign_in_provider, single_sign_on
from services.wiring.sync import Connectors

WEB = Path(__file__).parents[2] / "web" / "dist"


def api_parts(core: Core) -> Parts:
    """Everything that routes call."""
    settings, database = core.settings, core.database
    generations = engines(core)
    generations.active()  # the model is loaded before the first question comes
    generations.follow(core.closed)
    registry = SqlRegistry(database)
    status = Status(database)
    # Many look at the same figures every two seconds.
    figures = Kept(status.figures, seconds=1.0)
    audit_log = AuditLog(database)
    notes = AuditNotes(audit_log, questions=settings.audit_questions)
    provider = sign_in_provider(core)
    retriever = Retriever(generations.snapshot, registry, reranker=reranker(settings))
    return Parts(
        accounts=Accounts(database),
        keys=Keys(database),
        documents=Documents(database),
        data_sources=DataSources(database),
        source_items=SourceItems(database),
        check_connector=Connectors(settings).check,
        conversations=Conversations(database),
        registry=registry,
        status=status,
        figures=figures,
        scrape=Scrape(figures=figures, ended=EndedJobs(database)),
        blobs=core.blobs,
        originals_answer=Kept(core.blobs.answers, seconds=10.0),
        left_out=LeftOuts(core.blobs),
        index=generations.index,
        verification=verification(core, generations),
        searches=Searches(retriever, most=settings.max_searching),
        answerer=answerer(settings, retriever),
        open_answers=OpenAnswers(most=settings.max_answers, searching=settings.max_searching),
        doorbell=core.doorbell,
        single_sign_on=single_sign_on(core, provider),
        access_tokens=access_tokens(core, provider),
        local_sign_in=settings.local_sign_in,
        limiter=_limiter(core, notes),
        audit_log=audit_log,
        audit_notes=notes,
        public_url=settings.public_url,
        max_upload_bytes=settings.max_upload_bytes,
        web=WEB if (WEB / "index.html").is_file() else None,
        model_name=settings.llm_model if settings.llm_url else None,
    )


def _limiter(core: Core, notes: AuditNotes) -> Limiter:
    settings, counters = core.settings, WindowCounters()
    CounterSharing(counters, core.broker_url).follow(core.closed)
    limits = Limits(
        user_requests=settings.user_requests_per_minute,
        key_requests=settings.key_requests_per_minute,
        user_questions=settings.user_questions_per_minute,
        key_questions=settings.key_questions_per_minute,
        address_failures=settings.address_failures_per_minute,
    )
    return Limiter(counters, limits, exceeded=notes.rate_limited)
