"""The `footnote` command: operators' verbs here, the REST verbs of `ingest/cli.py` beside them.

Knows nothing of how the processes work: each verb reads the settings, wires the parts and runs them. Some imports stand
in the verbs, because each process should carry only its own libraries and `footnote --help` none of them.
"""

import os
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from json import dumps
from pathlib import Path
from typing import Annotated, Any

import structlog
import typer
from pydantic import ValidationError

from ingest.cli import register
from retrieval.errors import FootnoteError, LocalFaultError, NotFoundError
from services.acting import act_as_command
from services.garbage import collect_less, settle
from services.settings import Settings, model_name, unknown_variables
from services.telemetry import configure_audit_logging, configure_logging

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)
DataDir = Annotated[Path | None, typer.Option("--data-dir", help="Where everything is kept (default: ./.footnote).")]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON document.")]
FAILED, WRONG_USAGE, UNREACHABLE, PARTLY_DONE = 1, 2, 3, 4
# The errors of a server that does not answer. Others of their kind, such as a full disk, are just failures.
SERVER_AWAY = frozenset(
    {"database_unavailable", "index_unavailable", "storage_unavailable", "embedding_unavailable", "model_unavailable"}
)
_log = structlog.get_logger(__name__)


def main() -> None:
    """Entry point: our own errors become one line and exit code 1, or 3 where a server does not answer."""
    collect_less()
    try:
        app()
    except FootnoteError as error:
        print(error.message, file=sys.stderr)
        away = error.code in SERVER_AWAY and not isinstance(error, LocalFaultError)
        sys.exit(UNREACHABLE if away else FAILED)


@app.callback()
def footnote(ctx: typer.Context) -> None:
    """An assistant over your own documents, with every sentence's citation checked."""
    act_as_command(ctx.invoked_subcommand or "")
    if ctx.invoked_subcommand != "eval":  # which writes a file that is for others too
        ctx.with_resource(_private_files())


@app.command()
def up(
    *,
    data_dir: DataDir = None,
    host: Annotated[str | None, typer.Option(help="Address to listen on (default: 127.0.0.1).")] = None,
    port: Annotated[int | None, typer.Option(help="Port to listen on (default: 8000).")] = None,
    llm_url: Annotated[str | None, typer.Option(help="An OpenAI-compatible server, such as vLLM, up to /v1.")] = None,
    llm_model: Annotated[str | None, typer.Option(help="The model's name there.")] = None,
    sample: Annotated[bool, typer.Option("--sample", help="Load the sample company.")] = False,
) -> None:
    """Run the whole assistant on this machine. Ctrl-C stops it.

    Example: footnote up --llm-url http://gpu-node:8000/v1 --llm-model llama-3.1
    """
    from services.embedded.up import run_all  # noqa: PLC0415

    given = {"data_dir": data_dir, "host": host, "port": port, "llm_url": llm_url, "llm_model": llm_model}
    settings = _settings(**given)
    if settings.lacks_public_url:
        print(
            f"FOOTNOTE_PUBLIC_URL is not set, but other machines can reach {settings.host}: sign-in links say"
            f" {settings.public_url}, and cookies are not Secure. Set it to the address under which people reach the"
            " app, with https.",
            file=sys.stderr,
        )
    raise typer.Exit(run_all(settings, sample=sample))


@app.command()
def api() -> None:
    """Run the API and the web app: one process, for production.

    Example: FOOTNOTE_DATABASE_URL=postgresql+psycopg://… footnote api
    """
    from services.api.serve import serve  # noqa: PLC0415
    from services.wiring.api import api_parts  # noqa: PLC0415
    from services.wiring.core import Core  # noqa: PLC0415

    settings = _logged_settings("api")
    if settings.lacks_public_url:
        _log.warning(
            "public_url_not_set",
            host=settings.host,
            sign_in_links=settings.public_url,
            secure_cookies=False,
            next="set FOOTNOTE_PUBLIC_URL to the address under which people reach the app, with https",
        )
    core = Core(settings)
    core.migrate()
    serve(
        api_parts(core),
        close=core.close,
        host=settings.host,
        port=settings.port,
        drain_seconds=settings.drain_seconds,
        proxies=settings.proxies,
    )


@app.command()
def worker() -> None:
    """Run a worker, which ingests documents: one process with children, for production.

    Example: FOOTNOTE_WORKER_CONCURRENCY=4 footnote worker
    """
    from services.queue import celery_app  # noqa: PLC0415
    from services.wiring.core import Core, for_worker_child  # noqa: PLC0415
    from services.wiring.worker import job_runner  # noqa: PLC0415
    from services.worker import tasks  # noqa: PLC0415

    settings = _logged_settings("worker")
    core = Core(settings)
    celery = celery_app(core.broker_url)
    tasks.register(celery, lambda stopping: job_runner(for_worker_child(settings), stopping))
    tasks.serve(
        celery,
        concurrency=settings.worker_concurrency,
        log_level=settings.log_level,
        waiting=core.doorbell.waiting,
    )


@app.command()
def scheduler() -> None:
    """Run the scheduler: it finds forgotten work, syncs data sources, watches the index, clears originals away.

    Example: footnote scheduler
    """
    from services.wiring.auditing import clearing, watch  # noqa: PLC0415
    from services.wiring.core import Core, audit_retention  # noqa: PLC0415
    from services.wiring.sync import background  # noqa: PLC0415
    from services.worker.reconciler import Reconciler, stop_on_signals  # noqa: PLC0415

    settings = _logged_settings("scheduler")
    core, stop = Core(settings), stop_on_signals()
    runs = (*background(core), clearing(core).run, audit_retention(core).run)
    threads = [threading.Thread(target=run, args=(stop,)) for run in runs]
    for thread in threads:
        thread.start()
    # A repair may wait for minutes: it is no reason to stop later.
    threading.Thread(target=watch(core).run, args=(stop,), name="watch", daemon=True).start()
    settle()
    try:
        Reconciler(core.jobs, core.doorbell).run(stop)
    finally:
        stop.set()
        for thread in threads:
            thread.join()
        core.close()


@app.command(hidden=True)
def sync(
    data_source_id: str,
    attached: Annotated[bool, typer.Option("--attached", help="Die when standard input closes.")] = False,
) -> None:
    """What the scheduler runs for each data source that is due."""
    from services.db.database import SMALL  # noqa: PLC0415
    from services.sync import child  # noqa: PLC0415
    from services.wiring.core import Core  # noqa: PLC0415
    from services.wiring.sync import sync_parts  # noqa: PLC0415

    if attached:
        child.attach()
    settings = _read_settings()
    configure_logging("sync", settings.log_level)
    configure_audit_logging()
    core = Core(settings, pool=SMALL)
    child.sync(sync_parts(core, data_source_id), data_source_id)
    core.close()


@app.command()
def migrate(data_dir: DataDir = None) -> None:
    """Bring the registry's tables up to this release. The API does it by itself when it starts.

    Refused where a newer release has brought them further already.

    Example: footnote migrate
    """
    from services.wiring.core import Core  # noqa: PLC0415

    configure_logging("migrate", "warning")
    core = Core(_settings(data_dir=data_dir))
    core.migrate(refuse_newer=True)
    core.close()


@app.command("sign-in")
def sign_in(
    email: Annotated[str | None, typer.Argument(help="Whose link (default: the first administrator's).")] = None,
    *,
    data_dir: DataDir = None,
    json: Json = False,
) -> None:
    """Print a link that signs somebody in once. For operators: it asks the registry, not the server.

    Example: footnote sign-in ann@example.com
    """
    from services.bootstrap import sign_in_url  # noqa: PLC0415
    from services.db.accounts import Accounts  # noqa: PLC0415
    from services.wiring.core import Core  # noqa: PLC0415

    configure_logging("sign-in", "warning")
    core = Core(_settings(data_dir=data_dir))
    accounts = Accounts(core.database)
    account = accounts.by_email(email) if email else accounts.any_admin()
    if account is None:
        raise NotFoundError("There is no administrator yet: start the API, or run footnote migrate.")
    url = sign_in_url(accounts, account, core.settings.public_url)
    print(dumps({"url": url}) if json else url)
    core.close()


@app.command("link-identity")
def link_identity(
    email: Annotated[str, typer.Argument(help="Whose account.")],
    subject: Annotated[str | None, typer.Argument(help="Who that is at the sign-in provider.")] = None,
    *,
    remove: Annotated[bool, typer.Option("--remove", help="Nobody there: a password serves again.")] = False,
    data_dir: DataDir = None,
) -> None:
    """Give an account to somebody at the sign-in provider, or with --remove to nobody. For operators.

    The subject is in the API's log, where it says oidc_email_taken. What the account had by another one ends: sessions,
    groups, the role of administrator. It asks the registry, not the server.

    Example: footnote link-identity ann@example.com 24400320-1dc2
    """
    from services.db.identities import Identities  # noqa: PLC0415
    from services.wiring.core import Core  # noqa: PLC0415

    if (subject is None) != remove:
        raise typer.BadParameter("Name the subject, or --remove.")
    configure_logging("link-identity", "warning")
    core = Core(_settings(data_dir=data_dir))
    if subject is None:
        Identities(core.database).unlink(email)
    elif not core.settings.oidc_issuer:
        raise NotFoundError("No sign-in provider is configured: set FOOTNOTE_OIDC_ISSUER.")
    else:
        Identities(core.database).link(email, issuer=core.settings.oidc_issuer, subject=subject)
    core.close()


@app.command("eval")
def evaluate(
    *,
    corpus: Annotated[Path | None, typer.Argument(help="A folder of documents.")] = None,
    questions: Annotated[Path | None, typer.Argument(help="A file of questions, one JSON object a line.")] = None,
    beir: Annotated[Path | None, typer.Option(help="A folder in BEIR's form instead.")] = None,
    split: Annotated[str, typer.Option(help="Which of its qrels.")] = "test",
    search_only: Annotated[bool, typer.Option("--search-only", help="Ask for no answers: faster.")] = False,
    each: Annotated[
        Path | None, typer.Option("--per-question", help="Write what each question got here, a JSON object a line.")
    ] = None,
    data_dir: DataDir = None,
    json: Json = False,
) -> None:
    """Score your own questions over your own documents, by the production code in an index of its own.

    Exit code 4: some documents could not be ingested.

    Example: footnote eval ./handbook questions.jsonl
    """
    from rich.console import Console  # noqa: PLC0415
    from rich.progress import Progress  # noqa: PLC0415

    from services.evaluation import evaluate_beir, evaluate_folder  # noqa: PLC0415
    from services.per_question import write  # noqa: PLC0415
    from services.score_table import progress_to, show  # noqa: PLC0415
    from services.wiring.scratch import scratch_assistant  # noqa: PLC0415

    if (beir is None) == (corpus is None or questions is None):
        raise typer.BadParameter("Name a folder and a file of questions, or --beir DIR.")
    configure_logging("eval", "error")
    console = Console(stderr=True)
    with (
        _private_files(),
        scratch_assistant(_settings(data_dir=data_dir)) as assistant,
        Progress(console=console, disable=not console.is_terminal) as bar,
    ):
        if beir is not None:
            found = evaluate_beir(assistant, beir, split, progress_to(bar))
        elif corpus is not None and questions is not None:
            found = evaluate_folder(assistant, corpus, questions, progress_to(bar), ask=not search_only)
    if each is not None:
        write(each, found.questions)
    show(found.scores, found.failures, as_json=json)
    raise typer.Exit(PARTLY_DONE if found.failures else 0)


@app.command()
def reindex(
    *,
    embedding_model: Annotated[
        str | None, typer.Option(help="A sentence-transformers model: a folder or a name (default: as set).")
    ] = None,
    chunk_tokens: Annotated[
        int | None, typer.Option(min=20, max=8000, help="Size of a passage (default: 200).")
    ] = None,
    questions: Annotated[Path | None, typer.Option(help="Compare on these questions, one JSON object a line.")] = None,
    no_switch: Annotated[bool, typer.Option("--no-switch", help="Build and compare only.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Switch even if the new one answers worse.")] = False,
    status: Annotated[bool, typer.Option("--status", help="List the generations.")] = False,
    abort: Annotated[bool, typer.Option("--abort", help="Drop what is being built.")] = False,
    rollback: Annotated[bool, typer.Option("--rollback", help="Go back to the generation before.")] = False,
    drop_old: Annotated[bool, typer.Option("--drop-old", help="Free the space of the generation before.")] = False,
    data_dir: DataDir = None,
    json: Json = False,
) -> None:
    """Build the search index anew, with another embedding model or passage size.

    Searches and ingestion go on in the old one; when the new one holds every
    document, it is switched to. Stopped or killed, the same command goes on
    where it was. With --questions both are asked the same questions first, and
    the new one must not answer worse beyond noise.

    Example: footnote reindex --embedding-model ./e5 --questions questions.jsonl
    """
    from services.reindexing.command import Options, run  # noqa: PLC0415
    from services.reindexing.report import telling  # noqa: PLC0415
    from services.wiring.reindexing import reindexer  # noqa: PLC0415

    embedding_model = model_name(embedding_model) if embedding_model else None
    options = Options(embedding_model, chunk_tokens, questions, no_switch, yes, status, abort, rollback, drop_old, json)
    if wrong := options.contradiction():
        raise typer.BadParameter(wrong)
    configure_logging("reindex", "error")
    with telling() as told, reindexer(_settings(data_dir=data_dir), told) as parts:
        code = run(parts, options)
    raise typer.Exit(code)


@app.command()
def backup(
    file: Annotated[Path, typer.Argument(help="Where to; a file of that name is replaced once the backup is whole.")],
    *,
    data_dir: DataDir = None,
    json: Json = False,
) -> None:
    """Write everything into one file, while everything runs on: registry, originals, index.

    The file holds documents and password hashes and is readable by its owner only. Values of data sources' secrets, and
    settings, are not in it. Exit code 4: some stored files were gone already.

    Example: footnote backup /backups/footnote-monday.tar
    """
    from services.backup.report import bar, show_taken  # noqa: PLC0415
    from services.wiring.backup import back_up  # noqa: PLC0415

    configure_logging("backup", "error")
    with bar() as told:
        taken = back_up(_settings(data_dir=data_dir), file, told)
    show_taken(file, taken, as_json=json)
    raise typer.Exit(PARTLY_DONE if taken.absent else 0)


@app.command()
def restore(
    file: Annotated[Path, typer.Argument(help="What footnote backup wrote.")],
    *,
    replace: Annotated[bool, typer.Option("--replace", help="Throw away what is here already.")] = False,
    data_dir: DataDir = None,
    json: Json = False,
) -> None:
    """Put a backup back into a fresh installation, and audit it. Stop Footnote first: API, workers and scheduler.

    Every sum is checked before anything is changed. SQLite and PostgreSQL are interchangeable. What the backup lacks of
    the index is made again from the originals. Sessions and sign-in links are not restored: people sign in anew.

    Example: footnote restore /backups/footnote-monday.tar --data-dir ./.footnote
    """
    from services.backup.report import bar, show_restored  # noqa: PLC0415
    from services.wiring.backup import restore as put_back  # noqa: PLC0415

    configure_logging("restore", "error")
    with bar() as told:
        reader, report = put_back(_settings(data_dir=data_dir), file, replace=replace, told=told)
    show_restored(reader, report, as_json=json)
    raise typer.Exit(0 if report.clean else FAILED)


@app.command(hidden=True)
def prepare() -> None:
    """What `footnote up` does before its parts start: tables, administrator, this machine's key, the model."""
    from retrieval.converted import is_made  # noqa: PLC0415
    from services.bootstrap import command_line_key, first_admin  # noqa: PLC0415
    from services.db.accounts import Accounts  # noqa: PLC0415
    from services.db.generations import Generations  # noqa: PLC0415
    from services.wiring.core import Core, model_cache  # noqa: PLC0415

    settings = _read_settings()
    core = Core(settings)
    core.migrate()
    account, _ = first_admin(Accounts(core.database), settings.admin_email)
    command_line_key(core.database, account, settings.data_dir, settings.public_url)
    model = Generations(core.database).current().generation.embedding_model
    core.close()
    if not is_made(model_cache(settings, model)):
        from services.wiring.search import embedder  # noqa: PLC0415

        embedder(settings, model)


@app.command()
def settings(json: Json = False) -> None:
    """List every setting with its meaning, its default and whether it is set.

    Example: footnote settings
    """
    from services.settings_list import show  # noqa: PLC0415

    show(_settings(), as_json=json)


@contextmanager
def _private_files() -> Iterator[None]:
    """What is made meanwhile is its owner's alone: documents are in the data directory, whoever makes it.

    The processes that a verb starts make theirs so too.
    """
    umask = os.umask(0o077)
    try:
        yield
    finally:
        os.umask(umask)


def _settings(**given: Any) -> Settings:
    """For a verb that somebody typed. What is ignored is told on standard error: standard output may be JSON."""
    for variable, meant in unknown_variables().items():
        advice = f"Did you mean {meant}?" if meant else "footnote settings lists all there are."
        print(f"{variable} is not a setting and is ignored. {advice}", file=sys.stderr)
    return _read_settings(**given)


def _logged_settings(process: str) -> Settings:
    """For a process that runs on: it logs from here, at first what is ignored."""
    settings = _read_settings()
    configure_logging(process, settings.log_level)
    configure_audit_logging()
    for variable, meant in unknown_variables().items():
        _log.warning("unknown_setting", variable=variable, did_you_mean=meant, next="footnote settings")
    return settings


def _read_settings(**given: Any) -> Settings:
    """What a process started by one that has told already needs."""
    try:
        return Settings(**{name: value for name, value in given.items() if value is not None})
    except ValidationError as error:
        for fault in error.errors():
            name = "FOOTNOTE_" + "_".join(str(part) for part in fault["loc"]).upper() if fault["loc"] else ""
            print(f"{name} {fault['msg'].removeprefix('Value error, ')}".strip(), file=sys.stderr)
        raise typer.Exit(WRONG_USAGE) from None


register(app)
