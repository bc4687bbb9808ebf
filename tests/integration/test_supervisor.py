"""`footnote up` over real processes: start order, restarts, a clean stop, nothing left behind; and its broker."""

import asyncio
import json
import logging
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from graphlib import CycleError
from pathlib import Path
from typing import Any

import httpx
import pytest
import redis

from retrieval.errors import ConflictError
from services.db.database import Database
from services.embedded.backoff import Backoff
from services.embedded.broker import APPENDED, Broker, broker_part
from services.embedded.data_directory import claim, keep_private, kept_ports, refuse_taken_port
from services.embedded.lifeline import Lifeline, lifeline
from services.embedded.part_log import PartLog
from services.embedded.parts import Part, Ready, accepts, answers
from services.embedded.supervision import Supervision
from services.queue import RUN_JOB, celery_app
from tests.faults.volumes import Volume, mounted
from tests.private_servers import free_port

ENV = {"PATH": os.defpath}
PATIENCE_S = 20.0

# Writes its process id under the given name in one step, so that a reader never sees half of it.
NOTE = """
import os, sys, time, signal, subprocess
def note(path):
    with open(path + ".part", "w") as file: file.write(str(os.getpid()))
    os.rename(path + ".part", path)
"""


def python(code: str, *arguments: object) -> tuple[str, ...]:
    return (sys.executable, "-I", "-S", "-u", "-c", NOTE + code, *map(str, arguments))


def sleeper(name: str, note: Path, *, depends_on: tuple[str, ...] = ()) -> Part:
    return Part(name=name, argv=python("note(sys.argv[1]); time.sleep(600)", note), env=ENV, depends_on=depends_on)


def eventually(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < deadline, "gave up waiting"
        time.sleep(0.02)


async def soon(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while not condition():  # noqa: ASYNC110 - what is waited for happens in other processes
            await asyncio.sleep(0.02)


def alive(pid: int) -> bool:
    """A zombie that init has yet to collect is not alive."""
    state = subprocess.run(["ps", "-o", "stat=", "-p", str(pid)], capture_output=True, text=True, check=False).stdout
    return bool(state.strip()) and not state.startswith("Z")


def noted(path: Path) -> int:
    eventually(lambda: path.exists() and path.read_text() != "")
    return int(path.read_text())


@asynccontextmanager
async def running(parts: Sequence[Part], log_dir: Path) -> AsyncIterator[tuple[Supervision, Lifeline]]:
    stop = asyncio.Event()
    async with lifeline() as line:
        supervision = Supervision(parts, log_dir=log_dir, lifeline=line)
        task = asyncio.create_task(supervision.run(stop))
        try:
            yield supervision, line
        finally:
            stop.set()
            await task


def when(condition: Callable[[], bool]) -> Ready:
    async def probe() -> bool:
        return condition()

    return probe


def test_a_part_starts_only_once_what_it_depends_on_is_ready(tmp_path: Path) -> None:
    gate, second = tmp_path / "gate", tmp_path / "second"
    code = "note(sys.argv[1]); time.sleep(600)"
    first = Part(name="first", argv=python(code, tmp_path / "first"), env=ENV, ready=when(gate.exists))

    async def scene() -> None:
        parts = [sleeper("second", second, depends_on=("first",)), first]
        async with running(parts, tmp_path / "logs") as (supervision, _):
            await soon((tmp_path / "first").exists)
            await asyncio.sleep(0.3)
            assert supervision.pid("second") is None
            gate.touch()
            await supervision.all_ready()
            await soon(second.exists)

    asyncio.run(scene())


def test_a_crashed_part_is_started_again_and_that_is_logged(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    note = tmp_path / "note"

    async def scene() -> None:
        async with running([sleeper("frail", note)], tmp_path / "logs"):
            await soon(note.exists)
            before = int(note.read_text())
            os.kill(before, signal.SIGKILL)
            await soon(lambda: int(note.read_text()) != before)

    with caplog.at_level(logging.INFO, logger="services.embedded"):
        asyncio.run(scene())
    assert "frail crashed (ended by SIGKILL); starting it again in 0.5 s" in caplog.text


def test_children_of_a_crashed_part_are_ended_before_it_is_started_again(tmp_path: Path) -> None:
    child, note = tmp_path / "child", tmp_path / "note"
    grandchild = "import sys; exec(sys.argv[1]); note(sys.argv[2]); time.sleep(600)"
    code = f"subprocess.Popen([sys.executable, '-c', {grandchild!r}, {NOTE!r}, sys.argv[1]]); note(sys.argv[2])"
    part = Part(name="pool", argv=python(code + "; time.sleep(600)", child, note), env=ENV)

    async def scene() -> None:
        async with running([part], tmp_path / "logs"):
            await soon(lambda: note.exists() and child.exists())
            first, first_child = int(note.read_text()), int(child.read_text())
            os.kill(first, signal.SIGKILL)
            await soon(lambda: int(note.read_text()) != first)
            assert not alive(first_child)

    asyncio.run(scene())
    assert not alive(int(child.read_text()))


def test_a_part_that_keeps_crashing_is_reported_loudly_with_its_last_words(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("services.embedded.backoff.FIRST_S", 0.01)
    part = Part(name="broken", argv=python("print('the disk is on fire'); sys.exit(3)"), env=ENV)

    async def scene() -> None:
        async with running([part], tmp_path / "logs"):
            await soon(lambda: "KEEPS CRASHING" in caplog.text)

    with caplog.at_level(logging.INFO, logger="services.embedded"):
        asyncio.run(scene())
    assert "broken crashed (exit 3)" in caplog.text
    assert "the disk is on fire" in caplog.text


def test_a_program_that_does_not_exist_is_a_crash_like_any_other(tmp_path: Path) -> None:
    async def scene() -> None:
        async with running([Part(name="gone", argv=("/nowhere/to/be/found",), env=ENV)], tmp_path / "logs"):
            log = tmp_path / "logs" / "gone.log"
            await soon(lambda: log.exists() and "FileNotFoundError" in log.read_text())

    asyncio.run(scene())


def test_a_part_that_never_becomes_ready_is_killed_and_started_again(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    code = "note(sys.argv[1]); time.sleep(600)"
    part = Part(
        name="stuck", argv=python(code, tmp_path / "note"), env=ENV, ready=when(lambda: False), ready_timeout_s=0.5
    )

    async def scene() -> None:
        async with running([part], tmp_path / "logs"):
            await soon(lambda: "stuck crashed (ended by SIGKILL)" in caplog.text)

    with caplog.at_level(logging.INFO, logger="services.embedded"):
        asyncio.run(scene())
    assert "stuck is not ready after" in caplog.text


def test_backoff_doubles_to_ten_seconds_and_starts_afresh_after_a_healthy_minute() -> None:
    backoff, now, delays = Backoff(), 0.0, []
    for _ in range(6):
        delays.append(backoff.crashed(started=now, now=now + 20))
        now += 20 + delays[-1]
    assert delays == [0.5, 1, 2, 4, 8, 10]
    assert backoff.crashed(started=now, now=now + 60) == 0.5


def test_five_crashes_within_a_minute_mean_a_try_every_thirty_seconds_until_a_healthy_minute() -> None:
    backoff, now, delays = Backoff(), 0.0, []
    for _ in range(7):
        delays.append(backoff.crashed(started=now, now=now + 1))
        now += 1 + delays[-1]
    assert delays == [0.5, 1, 2, 4, 30, 30, 30]
    assert backoff.crashed(started=now, now=now + 61) == 0.5
    assert not backoff.flapping


def test_parts_stop_before_what_they_depend_on(tmp_path: Path) -> None:
    order = tmp_path / "order"
    code = """
def stop(*_):
    with open(sys.argv[1], "a") as file: file.write(sys.argv[2] + " ")
    sys.exit(0)
signal.signal(signal.SIGTERM, stop)
note(sys.argv[3])
time.sleep(600)
"""
    names = {"store": (), "queue": (), "door": ("store", "queue"), "bell": ("door",)}
    parts = [
        Part(name=name, argv=python(code, order, name, tmp_path / name), env=ENV, depends_on=depends_on)
        for name, depends_on in names.items()
    ]

    async def scene() -> None:
        async with running(parts, tmp_path / "logs"):
            await soon(lambda: all((tmp_path / name).exists() for name in names))

    asyncio.run(scene())
    ended = order.read_text().split()
    assert ended[:2] == ["bell", "door"]
    assert set(ended[2:]) == {"store", "queue"}


def test_a_part_that_ignores_the_stop_signal_is_killed(tmp_path: Path) -> None:
    note = tmp_path / "note"
    code = "signal.signal(signal.SIGTERM, signal.SIG_IGN); note(sys.argv[1]); time.sleep(600)"
    part = Part(name="stubborn", argv=python(code, note), env=ENV, stop_grace_s=0.3)

    async def scene() -> None:
        async with running([part], tmp_path / "logs"):
            await soon(note.exists)

    asyncio.run(scene())
    assert not alive(int(note.read_text()))


def test_the_stop_signal_is_the_one_that_the_part_asks_for(tmp_path: Path) -> None:
    note = tmp_path / "note"
    code = "signal.signal(signal.SIGQUIT, lambda *_: (print('quit'), sys.exit(0))); note(sys.argv[1]); time.sleep(600)"
    part = Part(name="polite", argv=python(code, note), env=ENV, stop_signal=signal.SIGQUIT)

    async def scene() -> None:
        async with running([part], tmp_path / "logs"):
            await soon(note.exists)

    asyncio.run(scene())
    assert (tmp_path / "logs" / "polite.log").read_text() == "quit\n"


def test_unknown_dependencies_and_circles_are_refused_before_anything_starts(tmp_path: Path) -> None:
    async def make(*parts: Part) -> None:
        async with lifeline() as line:
            Supervision(parts, log_dir=tmp_path, lifeline=line)

    with pytest.raises(ValueError, match="nobody"):
        asyncio.run(make(sleeper("a", tmp_path / "a", depends_on=("nobody",))))
    one, other = sleeper("a", tmp_path / "a", depends_on=("b",)), sleeper("b", tmp_path / "b", depends_on=("a",))
    with pytest.raises(CycleError):
        asyncio.run(make(one, other))


def test_both_outputs_of_a_part_are_in_its_log_and_the_log_is_rotated(tmp_path: Path) -> None:
    log = PartLog(tmp_path / "part.log", max_bytes=2_000)
    writer = log.open()
    code = "print('to error', file=sys.stderr); [print('line', n, 'of the part') for n in range(400)]"
    subprocess.run(python(code), stdout=writer, stderr=subprocess.STDOUT, check=True)
    os.close(writer)
    log.close()
    files = sorted(tmp_path.iterdir())
    assert [file.name for file in files] == ["part.log", "part.log.1", "part.log.2", "part.log.3"]
    assert max(file.stat().st_size for file in files) <= 2_000
    assert files[0].read_text().endswith("line 399 of the part\n")
    assert list(log.tail)[-1] == "line 399 of the part"


def test_probes_see_a_server_that_answers(tmp_path: Path) -> None:
    async def ask(probe: Ready) -> bool:
        return await probe()

    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        assert asyncio.run(ask(accepts("127.0.0.1", port)))
    assert not asyncio.run(ask(accepts("127.0.0.1", port)))
    assert not asyncio.run(ask(answers("127.0.0.1", port, "/readyz")))


# A supervisor in a process of its own, to be killed. Arguments: data directory, one note a part.
KILLABLE = """
import asyncio, sys
from pathlib import Path
from services.embedded.data_directory import claim
from services.embedded.lifeline import lifeline
from services.embedded.parts import Part
from services.embedded.supervision import Supervision

CHILD = "import os, sys, time; open(sys.argv[1] + '.child', 'w').write(str(os.getpid())); time.sleep(600)"
CODE = (
    "import os, signal, subprocess, sys, time\\n"
    "if sys.argv[3] == 'stubborn': signal.signal(signal.SIGTERM, signal.SIG_IGN)\\n"
    "subprocess.Popen([sys.executable, '-c', sys.argv[2], sys.argv[1]])\\n"
    "open(sys.argv[1], 'w').write(str(os.getpid()))\\n"
    "time.sleep(600)\\n"
)

async def main(lock):
    parts = [
        Part(name=Path(note).name, argv=(sys.executable, "-c", CODE, note, CHILD, Path(note).name), env={})
        for note in sys.argv[2:]
    ]
    async with lifeline(keep_open=(lock,)) as line:
        supervision = Supervision(parts, log_dir=Path(sys.argv[1]), lifeline=line)
        task = asyncio.create_task(supervision.run(asyncio.Event()))
        await supervision.all_ready()
        print('ready', flush=True)
        await task

with claim(Path(sys.argv[1])) as lock:
    asyncio.run(main(lock))
"""


@dataclass
class Killable:
    """A supervisor of parts that each have a child; the part named "stubborn" ignores SIGTERM."""

    process: subprocess.Popen[str]
    data_dir: Path
    notes: tuple[Path, ...]

    def pids(self) -> list[int]:
        return [noted(path) for note in self.notes for path in (note, note.with_name(note.name + ".child"))]

    def until_ready(self) -> None:
        assert self.process.stdout is not None
        assert self.process.stdout.readline() == "ready\n"


@pytest.fixture
def killable(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Killable]:
    notes = tuple(tmp_path / name for name in getattr(request, "param", ("one", "two")))
    command = [sys.executable, "-c", KILLABLE, str(tmp_path / "data"), *map(str, notes)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    yield Killable(process, tmp_path / "data", notes)
    with suppress(ProcessLookupError):
        process.kill()
    process.communicate()


@pytest.mark.parametrize("killable", [("gentle", "stubborn")], indirect=True)
def test_kill_nine_of_the_supervisor_leaves_no_part_and_no_child_of_one(killable: Killable) -> None:
    killable.until_ready()
    pids = [guard_of(killable.process.pid), *killable.pids()]
    assert all(map(alive, pids))
    killable.process.kill()
    eventually(lambda: not any(map(alive, pids)))


def test_a_killed_guard_is_replaced_and_the_new_one_still_ends_everything(killable: Killable) -> None:
    killable.until_ready()
    guard, pids = guard_of(killable.process.pid), killable.pids()
    os.kill(guard, signal.SIGKILL)
    replaced = guard_of(killable.process.pid, but=guard)
    killable.process.kill()
    eventually(lambda: not any(map(alive, [replaced, *pids])))


def guard_of(parent: int, *, but: int | None = None) -> int:
    """Process id of the guard that is a child of `parent`, once there is one other than `but`."""
    found: list[int] = []

    def look() -> bool:
        command = ["ps", "-A", "-ww", "-o", "pid=,ppid=,args="]
        listing = subprocess.run(command, capture_output=True, text=True, check=True)
        rows = [line.split(None, 2) for line in listing.stdout.splitlines()]
        guards = [int(pid) for pid, owner, args in rows if int(owner) == parent and "guard.py watch" in args]
        found[:] = [pid for pid in guards if pid != but]
        return bool(found)

    eventually(look)
    return found[0]


def test_the_directory_of_a_killed_instance_is_free_only_once_its_parts_have_ended(killable: Killable) -> None:
    pids = killable.pids()
    killable.process.kill()
    killable.process.wait()
    with claim(killable.data_dir):
        assert not any(map(alive, pids))


def test_a_second_instance_on_one_directory_is_refused_with_the_first_ones_pid(killable: Killable) -> None:
    killable.until_ready()
    with pytest.raises(ConflictError, match=f"pid {killable.process.pid}") as refusal, claim(killable.data_dir):
        pass
    assert refusal.value.code == "data_directory_in_use"


def test_a_directory_that_cannot_be_made_is_refused_with_the_reason(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ConflictError, match="Not a directory"), claim(tmp_path / "file" / "data"):
        pass


def test_the_data_directory_is_its_owners_alone(tmp_path: Path) -> None:
    with claim(tmp_path / "data"):
        assert (tmp_path / "data").stat().st_mode & 0o077 == 0


def left_open(data_dir: Path) -> list[Path]:
    """The registry, its journal and two folders as an older release left them."""
    files, folders = [data_dir / "db.sqlite3", data_dir / "db.sqlite3-wal"], [data_dir / "blobs", data_dir / "logs"]
    for path in files:
        path.touch()
        path.chmod(0o644)
    for path in folders:
        path.mkdir()
        path.chmod(0o755)
    return [*files, *folders]


def modes(*paths: Path) -> list[int]:
    return [path.stat().st_mode & 0o7777 for path in paths]


def test_what_an_older_release_left_open_is_its_owners_alone_from_now_on(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    own = left_open(tmp_path)
    tmp_path.chmod(0o2755)
    with claim(tmp_path):
        keep_private(tmp_path)
    assert modes(tmp_path, *own) == [0o2700, 0o600, 0o600, 0o700, 0o700]
    assert caplog.text == ""


@pytest.mark.parametrize("mode", [0o755, 0o2750])
def test_a_directory_in_which_something_else_is_stays_as_it_is_and_a_warning_says_so(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, mode: int
) -> None:
    own = left_open(tmp_path)
    (tmp_path / "thesis").mkdir()
    (tmp_path / "thesis").chmod(0o755)
    tmp_path.chmod(mode)
    with claim(tmp_path):
        keep_private(tmp_path)
    assert modes(tmp_path, tmp_path / "thesis", *own) == [mode, 0o755, 0o600, 0o600, 0o700, 0o700]
    assert f"others on this machine may enter {tmp_path}" in caplog.text
    tmp_path.chmod(0o700)
    caplog.clear()
    keep_private(tmp_path)
    assert caplog.text == ""


def test_a_directory_that_everybody_writes_into_is_not_shut(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    tmp_path.chmod(0o1777)
    keep_private(tmp_path)
    assert modes(tmp_path) == [0o1777]
    assert f"others on this machine may enter {tmp_path}" in caplog.text


def test_a_folder_that_a_link_leads_to_is_not_shut(tmp_path: Path) -> None:
    (shared := tmp_path / "shared").mkdir()
    shared.chmod(0o755)
    (data_dir := tmp_path / "data").mkdir()
    (data_dir / "models").symlink_to(shared)
    keep_private(data_dir)
    assert modes(data_dir, shared) == [0o700, 0o755]


def test_the_registrys_directory_is_its_owners_alone_whatever_makes_it(tmp_path: Path) -> None:
    umask = os.umask(0o022)
    try:
        Database(f"sqlite:///{tmp_path / 'data' / 'db.sqlite3'}").dispose()
    finally:
        os.umask(umask)
    assert (tmp_path / "data").stat().st_mode & 0o777 == 0o700


def test_a_taken_port_is_refused_and_a_free_one_is_not() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        with pytest.raises(ConflictError, match=f"Port {port} on 127.0.0.1 is taken"):
            refuse_taken_port("127.0.0.1", port)
    refuse_taken_port("127.0.0.1", port)


def test_an_address_that_is_not_this_machines_is_refused_with_the_reason() -> None:
    with pytest.raises(ConflictError, match=r"cannot listen on 192\.0\.2\.1"):
        refuse_taken_port("192.0.2.1", 8000)


def test_internal_ports_are_kept_and_chosen_anew_when_taken_or_unreadable(tmp_path: Path) -> None:
    file = tmp_path / "run" / "ports.json"

    def choose(reserved: int = 1) -> dict[str, int]:
        return kept_ports(file, ("broker", "index"), host="127.0.0.1", reserved=reserved)

    first = choose()
    assert choose() == first
    with socket.create_server(("127.0.0.1", first["broker"])):
        second = choose()
    assert second["broker"] != first["broker"]
    assert second["index"] == first["index"]
    assert choose(reserved=first["index"])["index"] != first["index"]
    file.write_text("{not json")
    assert set(choose()) == {"broker", "index"}


# The broker by itself.

PASSWORD = "a-password-of-this-test"


@asynccontextmanager
async def served(directory: Path) -> AsyncIterator[tuple[Broker, Supervision]]:
    broker = Broker(port=free_port(), password=PASSWORD)
    stop = asyncio.Event()
    async with lifeline() as line:
        parts = [broker_part(broker, directory / "broker", {"PATH": os.defpath})]
        supervision = Supervision(parts, log_dir=directory / "logs", lifeline=line)
        task = asyncio.create_task(supervision.run(stop))
        try:
            async with asyncio.timeout(20):
                await supervision.all_ready()
            yield broker, supervision
        finally:
            stop.set()
            await task


def client_of(broker: Broker) -> redis.Redis:
    return redis.Redis.from_url(broker.url, password=broker.password, decode_responses=True)


def test_it_asks_for_the_password_and_denies_administrative_commands(tmp_path: Path) -> None:
    async def scene() -> None:
        async with served(tmp_path) as (broker, _):
            with redis.Redis.from_url(broker.url) as stranger, pytest.raises(redis.AuthenticationError):
                stranger.ping()
            with client_of(broker) as client:
                for command in ("CONFIG GET *", "FLUSHALL", "FLUSHDB", "SHUTDOWN", "REPLICAOF NO ONE", "KEYS *"):
                    with pytest.raises(redis.exceptions.NoPermissionError):
                        client.execute_command(command)

    asyncio.run(scene())


def test_it_never_evicts_and_writes_every_change_to_its_file(tmp_path: Path) -> None:
    async def scene() -> None:
        async with served(tmp_path) as (broker, _):
            with client_of(broker) as client:
                info = client.info()
                assert info["maxmemory_policy"] == "noeviction"
                assert info["aof_enabled"] == 1

    asyncio.run(scene())


def test_its_configuration_is_private_and_holds_no_password(tmp_path: Path) -> None:
    broker_part(Broker(port=1, password=PASSWORD), tmp_path / "broker", {})
    config = tmp_path / "broker" / "valkey.conf"
    config.chmod(0o644)
    broker_part(Broker(port=1, password=PASSWORD), tmp_path / "broker", {})
    assert config.stat().st_mode & 0o777 == 0o600
    assert PASSWORD not in config.read_text()
    assert PASSWORD not in repr(Broker(port=1, password=PASSWORD))


def test_a_directory_with_blanks_and_quotes_in_its_name_works(tmp_path: Path) -> None:
    async def scene() -> None:
        async with served(tmp_path / 'a "quoted" \\ näme') as (broker, _):
            with client_of(broker) as client:
                assert client.ping()

    asyncio.run(scene())


def test_kill_nine_loses_no_acknowledged_message_and_a_restart_finds_them_all(tmp_path: Path) -> None:
    async def scene() -> None:
        async with served(tmp_path) as (broker, supervision):
            before = supervision.pid("broker")
            assert before is not None
            with client_of(broker) as client:
                for number in range(500):
                    client.rpush("queue", number)
            os.kill(before, signal.SIGKILL)
            async with asyncio.timeout(20):
                while supervision.pid("broker") in {before, None}:  # noqa: ASYNC110 - happens in another process
                    await asyncio.sleep(0.02)
                await supervision.all_ready()
            with client_of(broker) as client:
                assert client.lrange("queue", 0, -1) == [str(number) for number in range(500)]
        async with served(tmp_path) as (broker, _):
            with client_of(broker) as client:
                assert client.llen("queue") == 500

    asyncio.run(scene())


async def used_once(directory: Path) -> Path:
    """What the broker keeps its file in, once it was told something."""
    async with served(directory) as (broker, _):
        with client_of(broker) as client:
            for number in range(50):
                client.rpush("queue", number)
    return directory / "broker" / APPENDED


@pytest.mark.parametrize(
    ("name", "spoil"),
    [
        ("*.incr.aof", lambda data: data + bytes(512)),  # as a power cut leaves it
        ("*.incr.aof", lambda data: data.replace(b"RPUSH", b"RPUXH", 1)),
        ("*.base.rdb", lambda data: data[:-1] + bytes([data[-1] ^ 1])),
        ("*.base.rdb", lambda data: data[:44] + bytes(len(data) - 44)),  # it crashes of that
        ("*.manifest", lambda _: bytes(512)),
        ("*.manifest", lambda _: b""),
        ("*.manifest", lambda data: data.replace(b"seq", b"sxq", 1)),
        ("*.incr.aof", None),
    ],
)
def test_it_begins_with_an_empty_file_where_it_cannot_read_its_own_and_that_one_is_kept(
    tmp_path: Path, name: str, spoil: Callable[[bytes], bytes] | None, caplog: pytest.LogCaptureFixture
) -> None:
    async def scene() -> None:
        directory = await used_once(tmp_path)
        (file,) = directory.glob(name)
        spoilt = spoil(file.read_bytes()) if spoil else None
        file.write_bytes(spoilt) if spoilt is not None else file.unlink()
        names = {path.name for path in directory.iterdir()}
        async with served(tmp_path) as (broker, _):
            with client_of(broker) as client:
                assert client.llen("queue") == 0
                client.rpush("queue", "again")
        async with served(tmp_path) as (broker, _):
            with client_of(broker) as client:
                assert client.lrange("queue", 0, -1) == ["again"]
        (kept,) = (tmp_path / "broker" / "damaged").iterdir()
        assert {path.name for path in kept.iterdir()} == names
        assert spoilt is None or (kept / file.name).read_bytes() == spoilt
        assert (
            f"the broker's file is DAMAGED: it begins with an empty one, and no job is lost. Kept: {kept}"
            in caplog.text
        )

    asyncio.run(scene())


def test_its_file_stays_where_it_is_while_its_port_is_taken(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    async def scene() -> None:
        directory = await used_once(tmp_path)
        before = {path.name: path.read_bytes() for path in directory.iterdir()}
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            part = broker_part(Broker(port=taken.getsockname()[1], password=PASSWORD), directory.parent, ENV)
            async with running([part], tmp_path / "logs"):
                await soon(lambda: caplog.text.count("broker crashed") == 2)
        assert {path.name: path.read_bytes() for path in directory.iterdir()} == before
        assert not (directory.parent / "damaged").exists()

    asyncio.run(scene())


def test_its_file_stays_where_it_is_while_the_disk_is_full(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    async def scene(volume: Volume) -> None:
        directory = tmp_path / "broker" / APPENDED
        part = broker_part(Broker(port=free_port(), password=PASSWORD), directory.parent, ENV)
        volume.fill()
        async with running([part], tmp_path / "logs"):
            await soon(lambda: caplog.text.count("broker crashed") == 2)
        assert directory.exists()
        assert not (directory.parent / "damaged").exists()

    with mounted(tmp_path / "broker", megabytes=20) as volume:
        if volume is None:
            pytest.skip("a volume of its own cannot be mounted here")
        asyncio.run(scene(volume))


def rescued(note: Path, *, ready: Ready) -> tuple[Part, list[Sequence[str]]]:
    """A part that dies when its note is there already, and what its rescuer was told; the second time that helps."""
    told: list[Sequence[str]] = []

    def rescue(last_words: Sequence[str]) -> bool:
        told.append(last_words)
        return len(told) == 2

    code = "print('there is a note'); sys.exit(1) if os.path.exists(sys.argv[1]) else time.sleep(600)"
    return Part(name="stuck", argv=python(code, note), env=ENV, ready=ready, rescue=rescue), told


def test_a_part_that_was_never_ready_is_rescued_until_that_helps_and_then_no_more(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("services.embedded.backoff.FIRST_S", 0.01)
    (tmp_path / "note").touch()
    part, told = rescued(tmp_path / "note", ready=when(lambda: False))

    async def scene() -> None:
        async with running([part], tmp_path / "logs"):
            await soon(lambda: caplog.text.count("stuck crashed") == 4)

    asyncio.run(scene())
    assert [list(words) for words in told] == [["there is a note"], ["there is a note"] * 2]


def test_a_part_that_was_ready_once_is_not_rescued(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    part, told = rescued(tmp_path / "note", ready=when(lambda: True))

    async def scene() -> None:
        async with running([part], tmp_path / "logs") as (supervision, _):
            await supervision.all_ready()
            (tmp_path / "note").touch()
            os.kill(supervision.pid("stuck") or 0, signal.SIGKILL)
            await soon(lambda: caplog.text.count("stuck crashed") == 2)

    asyncio.run(scene())
    assert told == []


WORKER = """
import sys
from redis import Redis
from services.queue import QUEUE, RUN_JOB, celery_app
app = celery_app(sys.argv[1])

@app.task(name=RUN_JOB)
def answer(job_id):
    Redis.from_url(sys.argv[1]).rpush("answers", job_id + " is done")

app.worker_main(["worker", "--pool", "prefork", "--concurrency", "1", "--loglevel", "warning", "--queues", QUEUE])
"""


def test_a_celery_worker_needs_none_of_the_denied_commands(tmp_path: Path) -> None:
    def send_and_receive(url: str) -> object:
        celery_app(url).send_task(RUN_JOB, args=["job 1"])
        with redis.Redis.from_url(url, socket_timeout=90) as client:
            return client.blpop(["answers"], timeout=60)

    async def scene() -> None:
        async with served(tmp_path) as (broker, _):
            url = broker.url.replace("://", f"://:{PASSWORD}@")
            worker = await asyncio.create_subprocess_exec(sys.executable, "-P", "-c", WORKER, url)
            try:
                assert await asyncio.to_thread(send_and_receive, url) == (b"answers", b"job 1 is done")
            finally:
                worker.terminate()
                await worker.wait()

    asyncio.run(scene())


# `footnote up` with the real broker and index. API, worker and scheduler are stand-ins that write their process id and
# the addresses they were given. Arguments: data directory, port, directory for notes.
UP = """
import os, sys
from pathlib import Path
from services.embedded.supervisor import UpPlan, run

os.umask(0o077)  # as `footnote` sets it for its verbs
data_dir, port, notes = Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
STAND_IN = '''
import http.server, json, os, sys, time
name, notes, port = sys.argv[1], sys.argv[2], int(sys.argv[3])
class Ready(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200 if self.path == "/readyz" else 404); self.end_headers()
    def log_message(self, *_): pass
server = http.server.HTTPServer(("127.0.0.1", port), Ready) if name == "api" else None
with open(f"{notes}/{name}.part", "w") as file:
    json.dump({"pid": os.getpid(), "env": dict(os.environ)}, file)
os.rename(f"{notes}/{name}.part", f"{notes}/{name}")
print(name, "is here", flush=True)
server.serve_forever() if server else time.sleep(600)
'''

def stand_in(name):
    return (sys.executable, "-I", "-S", "-c", STAND_IN, name, notes, str(port))

plan = UpPlan(
    data_dir=data_dir, host="127.0.0.1", port=port, url=f"http://127.0.0.1:{port}", env={"PATH": os.defpath},
    api=stand_in("api"), worker=stand_in("worker"), scheduler=stand_in("scheduler"),
    prepare=lambda env: print("prepared", sorted(name for name in env if name.startswith("FOOTNOTE_")), flush=True),
    when_ready=lambda: [("Sign in", "http://127.0.0.1/sign-in#token=once")],
)
sys.exit(run(plan))
"""


@dataclass
class Up:
    """A running `footnote up`; `process.stdout` carries what it printed, standard error included."""

    process: subprocess.Popen[str]
    data_dir: Path
    notes: Path
    port: int

    def read_until(self, text: str) -> str:
        assert self.process.stdout is not None
        seen = ""
        while text not in seen:
            line = self.process.stdout.readline()
            assert line, f"ended before it said {text!r}:\n{seen}"
            seen += line
        return seen

    def part(self, name: str) -> dict[str, Any]:
        eventually((self.notes / name).exists)
        note: dict[str, Any] = json.loads((self.notes / name).read_text())
        return note

    def stop(self, number: signal.Signals = signal.SIGTERM) -> int:
        self.process.send_signal(number)
        return self.process.wait(timeout=10)  # the promise is 10 s


def start_up(data_dir: Path, notes: Path, port: int) -> Up:
    notes.mkdir(exist_ok=True)
    command = [sys.executable, "-c", UP, str(data_dir), str(port), str(notes)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    return Up(process, data_dir, notes, port)


@pytest.fixture
def up(tmp_path: Path) -> Iterator[Up]:
    running = start_up(tmp_path / "data", tmp_path / "notes", free_port())
    yield running
    if running.process.poll() is None:
        running.stop()
    running.process.communicate()


def test_up_says_where_it_is_once_ready_and_keeps_the_sign_in_link_out_of_every_file(up: Up) -> None:
    summary = up.read_until("Ctrl-C")
    assert f"http://127.0.0.1:{up.port}\n" in summary
    assert "http://127.0.0.1/sign-in#token=once\n" in summary
    assert str(up.data_dir / "logs") in summary
    # The summary waits for the API alone.
    others = [up.data_dir / "logs" / f"{name}.log" for name in ("worker", "scheduler")]
    eventually(lambda: all(log.exists() and log.read_text() for log in others))
    assert up.stop() == 0
    names = ["api.log", "broker.log", "index.log", "scheduler.log", "up.log", "worker.log"]
    assert sorted(path.name for path in (up.data_dir / "logs").iterdir()) == names
    assert (up.data_dir / "logs" / "worker.log").read_text() == "worker is here\n"
    assert not [path for path in up.data_dir.rglob("*") if path.is_file() and b"token=once" in path.read_bytes()]


def test_the_parts_get_addresses_and_secrets_that_work_and_nobody_else_can_read(up: Up) -> None:
    assert "prepared ['FOOTNOTE_BROKER_PASSWORD', 'FOOTNOTE_BROKER_URL'" in up.read_until("Ctrl-C")
    env = up.part("worker")["env"]
    with redis.Redis.from_url(env["FOOTNOTE_BROKER_URL"], password=env["FOOTNOTE_BROKER_PASSWORD"]) as broker:
        assert broker.ping()
    collections = f"{env['FOOTNOTE_INDEX_URL']}/collections"
    assert httpx.get(collections, headers={"api-key": env["FOOTNOTE_INDEX_API_KEY"]}).status_code == 200
    assert httpx.get(collections).status_code == 401
    assert env == up.part("api")["env"] == up.part("scheduler")["env"]
    assert not [path for path in [up.data_dir, *up.data_dir.rglob("*")] if path.stat().st_mode & 0o077]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_stops_every_part_within_ten_seconds(up: Up, number: signal.Signals) -> None:
    up.read_until("Ctrl-C")
    pids = [up.part(name)["pid"] for name in ("api", "worker", "scheduler")]
    ports = json.loads((up.data_dir / "run" / "ports.json").read_text())
    assert up.stop(number) == 0
    assert not any(map(alive, pids))
    for port in (*ports.values(), up.port):
        refuse_taken_port("127.0.0.1", port)


def test_kill_nine_of_up_ends_broker_index_and_services_and_the_next_start_works(up: Up) -> None:
    up.read_until("Ctrl-C")
    pids = [up.part(name)["pid"] for name in ("api", "worker", "scheduler")]
    ports = (up.data_dir / "run" / "ports.json").read_text()
    up.process.kill()
    up.process.wait()
    again = start_up(up.data_dir, up.notes, up.port)
    try:
        again.read_until("Ctrl-C")
        assert not any(map(alive, pids))
        assert (up.data_dir / "run" / "ports.json").read_text() == ports
    finally:
        assert again.stop() == 0
        again.process.communicate()


def test_a_killed_broker_is_restarted_under_the_same_address_and_password(up: Up) -> None:
    up.read_until("Ctrl-C")
    env = up.part("worker")["env"]
    with redis.Redis.from_url(env["FOOTNOTE_BROKER_URL"], password=env["FOOTNOTE_BROKER_PASSWORD"]) as broker:
        broker.set("kept", "yes")
        os.kill(int(broker.info()["process_id"]), signal.SIGKILL)
    up.read_until("broker crashed (ended by SIGKILL)")
    up.read_until("broker ready")
    with redis.Redis.from_url(env["FOOTNOTE_BROKER_URL"], password=env["FOOTNOTE_BROKER_PASSWORD"]) as broker:
        assert broker.get("kept") == b"yes"
    assert "broker crashed" in (up.data_dir / "logs" / "up.log").read_text()


def test_up_refuses_a_directory_in_use_and_a_taken_port_with_a_clear_message(up: Up, tmp_path: Path) -> None:
    up.read_until("Ctrl-C")
    second = start_up(up.data_dir, tmp_path / "others", free_port())
    output, _ = second.process.communicate(timeout=PATIENCE_S)
    assert second.process.returncode == 1
    assert output == (
        f"{up.data_dir} is in use by another instance of Footnote (pid {up.process.pid}). "
        "Stop that one, or choose another directory with --data-dir.\n"
    )
    third = start_up(tmp_path / "other", tmp_path / "others", up.port)
    output, _ = third.process.communicate(timeout=PATIENCE_S)
    assert third.process.returncode == 1
    assert output == (
        f"Port {up.port} on 127.0.0.1 is taken by another program. Stop that one, or choose another port with --port.\n"
    )
    assert not list((tmp_path / "others").iterdir()), "a part was started"
