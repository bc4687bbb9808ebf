"""`footnote up`: the whole assistant on one machine.

Says which parts there are and joins them: broker and index first, then API, worker and scheduler. How parts are kept
running is `supervision.py`'s matter; what the API, worker and scheduler do, and their settings, are the caller's.
"""

import asyncio
import logging
import secrets
import signal
import sys
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from logging.handlers import RotatingFileHandler
from pathlib import Path

from rich.console import Console
from rich.text import Text

from retrieval.errors import FootnoteError
from services.embedded.addresses import published
from services.embedded.broker import Broker, broker_part
from services.embedded.data_directory import claim, keep_private, kept_ports, refuse_taken_port, write_private
from services.embedded.lifeline import lifeline
from services.embedded.part_log import BACKUPS, MAX_BYTES
from services.embedded.parts import Part, answers
from services.embedded.supervision import Supervision

LOOPBACK = "127.0.0.1"
INTERNAL = ("broker", "index")

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class UpPlan:
    """What to run and what to tell whoever started it.

    `env` is the whole environment of every part; the addresses and passwords of broker and index are added to it, under
    the names that `services/settings.py` reads. `prepare` runs before any part starts, with the environment the parts
    will get (migrations, for example). `when_ready` runs in a thread once `/readyz` is 200; the (label, value) pairs it
    returns, the sign-in link among them, are printed and never logged.
    """

    data_dir: Path
    host: str
    port: int
    url: str
    env: Mapping[str, str] = field(repr=False)
    api: tuple[str, ...]
    worker: tuple[str, ...]
    scheduler: tuple[str, ...]
    prepare: Callable[[Mapping[str, str]], None] = lambda _: None
    when_ready: Callable[[], Sequence[tuple[str, str]]] = tuple


def run(plan: UpPlan) -> int:
    """Run all parts until Ctrl-C, SIGTERM or SIGHUP. 0 after a clean stop; 1, with the reason on standard error, when
    the data directory is in use, the port is taken, or `prepare` fails or is interrupted.
    """
    console = Console(stderr=True, soft_wrap=True, highlight=False)
    try:
        with claim(plan.data_dir) as lock:
            refuse_taken_port(plan.host, plan.port)
            log_dir = plan.data_dir / "logs"
            with _logging_to(log_dir / "up.log"):
                keep_private(plan.data_dir)
                parts = _parts(plan)
                plan.prepare(parts[-1].env)
                with published(plan.data_dir, parts[-1].env):
                    return asyncio.run(_run(plan, parts, log_dir, lock))
    except FootnoteError as error:
        console.print(Text(error.message, style="red"))
    except KeyboardInterrupt:  # during `prepare`; from then on Ctrl-C is a clean stop
        console.print("stopped before anything was started")
    return 1


def _parts(plan: UpPlan) -> list[Part]:
    run_dir = plan.data_dir / "run"
    ports = kept_ports(run_dir / "ports.json", INTERNAL, host=LOOPBACK, reserved=plan.port)
    broker = Broker(port=ports["broker"], password=secrets.token_urlsafe(32))
    index_api_key = secrets.token_urlsafe(32)  # else every user of this machine could read the documents' text
    key_file = run_dir / "index.key"
    write_private(key_file, index_api_key)
    plain = {**plan.env, "PYTHONUNBUFFERED": "1"}  # so that the last words of a part that crashes are in its log
    env = {
        **plain,
        "FOOTNOTE_BROKER_URL": broker.url,
        "FOOTNOTE_BROKER_PASSWORD": broker.password,
        "FOOTNOTE_INDEX_URL": f"http://{LOOPBACK}:{ports['index']}",
        "FOOTNOTE_INDEX_API_KEY": index_api_key,
    }
    api_ready = answers(reached_at(plan.host), plan.port, "/readyz")
    return [
        broker_part(broker, plan.data_dir / "broker", plain),
        _index_part(ports["index"], plan.data_dir, key_file, plain),
        Part(name="worker", argv=plan.worker, env=env, depends_on=INTERNAL),
        Part(name="scheduler", argv=plan.scheduler, env=env, depends_on=INTERNAL),
        # Not on the broker: questions are answered without it, also while it cannot start.
        Part(name="api", argv=plan.api, env=env, depends_on=("index",), ready=api_ready),
    ]


def _index_part(port: int, data_dir: Path, key_file: Path, env: Mapping[str, str]) -> Part:
    server = (sys.executable, "-P", "-m", "services.embedded.index_server")
    where = ("--data-dir", str(data_dir / "index"), "--host", LOOPBACK, "--port", str(port))
    return Part(
        name="index",
        argv=(*server, *where, "--api-key-file", str(key_file)),
        env=env,
        ready=answers(LOOPBACK, port, "/readyz"),
        stop_grace_s=3.0,
    )


def reached_at(host: str) -> str:
    """Where to reach a server that listens on `host`, which may mean all addresses."""
    return {"0.0.0.0": LOOPBACK, "": LOOPBACK, "::": "::1"}.get(host, host)  # noqa: S104 - compared, not bound


async def _run(plan: UpPlan, parts: Sequence[Part], log_dir: Path, lock: int) -> int:
    async with lifeline(keep_open=(lock,)) as line:
        supervision = Supervision(parts, log_dir=log_dir, lifeline=line)
        stop = asyncio.Event()

        def on_signal() -> None:
            if stop.is_set():
                log.warning("asked to stop twice: killing all parts")
                supervision.kill()
            else:
                log.info("stopping")
                stop.set()

        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            # Under nohup SIGHUP stays ignored; SIGINT, which shells ignore for background jobs, is always obeyed.
            if number != signal.SIGHUP or signal.getsignal(number) is not signal.SIG_IGN:
                loop.add_signal_handler(number, on_signal)
        await supervision.run(stop, when_ready=lambda: _announce(plan, log_dir))
        log.info("stopped")
    return 0


async def _announce(plan: UpPlan, log_dir: Path) -> None:
    rows = [("Open", plan.url), *await _in_thread(plan.when_ready), ("Logs", str(log_dir)), ("Stop", "Ctrl-C")]
    width = max(len(label) for label, _ in rows)
    # soft_wrap: a sign-in link must stay on one line to be copied
    console = Console(soft_wrap=True, highlight=False)
    console.print(Text("\nFootnote is ready\n", style="bold green"))
    for label, value in rows:
        console.print(Text.assemble((f"  {label:<{width}}  ", "dim"), value))
    console.print()


async def _in_thread(call: Callable[[], Sequence[tuple[str, str]]]) -> Sequence[tuple[str, str]]:
    """A daemon thread, not the loop's executor: a long `when_ready` must not hold up Ctrl-C."""
    loop = asyncio.get_running_loop()
    result: asyncio.Future[Sequence[tuple[str, str]]] = loop.create_future()

    def settle(rows: Sequence[tuple[str, str]]) -> None:
        if not result.done():
            result.set_result(rows)

    def work() -> None:
        rows: Sequence[tuple[str, str]] = ()
        try:
            rows = call()
        except Exception:  # the assistant runs; what failed is only what we wanted to say about it
            log.exception("the summary is incomplete")
        if not loop.is_closed():
            loop.call_soon_threadsafe(settle, rows)

    threading.Thread(target=work, daemon=True).start()
    return await result


@contextmanager
def _logging_to(file: Path) -> Iterator[None]:
    """What happens to the parts, on standard error and with times in `file`."""
    file.parent.mkdir(parents=True, exist_ok=True)
    logger = logging.getLogger("services.embedded")
    kept = RotatingFileHandler(file, maxBytes=MAX_BYTES, backupCount=BACKUPS, encoding="utf-8")
    kept.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
    shown = logging.StreamHandler()
    handlers: list[logging.Handler] = [kept, shown]
    logger.setLevel(logging.INFO)
    for handler in handlers:
        logger.addHandler(handler)
    try:
        yield
    finally:
        for handler in handlers:
            logger.removeHandler(handler)
            handler.close()
