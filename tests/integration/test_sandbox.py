"""The parse sandbox with real processes: what a document may cost, what its death is, and who outlives whom."""

import contextlib
import json
import logging
import multiprocessing
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ingest import landlock
from ingest.parse_child import UNREADABLE
from ingest.parsing import parse
from ingest.sandbox import ParseLimits, ParseSandbox, _checked, _document, _read
from ingest.zygote import Ending, Zygote
from retrieval.errors import DocumentError

pytestmark = pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="looks at processes through /proc")


@pytest.fixture
def sandbox() -> Iterator[ParseSandbox]:
    with ParseSandbox() as started:
        yield started


@pytest.fixture
def note(tmp_path: Path) -> Path:
    path = tmp_path / "note.md"
    path.write_text("# Leave\n\nEverybody has 25 days — “paid”.\n", encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def slow(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file that takes some seconds to parse: half a million rows."""
    path = tmp_path_factory.mktemp("slow") / "rows.csv"
    path.write_text("name,days\n" + "Ada,25\n" * 500_000, encoding="utf-8")
    return path


def zygote(sandbox: ParseSandbox) -> int:
    assert sandbox._zygote is not None
    return sandbox._zygote._process.pid


def children(pid: int) -> list[int]:
    try:
        return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except FileNotFoundError:
        return []


def runs(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def until(holds: Callable[[], bool]) -> None:
    for _ in range(3000):
        if holds():
            return
        time.sleep(0.01)
    raise AssertionError("it did not happen in 30 s")


def refused(sandbox: ParseSandbox, path: Path) -> str:
    with pytest.raises(DocumentError) as caught:
        sandbox.parse(path, path.name)
    assert caught.value.message
    return caught.value.code


def while_parsing(sandbox: ParseSandbox, path: Path, act: Callable[[int, int], None]) -> DocumentError | None:
    """Parses `path` in a thread, calls `act` with the ids of zygote and child meanwhile, returns what was raised."""
    raised: list[DocumentError] = []

    def target() -> None:
        try:
            sandbox.parse(path, path.name)
        except DocumentError as error:
            raised.append(error)

    assert sandbox.network_isolated in (True, False)
    parent = zygote(sandbox)
    thread = threading.Thread(target=target)
    thread.start()
    until(lambda: bool(children(parent)))
    act(parent, children(parent)[0])
    thread.join()
    return raised[0] if raised else None


def test_the_sandbox_gives_what_parsing_gives(sandbox: ParseSandbox, note: Path) -> None:
    assert sandbox.parse(note, "note.md") == parse(note, "note.md")


def test_an_error_of_the_document_comes_through_with_its_code_and_message(
    sandbox: ParseSandbox, tmp_path: Path
) -> None:
    empty = tmp_path / "empty.txt"
    empty.touch()
    with pytest.raises(DocumentError, match="empty") as caught:
        sandbox.parse(empty, "empty.txt")
    assert caught.value.code == "empty_file"


def test_documents_after_each_other_share_a_zygote_that_never_grows_a_thread(sandbox: ParseSandbox, note: Path) -> None:
    sandbox.parse(note, "note.md")
    first = zygote(sandbox)
    sandbox.parse(note, "note.md")
    assert zygote(sandbox) == first
    assert len(list(Path(f"/proc/{first}/task").iterdir())) == 1


def test_a_document_over_the_wall_limit_is_ended(slow: Path) -> None:
    with ParseSandbox(ParseLimits(wall_s=0.3)) as sandbox:
        assert refused(sandbox, slow) == "parse_limit"
        assert children(zygote(sandbox)) == []


def test_a_document_over_the_processor_limit_is_ended(slow: Path) -> None:
    with ParseSandbox(ParseLimits(cpu_s=1)) as sandbox:
        assert refused(sandbox, slow) == "parse_limit"


def test_a_document_over_the_memory_limit_is_ended(slow: Path) -> None:
    with ParseSandbox(ParseLimits(memory_bytes=200 * 2**20)) as sandbox:
        assert refused(sandbox, slow) == "parse_limit"


def test_a_document_over_the_output_limit_is_refused_and_the_next_one_is_parsed(note: Path, tmp_path: Path) -> None:
    long = tmp_path / "long.txt"
    long.write_text("words " * 100_000)
    with ParseSandbox(ParseLimits(output_bytes=100_000)) as sandbox:
        assert refused(sandbox, long) == "parse_limit"
        assert sandbox.parse(note, "note.md").title == "Leave"


@pytest.mark.parametrize("sign", [signal.SIGSEGV, signal.SIGABRT])
def test_a_crash_of_the_parser_is_an_ordinary_result(
    sandbox: ParseSandbox, slow: Path, note: Path, sign: signal.Signals
) -> None:
    error = while_parsing(sandbox, slow, lambda _, child: os.kill(child, sign))
    assert error is not None
    assert error.code == "parser_crashed"
    assert sandbox.parse(note, "note.md").title == "Leave"


def test_a_zygote_that_died_is_started_again(sandbox: ParseSandbox, note: Path) -> None:
    sandbox.parse(note, "note.md")
    first = zygote(sandbox)
    os.kill(first, signal.SIGKILL)
    assert sandbox.parse(note, "note.md").title == "Leave"
    assert zygote(sandbox) != first


def test_a_document_whose_zygote_dies_is_parsed_again_and_its_child_ends(sandbox: ParseSandbox, slow: Path) -> None:
    killed: list[int] = []

    def kill(parent: int, child: int) -> None:
        killed.append(child)
        os.kill(parent, signal.SIGKILL)

    assert while_parsing(sandbox, slow, kill) is None
    until(lambda: not runs(killed[0]))


def test_a_file_that_is_replaced_while_it_is_read_is_read_again(
    sandbox: ParseSandbox, note: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As by the same bytes sent once more: the child was let at the file that was there before."""
    run = Zygote.run
    endings: list[Ending] = []

    def unreadable_at_first(zygote: Zygote, path: Path, file_name: str, limits: ParseLimits) -> Ending:
        endings.append(run(zygote, path if endings else path.with_name("gone"), file_name, limits))
        return endings[-1]

    monkeypatch.setattr(Zygote, "run", unreadable_at_first)
    assert sandbox.parse(note, "note.md") == parse(note, "note.md")
    assert [ending.code for ending in endings] == [UNREADABLE, 0]


def test_a_file_that_is_not_there_is_no_document(sandbox: ParseSandbox, note: Path) -> None:
    with pytest.raises(DocumentError) as refused:
        sandbox.parse(note.with_name("gone"), "note.md")
    assert refused.value.code == "parser_crashed"


def test_closing_ends_zygote_and_child(sandbox: ParseSandbox, note: Path) -> None:
    sandbox.parse(note, "note.md")
    first = zygote(sandbox)
    sandbox.close()
    assert not runs(first)
    assert sandbox.parse(note, "note.md").title == "Leave"


def test_zygote_and_child_end_with_the_process_that_started_them(slow: Path) -> None:
    script = (
        "import sys, threading, time; from pathlib import Path; from ingest.sandbox import ParseSandbox\n"
        "sandbox = ParseSandbox(); sandbox.network_isolated\n"
        "path = Path(sys.argv[1])\n"
        "threading.Thread(target=sandbox.parse, args=(path, path.name), daemon=True).start()\n"
        "print(sandbox._zygote._process.pid, flush=True); time.sleep(60)\n"
    )
    with subprocess.Popen([sys.executable, "-c", script, str(slow)], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        parent = int(process.stdout.readline())
        until(lambda: bool(children(parent)))
        child = children(parent)[0]
        process.kill()
    until(lambda: not runs(parent) and not runs(child))


def _parse_in_daemon(sandbox: ParseSandbox, path: Path) -> None:
    sys.exit(0 if sandbox.parse(path, path.name).title == "Leave" else 1)


def test_a_forked_daemon_parses_with_a_zygote_of_its_own(sandbox: ParseSandbox, note: Path) -> None:
    sandbox.parse(note, "note.md")
    daemon = multiprocessing.get_context("fork").Process(target=_parse_in_daemon, args=(sandbox, note), daemon=True)
    daemon.start()
    daemon.join()
    assert daemon.exitcode == 0
    assert sandbox.parse(note, "note.md").title == "Leave"


def test_threads_share_a_sandbox(sandbox: ParseSandbox, note: Path) -> None:
    titles: list[str | None] = []
    threads = [threading.Thread(target=lambda: titles.append(sandbox.parse(note, "note.md").title)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert titles == ["Leave"] * 8


def test_the_parser_has_a_network_namespace_of_its_own_where_the_system_permits_that(sandbox: ParseSandbox) -> None:
    assert sandbox.network_isolated
    if os.readlink(f"/proc/{zygote(sandbox)}/ns/net") == os.readlink("/proc/self/ns/net"):
        pytest.skip("this system lets nobody but its administrator make a network namespace")
    interfaces = Path(f"/proc/{zygote(sandbox)}/net/dev").read_text().splitlines()[2:]
    assert [line.split(":")[0].strip() for line in interfaces] in ([], ["lo"])


def test_the_parser_inherits_no_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FOOTNOTE_LLM_API_KEY", "sesame")
    with ParseSandbox() as sandbox:
        assert sandbox.network_isolated in (True, False)
        assert b"sesame" not in Path(f"/proc/{zygote(sandbox)}/environ").read_bytes()


def test_a_child_runs_under_every_limit(sandbox: ParseSandbox, slow: Path) -> None:
    found: dict[str, str] = {}

    def look(_: int, child: int) -> None:
        # The limits are set a moment after the fork.
        def limited() -> bool:
            with contextlib.suppress(FileNotFoundError, ProcessLookupError):
                for line in Path(f"/proc/{child}/limits").read_text().splitlines()[1:]:
                    found[line[:25].strip()] = line[25:].split()[0]
            return found.get("Max core file size") == "0" and found["Max file size"] == "0"

        until(limited)

    assert while_parsing(sandbox, slow, look) is None
    limits = ParseLimits()
    assert found["Max address space"] == str(limits.memory_bytes)
    assert found["Max cpu time"] == str(limits.cpu_s)
    assert found["Max open files"] == str(limits.open_files)


def test_nonsense_from_a_child_is_no_document() -> None:
    good: dict[str, object] = {
        "text": "ab",
        "pages": [[1, 0, 2]],
        "headings": [],
        "title": None,
        "media_type": "text/plain",
    }
    good |= {"hidden_chars": 0, "left_out": [["a.zip", "It is damaged."]], "recognised": [[0, 1]]}
    assert _checked(json.loads(json.dumps(good))).text == "ab"
    long = _checked({**good, "title": "t" * 9000, "headings": [[10**9, "h" * 9000, 0, 1]]})
    assert (long.title, long.headings[0].title) == ("t" * 300, "h" * 300)
    assert long.headings[0].level <= 20
    for bad in (
        {**good, "text": 5},
        {**good, "pages": [[1, 0, 3]]},
        {**good, "headings": [[1, "x", 2, 1]]},
        {**good, "recognised": [[1, 9]]},
        {**good, "left_out": ["a.zip"]},
        {**good, "text": "a\ud800"},
        {**good, "headings": [[1, "\ud800", 0, 1]]},
        {},
    ):
        with pytest.raises((ValueError, TypeError, KeyError)):
            _checked(bad)


@pytest.mark.parametrize("number", ["Infinity", "1e999", "NaN"])
def test_a_number_that_is_none_breaks_the_childs_answer_and_nothing_else(number: str) -> None:
    document: dict[str, object] = {key: [] for key in ("pages", "headings", "left_out", "recognised")}
    document |= {"text": "ab", "title": None, "media_type": "text/plain", "hidden_chars": "NUMBER"}
    output = json.dumps({"document": document}).replace('"NUMBER"', number).encode()
    assert _read(output) is None
    with pytest.raises(DocumentError) as caught:
        _document(Ending(output, False, 0, False, 60.0, 0), ParseLimits())
    assert caught.value.code == "parser_crashed"


def test_small_texts_are_read_by_one_child_and_each_gives_what_it_gives_alone(
    sandbox: ParseSandbox, note: Path, tmp_path: Path
) -> None:
    rest = {
        "old.txt": "Zahlungen über 1.000 € brauchen zwei Unterschriften.\r\n".encode("cp1252"),
        "line.txt": 'One line\u2028another, and a \\ and a "quote".\n'.encode(),
        "list.rst": b"Leave\n=====\n\n- 25 days\n- paid\n",
        "empty.txt": b"",
        "lies.txt": b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n",
        "mail.eml": b"From: a@example.com\r\nTo: b@example.com\r\nSubject: Leave\r\n\r\nTwo days.\r\n",
        "long.txt": b"Everybody has 25 days. " * 3000,
    }
    for name, data in rest.items():
        (tmp_path / name).write_bytes(data)
    files = [(note, "note.md"), *((tmp_path / name, name) for name in rest)]
    before = children(zygote(sandbox)) if sandbox.network_isolated in (True, False) else []
    found = sandbox.parse_prose(files)
    assert before == children(zygote(sandbox)) == []
    for (path, name), one in zip(files[:4], found[:4], strict=True):
        assert one == parse(path, name)
    assert [one.code for one in found[4:6] if isinstance(one, DocumentError)] == ["empty_file", "type_mismatch"]
    assert found[6:] == [None, None]  # the parsers of everything but prose meet one file at a time


def test_small_texts_whose_child_dies_are_to_be_read_alone(note: Path) -> None:
    with ParseSandbox(ParseLimits(open_files=1)) as short:
        assert short.parse_prose([(note, "note.md"), (note, "other.md")]) == [None, None]
    with ParseSandbox() as sandbox:
        assert sandbox.parse_prose([(note, "long" * 60 + ".md")] * 200) == [None] * 200  # more than a request holds
        assert sandbox.parse(note, "note.md").title == "Leave"


# A zygote runs this before anything else. `refuse` is what a container's own filter does to it.
_TAKE_OVER = """
import ctypes, errno, os, socket, struct, subprocess, sys

def refuse(number, error):
    code = b"".join(struct.pack("HBBI", *line) for line in
        [(32, 0, 0, 0), (21, 0, 1, number), (6, 0, 0, 0x50000 | error), (6, 0, 0, 0x7FFF0000)])
    kept = ctypes.create_string_buffer(code)
    program = ctypes.create_string_buffer(struct.pack("HP", 4, ctypes.addressof(kept)))
    libc = ctypes.CDLL(None)
    libc.prctl(38, 1, 0, 0, 0)
    assert libc.prctl(22, 2, program, 0, 0) == 0

def call(number, *arguments):
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.syscall(ctypes.c_long(number), *arguments) < 0:
        raise OSError(ctypes.get_errno(), "refused")

def started(code):
    run = subprocess.run([sys.executable, "-ISc", code], capture_output=True, text=True)
    if run.returncode:
        raise OSError(getattr(errno, run.stderr.split()[-1], 0), run.stderr)

def tried(act):
    try:
        act()
    except OSError as error:
        return errno.errorcode.get(error.errno, str(error))
    return "done"

def take_over(acts):
    import json
    import ingest.parsing
    from ingest.parsing import document
    def parse(path, name, *, on_recognition=None):
        found = {name: tried(act) for name, act in acts(path).items()}
        return document.ParsedDocument(json.dumps(found), (), (), None, "text/plain", 0, (), ())
    ingest.parsing.parse = parse
"""
_UNSHARE = 272 if os.uname().machine == "x86_64" else 97
_NO_NAMESPACES = f"refuse({_UNSHARE}, errno.EPERM)\n"


@contextlib.contextmanager
def zygote_that(monkeypatch: pytest.MonkeyPatch, folder: Path, script: str) -> Iterator[ParseSandbox]:
    """A sandbox whose zygote runs `script` as it starts: the rest of it is as ever."""
    folder.mkdir()
    (folder / "sitecustomize.py").write_text(_TAKE_OVER + script, encoding="utf-8")
    monkeypatch.syspath_prepend(str(folder))
    with ParseSandbox() as sandbox:
        yield sandbox


def attempts(
    monkeypatch: pytest.MonkeyPatch, folder: Path, document: Path, acts: str, *, namespaces: bool
) -> dict[str, str]:
    """How each of `acts` (lines of a dictionary of functions) ended in the child that reads `document`."""
    script = f"def acts(path):\n    return {{{acts}}}\ntake_over(acts)\n"
    if not namespaces:
        script += _NO_NAMESPACES
    with zygote_that(monkeypatch, folder, script) as sandbox:
        found: dict[str, str] = json.loads(sandbox.parse(document, document.name).text)
    return found


_REACHING_OUT = """
    "inet": lambda: socket.socket(socket.AF_INET),
    "inet6": lambda: socket.socket(socket.AF_INET6, socket.SOCK_DGRAM),
    "netlink": lambda: socket.socket(socket.AF_NETLINK, socket.SOCK_RAW),
    "unix": lambda: socket.socket(socket.AF_UNIX),
    "datagrams": lambda: socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM),
    "ring": lambda: call(425, 4, ctypes.create_string_buffer(256)),
    "trace": lambda: call(117 if os.uname().machine == "aarch64" else 101, 0, 0, None, None),
    "program": lambda: started("import errno, sys, _socket\\ntry:\\n _socket.socket()\\n"
                               "except OSError as e: sys.exit(errno.errorcode[e.errno])"),
"""


@pytest.mark.parametrize("namespaces", [True, False])
def test_a_child_that_is_taken_over_reaches_nobody(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, note: Path, namespaces: bool
) -> None:
    found = attempts(monkeypatch, tmp_path / "hook", note, _REACHING_OUT, namespaces=namespaces)
    assert found == dict.fromkeys(found, "EPERM")
    assert len(found) == 8


needs_landlock = pytest.mark.skipif(
    landlock.abi() == 0, reason="this kernel has no Landlock (or a container's filter refuses it): files stay readable"
)

_TAKING_FILES = """
    "own": lambda: open(path, "rb").read(),
    "library": lambda: open(os.__file__, "rb").read(),
    "null": lambda: open("/dev/null", "wb").write(b"x"),
    "read": lambda: open({secret!r}, "rb").read(),
    "read blob": lambda: open({blob!r}, "rb").read(),
    "read beside": lambda: open({beside!r}, "rb").read(),
    "read code's neighbour": lambda: open({checkout!r}, "rb").read(),
    "read environment": lambda: open(f"/proc/{{os.getppid()}}/environ", "rb").read(),
    "read users": lambda: open("/etc/passwd", "rb").read(),
    "list": lambda: os.listdir({folder!r}),
    "program": lambda: started("import errno, sys\\ntry:\\n open(" + repr({secret!r}) + ")\\n"
                               "except OSError as e: sys.exit(errno.errorcode[e.errno])"),
    "write": lambda: open({secret!r}, "ab"),
    "write own": lambda: open(path, "ab"),
    "create": lambda: open({folder!r} + "/new", "wb"),
    "create in tmp": lambda: os.mkdir("/tmp/made-by-a-parser"),
    "create in library": lambda: open(os.__file__ + ".new", "wb"),
    "remove": lambda: os.unlink({secret!r}),
    "rename": lambda: os.rename({secret!r}, {secret!r} + ".old"),
    "link": lambda: os.symlink("/", {folder!r} + "/link"),
    "empty": lambda: os.truncate({secret!r}, 0),
    "open up": lambda: os.chmod({secret!r}, 0o777),
"""
_ALLOWED = {"own", "library", "null"}


@needs_landlock
@pytest.mark.parametrize("namespaces", [True, False])
def test_a_child_that_is_taken_over_has_its_document_and_no_other_file(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, note: Path, namespaces: bool
) -> None:
    folder = tmp_path / ".footnote"
    (folder / "blobs").mkdir(parents=True)
    paths = {"secret": folder / "secret", "blob": folder / "blobs" / "ab", "beside": note.with_name("beside.md")}
    for path in paths.values():
        path.write_text("sesame")
    paths |= {"folder": folder, "checkout": Path(__file__).parents[2] / "pyproject.toml"}
    acts = _TAKING_FILES.format(**{name: str(path) for name, path in paths.items()})
    found = attempts(monkeypatch, tmp_path / "hook", note, acts, namespaces=namespaces)
    assert {name for name, how in found.items() if how == "done"} == _ALLOWED
    assert {how for name, how in found.items() if name not in _ALLOWED} <= {"EACCES", "EPERM", "EXDEV"}
    assert paths["secret"].read_text() == "sesame"
    assert sorted(path.name for path in folder.iterdir()) == ["blobs", "secret"]


@needs_landlock
def test_small_texts_read_together_are_all_that_their_child_may_read(sandbox: ParseSandbox, tmp_path: Path) -> None:
    files = [(tmp_path / name, name) for name in ("a.txt", "b.txt", "link.txt")]
    for path, _ in files[:2]:
        path.write_text(f"words of {path.name}")
    (tmp_path / "far").mkdir()
    (tmp_path / "far" / "c.txt").write_text("words of link.txt")
    files[2][0].symlink_to(tmp_path / "far" / "c.txt")
    found = sandbox.parse_prose(files)
    assert [getattr(one, "text", one) for one in found] == [f"words of {name}" for _, name in files]


@needs_landlock
@pytest.mark.skipif(landlock.abi() < 6, reason="this kernel's Landlock knows nothing of signals (before 6.12)")
def test_a_child_that_is_taken_over_ends_nobody(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, note: Path) -> None:
    acts = f'"signal": lambda: os.kill({os.getpid()}, 0)'
    assert attempts(monkeypatch, tmp_path / "hook", note, acts, namespaces=False) == {"signal": "EPERM"}


_UNKNOWN_MACHINE = "from ingest import syscall_filter\nsyscall_filter._MACHINES.clear()\n"


@pytest.mark.parametrize(
    ("script", "said"),
    [
        (_NO_NAMESPACES, "" if landlock.abi() else "read other files"),
        (_NO_NAMESPACES + _UNKNOWN_MACHINE, "reach the network and read other files"),
        ("refuse(444, errno.ENOSYS)\n", "read other files"),
        ("refuse(446, errno.EPERM)\n", "read other files"),
    ],
    ids=["no namespaces", "an unknown machine", "no Landlock", "Landlock is refused"],
)
def test_what_is_not_isolated_is_said_once_and_documents_are_parsed(
    *,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    tmp_path: Path,
    note: Path,
    script: str,
    said: str,
) -> None:
    with caplog.at_level(logging.WARNING), zygote_that(monkeypatch, tmp_path / "hook", script) as sandbox:
        for _ in range(2):
            assert sandbox.parse(note, "note.md").title == "Leave"
            assert (sandbox.network_isolated, sandbox.files_isolated) == ("network" not in said, "files" not in said)
            sandbox.close()
    expected = [f"parsers are not isolated: they can {said}"] if said else []
    assert [record.message for record in caplog.records if record.name == "ingest.sandbox"] == expected


def test_a_format_of_the_past_is_read_in_a_child_as_outside_one(sandbox: ParseSandbox, tmp_path: Path) -> None:
    rich = tmp_path / "rich.rtf"
    rich.write_bytes(rb"{\rtf1\ansi Everybody has 25 days of leave.\par}")
    assert sandbox.parse(rich, "rich.rtf") == parse(rich, "rich.rtf")
