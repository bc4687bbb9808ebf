"""Backup and restore over the objects that the settings name. Knows nothing of the command line."""

from contextlib import closing
from importlib.metadata import version
from pathlib import Path

from ingest.sandbox import ParseLimits, ParseSandbox
from retrieval.errors import ConflictError, NotFoundError, UnavailableError
from services.audit_notes import AuditNotes
from services.auditing.findings import Report
from services.backup.archive import ArchiveReader
from services.backup.restoring import put_back, read
from services.backup.taking import Taken, Told, take
from services.db.activation import Activation
from services.db.audit_log import AuditLog
from services.db.dump import count_documents
from services.db.work import Work
from services.embedded.addresses import found
from services.settings import Settings
from services.wiring.auditing import verification
from services.wiring.core import Core
from services.wiring.operating import operating
from services.wiring.search import engines
from services.worker.jobs import JobRunner


def back_up(settings: Settings, file: Path, told: Told) -> Taken:
    """Take a backup. Raises NotFoundError, UnavailableError, ConflictError; then there is no file."""
    if "database_url" not in settings.model_fields_set and not (settings.data_dir / "db.sqlite3").is_file():
        message = f"There is no Footnote in {settings.data_dir}. Name its directory with --data-dir."
        raise NotFoundError(message, code="no_installation")
    with operating(settings) as ours, closing(Core(ours)) as core:
        _note_backup(core)
        return take(
            file,
            database=core.database,
            blobs=core.blobs,
            collection=engines(core).collection,
            release=version("footnote"),
            told=told,
        )


def _note_backup(core: Core) -> None:
    """All there is is read; on a full disk it is all the same."""
    notes = AuditNotes(AuditLog(core.database))
    notes.add("sensitive_read", act="backup")
    notes.close()


def restore(settings: Settings, file: Path, *, replace: bool, told: Told) -> tuple[ArchiveReader, Report]:
    """Put a backup back and have it audited and mended; the backup, and the auditor's last word.

    What the backup lacks is ingested here, so that no worker is needed. Raises NotFoundError, InvalidInputError and
    ConflictError before anything is changed.
    """
    if found(settings.data_dir) is not None:
        raise ConflictError(
            f"Footnote runs on {settings.data_dir}: stop it, then restore.", code="data_directory_in_use"
        )
    reader = read(file, told)
    with operating(settings) as ours, closing(Core(ours)) as core:
        put_back(
            reader,
            database=core.database,
            blobs=core.blobs,
            collection=engines(core).collection,
            replace=replace,
            told=told,
        )
        return reader, _mended(core, told)


def _mended(core: Core, told: Told) -> Report:
    """Audit what was put back; what the backup lacks is ingested by this process."""
    generations = engines(core)
    with ParseSandbox(ParseLimits()) as sandbox:
        runner = JobRunner(
            queue=core.jobs,
            activation=Activation(core.database),
            work=Work(core.database),
            blobs=core.blobs,
            parser=sandbox,
            engines=generations,
            ring=lambda _: None,
            name="restore",
        )

        def ring(job_ids: list[str]) -> None:
            for job_id in job_ids:
                runner.run(job_id)

        audit = verification(core, generations, ring=ring)
        for event in audit.repair() if count_documents(core.database) else audit.look():
            if isinstance(event, Report):
                return event
            told("Auditing" if event.stage != "repair" else "Repairing", event.done, event.total or event.done)
    raise UnavailableError("The audit ended without a report.")
