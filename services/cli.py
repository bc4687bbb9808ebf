"""The `footnote` command: operators' verbs here, the REST verbs of `ingest/cli.py` beside them.

Knows nothing of how the processes work: each verb reads the settings, wires the parts and runs them. Some imports stand
in the verbs, because each process should carry only its own libraries and `footnote --help` none of them.
"""

import sys
from pathlib import Path
from typing import Annotated, Any

import typer
from pydantic import ValidationError

from ingest.cli import register
from retrieval.errors import FootnoteError, NotFoundError
from services.settings import Settings
from services.telemetry import configure_logging

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)
DataDir = Annotated[Path | None, typer.Option("--data-dir", help="Where everything is kept [default: ./.footnote].")]
FAILED, WRONG_USAGE = 1, 2


def main() -> None:
    """Entry point: our own errors become one line and exit code 1."""
    try:
        app()
    except FootnoteError as error:
        print(error.message, file=sys.stderr)
        sys.exit(FAILED)


@app.callback()
def footnote() -> None:
    """An assistant over your own documents, with every sentence's citation checked."""


@app.command()
def up(
    *,
    data_dir: DataDir = None,
    host: Annotated[str | None, typer.Option(help="Address to listen on [default: 127.0.0.1].")] = None,
    port: Annotated[int | None, typer.Option(help="Port to listen on [default: 8000].")] = None,
    llm_url: Annotated[str | None, typer.Option(help="An OpenAI-compatible server, such as vLLM, up to /v1.")] = None,
    llm_model: Annotated[str | None, typer.Option(help="The model's name there.")] = None,
    sample: Annotated[bool, typer.Option("--sample", help="Load the sample company.")] = False,
) -> None:
    """Run the whole assistant on this machine. Ctrl-C stops it.

    Example: footnote up --llm-url http://gpu-node:8000/v1 --llm-model llama-3.1
    """
    from services.embedded.up import run_all  # noqa: PLC0415

    given = {"data_dir": data_dir, "host": host, "port": port, "llm_url": llm_url, "llm_model": llm_model}
    raise typer.Exit(run_all(_settings(**given), sample=sample))


@app.command()
def api() -> None:
    """Run the API and the web app: one process, for production.

    Example: FOOTNOTE_DATABASE_URL=postgresql+psycopg://… footnote api
    """
    from services.api.serve import serve  # noqa: PLC0415
    from services.wiring.api import api_parts  # noqa: PLC0415
    from services.wiring.core import Core  # noqa: PLC0415

    settings = _settings()
    configure_logging("api", settings.log_level)
    core = Core(settings)
    core.migrate()
    serve(api_parts(core), close=core.close, host=settings.host, port=settings.port)


@app.command()
def worker() -> None:
    """Run a worker, which ingests documents: one process with children, for production.

    Example: FOOTNOTE_WORKER_CONCURRENCY=4 footnote worker
    """
    from services.queue import celery_app  # noqa: PLC0415
    from services.wiring.core import Core  # noqa: PLC0415
    from services.wiring.worker import job_runner  # noqa: PLC0415
    from services.worker import tasks  # noqa: PLC0415

    settings = _settings()
    configure_logging("worker", settings.log_level)
    core = Core(settings)
    celery = celery_app(core.broker_url)
    tasks.register(celery, lambda: job_runner(settings))
    tasks.serve(
        celery,
        concurrency=settings.worker_concurrency,
        log_level=settings.log_level,
        waiting=core.doorbell.waiting,
    )


@app.command()
def scheduler() -> None:
    """Run the scheduler, which finds stopped and forgotten work: one process, for production.

    Example: footnote scheduler
    """
    from services.wiring.core import Core  # noqa: PLC0415
    from services.worker.reconciler import Reconciler, stop_on_signals  # noqa: PLC0415

    settings = _settings()
    configure_logging("scheduler", settings.log_level)
    core = Core(settings)
    Reconciler(core.jobs, core.doorbell).run(stop_on_signals())
    core.close()


@app.command()
def migrate(data_dir: DataDir = None) -> None:
    """Bring the registry's tables up to this release. The API does it by itself when it starts.

    Example: footnote migrate
    """
    from services.wiring.core import Core  # noqa: PLC0415

    core = Core(_settings(data_dir=data_dir))
    core.migrate()
    core.close()


@app.command("sign-in")
def sign_in(
    email: Annotated[str | None, typer.Argument(help="Whose link [default: the first administrator's].")] = None,
    data_dir: DataDir = None,
) -> None:
    """Print a link that signs somebody in once. For operators: it asks the registry, not the server.

    Example: footnote sign-in ann@example.com
    """
    from services.bootstrap import sign_in_url  # noqa: PLC0415
    from services.db.accounts import Accounts  # noqa: PLC0415
    from services.wiring.core import Core  # noqa: PLC0415

    core = Core(_settings(data_dir=data_dir))
    accounts = Accounts(core.database)
    account = accounts.by_email(email) if email else accounts.any_admin()
    if account is None:
        raise NotFoundError("There is no administrator yet: start the API, or run footnote migrate.")
    print(sign_in_url(accounts, account, core.settings.public_url))
    core.close()


@app.command("eval")
def evaluate(
    *,
    corpus: Annotated[Path | None, typer.Argument(help="A folder of documents.")] = None,
    questions: Annotated[Path | None, typer.Argument(help="A file of questions, one JSON object a line.")] = None,
    beir: Annotated[Path | None, typer.Option(help="A folder in BEIR's form instead.")] = None,
    split: Annotated[str, typer.Option(help="Which of its qrels.")] = "test",
    json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """Score your own questions over your own documents, by the production code in an index of its own.

    Example: footnote eval ./handbook questions.jsonl
    """
    from rich.console import Console  # noqa: PLC0415
    from rich.progress import Progress  # noqa: PLC0415

    from services.evaluation import evaluate_beir, evaluate_folder  # noqa: PLC0415
    from services.score_table import progress_to, show  # noqa: PLC0415
    from services.wiring.scratch import scratch_assistant  # noqa: PLC0415

    if (beir is None) == (corpus is None or questions is None):
        raise typer.BadParameter("Name a folder and a file of questions, or --beir DIR.")
    configure_logging("eval", "error")
    console, failures = Console(stderr=True), list[str]()
    with scratch_assistant(_settings()) as assistant, Progress(console=console, disable=not console.is_terminal) as bar:
        if beir is not None:
            scores = evaluate_beir(assistant, beir, split, progress_to(bar))
        elif corpus is not None and questions is not None:
            scores, failures = evaluate_folder(assistant, corpus, questions, progress_to(bar))
    show(scores, failures, as_json=json)


@app.command(hidden=True)
def prepare() -> None:
    """What `footnote up` does before its parts start: tables, administrator, this machine's key, the model."""
    from services.bootstrap import command_line_key, first_admin  # noqa: PLC0415
    from services.db.accounts import Accounts  # noqa: PLC0415
    from services.wiring.core import Core, model_cache  # noqa: PLC0415

    settings = _settings()
    core = Core(settings)
    core.migrate()
    account, _ = first_admin(Accounts(core.database), settings.admin_email)
    command_line_key(core.database, account, settings.data_dir, settings.public_url)
    core.close()
    if not model_cache(settings).is_dir():
        from services.wiring.search import embedder  # noqa: PLC0415

        embedder(settings)


@app.command()
def settings(json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False) -> None:
    """List every setting with its meaning, its default and whether it is set.

    Example: footnote settings
    """
    from services.settings_list import show  # noqa: PLC0415

    show(_settings(), as_json=json)


def _settings(**given: Any) -> Settings:
    try:
        return Settings(**{name: value for name, value in given.items() if value is not None})
    except ValidationError as error:
        for fault in error.errors():
            name = "FOOTNOTE_" + "_".join(str(part) for part in fault["loc"]).upper() if fault["loc"] else ""
            print(f"{name} {fault['msg'].removeprefix('Value error, ')}".strip(), file=sys.stderr)
        raise typer.Exit(WRONG_USAGE) from None


register(app)
