"""`footnote up`, put together: settings become a plan for the supervisor, and the sample company is sent when asked.

Knows nothing of how parts are kept running (`supervision.py`).
"""

import sys
from collections.abc import Mapping, Sequence

from services.bootstrap import command_line_key, first_admin, sign_in_url
from services.db.accounts import Accounts
from services.embedded.sample import load_sample
from services.embedded.supervisor import UpPlan, run
from services.settings import Settings, inherited_environment
from services.wiring.core import Core

FIRST_QUESTION = "How many days a week may I work remotely?"


def run_all(settings: Settings, *, sample: bool) -> int:
    """Run everything until Ctrl-C; the exit code for the command."""

    def prepare(_env: Mapping[str, str]) -> None:
        core = Core(settings)
        core.migrate()
        account, _ = first_admin(Accounts(core.database), settings.admin_email)
        command_line_key(core.database, account, settings.data_dir, settings.public_url)
        _ = core.embedder  # converts the model on the first start, before several processes want it
        core.close()

    def when_ready() -> Sequence[tuple[str, str]]:
        core = Core(settings)
        accounts = Accounts(core.database)
        account, _ = first_admin(accounts, settings.admin_email)
        rows = [("Sign in (once)", sign_in_url(accounts, account, settings.public_url))]
        key = command_line_key(core.database, account, settings.data_dir, settings.public_url)
        core.close()
        if sample:
            loaded = load_sample(settings.public_url, key)
            rows.append(("Sample company", f"{loaded} documents are ready"))
            rows.append(("Try", f'footnote ask "{FIRST_QUESTION}"'))
        return rows

    return run(
        UpPlan(
            data_dir=settings.data_dir,
            host=settings.host,
            port=settings.port,
            url=settings.public_url,
            env=_environment(settings),
            api=_verb("api"),
            worker=_verb("worker"),
            scheduler=_verb("scheduler"),
            prepare=prepare,
            when_ready=when_ready,
        )
    )


def _environment(settings: Settings) -> dict[str, str]:
    """Ours, with what the command line said on top; the parts read it as their settings."""
    said = {
        "FOOTNOTE_DATA_DIR": str(settings.data_dir),
        "FOOTNOTE_DATABASE_URL": settings.database_url,
        "FOOTNOTE_HOST": settings.host,
        "FOOTNOTE_PORT": str(settings.port),
        "FOOTNOTE_PUBLIC_URL": settings.public_url,
        "FOOTNOTE_LLM_URL": settings.llm_url,
        "FOOTNOTE_LLM_MODEL": settings.llm_model,
    }
    return inherited_environment() | said


def _verb(name: str) -> tuple[str, ...]:
    return (sys.executable, "-P", "-m", "services", name)
