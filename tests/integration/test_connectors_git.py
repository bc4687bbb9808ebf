"""The connector of Git repositories, against real ones: over file, and over HTTP from git's own server program."""

import shlex
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from pydantic import SecretStr

from ingest.connectors.addresses import AddressGate
from ingest.connectors.contract import ConnectorError
from ingest.connectors.git_repository import GitRepository
from ingest.connectors.kinds import connector_for
from ingest.connectors.options import GitOptions
from retrieval.errors import ForbiddenError, InvalidInputError
from tests.integration.connector_contract import LOOPBACK, ConnectorContract, SmallSync, Source, closing, policy_for

ENVIRONMENT = {
    "PATH": "/usr/local/bin:/usr/bin:/bin",
    "GIT_CONFIG_GLOBAL": "/dev/null",
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_AUTHOR_NAME": "Ann",
    "GIT_AUTHOR_EMAIL": "ann@x.example",
    "GIT_COMMITTER_NAME": "Ann",
    "GIT_COMMITTER_EMAIL": "ann@x.example",
}


class GitSource(Source):
    """A working copy whose repository is read over file; each change is a commit, a day after the one before."""

    kind = "git"

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.root = folder / "handbook"
        self.days = 0
        self.root.mkdir()
        self.git("init", "-q", "-b", "main")
        self.git("config", "uploadpack.allowFilter", "true")
        self.git("config", "uploadpack.allowAnySHA1InWant", "true")
        self.git("config", "http.receivepack", "false")

    def options(self) -> dict[str, object]:
        return {"url": f"file://{self.root}"}

    def git(self, *arguments: str) -> str:
        self.days += 1
        date = f"2024-01-{self.days % 28 + 1:02}T00:00:00Z"
        environment = {**ENVIRONMENT, "GIT_COMMITTER_DATE": date, "GIT_AUTHOR_DATE": date}
        done = subprocess.run(
            ["git", "--literal-pathspecs", *arguments], cwd=self.root, env=environment, check=True, capture_output=True
        )
        return done.stdout.decode()

    def put(self, name: str, text: str) -> None:
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        self.git("add", "--", name)
        self.git("commit", "-qm", "A change")

    def delete(self, name: str) -> None:
        self.git("rm", "-q", "--", name)
        self.git("commit", "-qm", "A deletion")

    def move(self, name: str, to: str) -> None:
        self.git("mv", "--", name, to)
        self.git("commit", "-qm", "A move")

    def take_down(self) -> None:
        self.root.rename(self.folder / "elsewhere")

    def id_of(self, name: str) -> str:
        return name


class HttpGitSource(GitSource):
    """The same over HTTP, by git's own `git http-backend`, asking for a password. It counts what was asked."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.server = self.stack.enter_context(git_server(self.root))

    def options(self) -> dict[str, object]:
        return {"url": f"http://localhost:{self.server.server_port}/.git", "username": "reader"}

    def secrets(self) -> dict[str, str]:
        return {"password": "open sesame"}


class GitServer(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, root: Path) -> None:
        super().__init__(("127.0.0.1", 0), _GitHandler)
        self.root = root
        self.asked: list[str] = []
        self.redirect: str | None = None


class _GitHandler(BaseHTTPRequestHandler):
    """CGI in its smallest form: a request to `git http-backend`, its answer back."""

    server: GitServer

    def do_GET(self) -> None:
        self._run(b"")

    def do_POST(self) -> None:
        if self.headers.get("Transfer-Encoding") == "chunked":
            pieces = []
            while size := int(self.rfile.readline(), 16):
                pieces.append(self.rfile.read(size))
                self.rfile.readline()
            self._run(b"".join(pieces))
            return
        self._run(self.rfile.read(int(self.headers.get("Content-Length", 0))))

    def _run(self, body: bytes) -> None:
        self.server.asked.append(f"{self.command} {self.path}")
        if self.server.redirect is not None:
            self.send_response(302)
            self.send_header("Location", self.server.redirect + self.path)
            self.end_headers()
            return
        if self.headers.get("Authorization") != "Basic cmVhZGVyOm9wZW4gc2VzYW1l":
            self.send_response(401)
            self.send_header("WWW-Authenticate", 'Basic realm="git"')
            self.end_headers()
            return
        path, _, query = self.path.partition("?")
        environment = {
            **ENVIRONMENT,
            "GIT_PROJECT_ROOT": str(self.server.root),
            "GIT_HTTP_EXPORT_ALL": "1",
            "GIT_CONFIG_COUNT": "1",
            "GIT_CONFIG_KEY_0": "safe.directory",
            "GIT_CONFIG_VALUE_0": "*",
            "PATH_INFO": path,
            "QUERY_STRING": query,
            "REQUEST_METHOD": self.command,
            "CONTENT_TYPE": self.headers.get("Content-Type", ""),
            "CONTENT_LENGTH": str(len(body)),
            "HTTP_CONTENT_ENCODING": self.headers.get("Content-Encoding", ""),
            "GIT_PROTOCOL": self.headers.get("Git-Protocol", ""),
        }
        done = subprocess.run(["git", "http-backend"], input=body, env=environment, capture_output=True, check=False)
        head, _, content = done.stdout.partition(b"\r\n\r\n")
        headers = dict(line.split(": ", 1) for line in head.decode().splitlines())
        self.send_response(int(headers.pop("Status", "200").split(" ")[0]))
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        """Quiet."""


@contextmanager
def git_server(root: Path) -> Iterator[GitServer]:
    server = GitServer(root)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class TestGit(ConnectorContract):
    @pytest.fixture
    def source(self, tmp_path: Path) -> Iterator[Source]:
        yield from closing(GitSource(tmp_path))

    def test_modified_at_is_the_last_commit_of_the_file(self, source: GitSource, sync: SmallSync) -> None:
        source.put("a.md", "The apple is red.")
        source.put("two\nlines.md", "The pear is green.")
        source.put("b.md", "The plum is blue.")
        sync.run(source.connector(web_url="https://git.example/handbook/blob/main/"))
        expected = {
            name: source.git("log", "-1", "--format=%cI", "--", name).strip()
            for name in ("a.md", "two\nlines.md", "b.md")
        }
        assert {name: item.modified_at.isoformat() for name, item in sync.items.items() if item.modified_at} == expected
        assert len(set(expected.values())) == 3
        assert sync.items["a.md"].url == "https://git.example/handbook/blob/main/a.md"
        source.put("a.md", "The apple is blue.")
        sync.run(source.connector(web_url="https://git.example/handbook/blob/main/"))
        assert sync.items["a.md"].modified_at is not None
        assert sync.items["a.md"].modified_at.isoformat() == source.git("log", "-1", "--format=%cI").strip()

    def test_history_that_was_rewritten_is_followed(self, source: GitSource, sync: SmallSync) -> None:
        source.put("a.md", "The apple is red.")
        source.put("b.md", "The pear is green.")
        sync.run(source.connector())
        source.git("reset", "-q", "--hard", "HEAD~1")
        source.put("c.md", "The plum is blue.")
        sync.run(source.connector())
        assert set(sync.texts) == {"a.md", "c.md"}

    def test_other_patterns_list_anew(self, source: GitSource, sync: SmallSync) -> None:
        source.put("a.md", "The apple is red.")
        source.put("docs/b.md", "The pear is green.")
        sync.run(source.connector())
        sync.run(source.connector(include=["docs/**"]))
        assert set(sync.texts) == {"docs/b.md"}
        sync.run(source.connector())
        assert set(sync.texts) == {"a.md", "docs/b.md"}

    def test_links_submodules_pointers_and_hooks_bring_nothing(self, source: GitSource, sync: SmallSync) -> None:
        source.put("a.md", "The apple is red.")
        source.put("large.md", "version https://git-lfs.github.com/spec/v1\noid sha256:abc\nsize 9\n")
        (source.root / "link.md").symlink_to("/etc/passwd")
        source.git("add", "--", "link.md")
        source.git("update-index", "--add", "--cacheinfo", f"160000,{'1' * 40},module")
        source.put(".gitmodules", '[submodule "module"]\n\tpath = module\n\turl = file:///etc\n')
        mark = source.folder / "hooked"
        for hook in ("post-checkout", "reference-transaction", "post-upload-pack"):
            path = source.root / ".git" / "hooks" / hook
            path.write_text(f"#!/bin/sh\ntouch {mark}\n")
            path.chmod(0o755)
        sync.run(source.connector())
        assert set(sync.texts) == {"a.md"}
        assert "LFS" in sync.faults["large.md"]
        assert not mark.exists()

    def test_a_branch_is_read_and_a_missing_one_is_an_error(self, source: GitSource, sync: SmallSync) -> None:
        source.put("a.md", "The apple is red.")
        source.git("checkout", "-qb", "drafts/next")
        source.put("b.md", "The pear is green.")
        source.git("checkout", "-q", "main")
        sync.run(source.connector())
        assert set(sync.texts) == {"a.md"}
        sync.run(source.connector(branch="drafts/next"))
        assert set(sync.texts) == {"a.md", "b.md"}
        with pytest.raises(ConnectorError, match="no branch missing"):
            sync.run(source.connector(branch="missing"))

    def test_an_empty_repository_is_empty(self, source: GitSource, sync: SmallSync) -> None:
        connector = source.connector()
        sync.run(connector)
        assert not sync.texts
        assert connector.lists_everything

    def test_two_syncs_of_one_repository_do_not_meet(self, source: GitSource, sync: SmallSync) -> None:
        source.put("a.md", "The apple is red.")
        first = source.connector()
        next(iter(first.changes(None)))
        with pytest.raises(ConnectorError, match="Another sync"):
            sync.run(source.connector())
        first.close()
        sync.run(source.connector())
        assert set(sync.texts) == {"a.md"}

    def test_ssh_connects_to_the_judged_address_and_checks_the_host_s_key(self, tmp_path: Path) -> None:
        """No SSH server runs in these tests: the command that git is given is what is looked at."""
        options = GitOptions(
            url="ssh://git@git.example:2222/handbook", ssh_key=SecretStr("KEY"), ssh_known_hosts="[git.example]:2222 x"
        )
        gate = AddressGate(resolve=lambda host, port: ["10.0.0.1", "1.1.1.1"])
        repository = GitRepository(options, policy_for(tmp_path), gate=gate)
        try:
            words = shlex.split(repository._git._environment(network=True)["GIT_SSH_COMMAND"])
            settings = dict(word.split("=", 1) for word in words if "=" in word)
            assert settings["HostName"] == "1.1.1.1"
            assert settings["HostKeyAlias"] == "[git.example]:2222"
            assert settings["StrictHostKeyChecking"] == settings["BatchMode"] == "yes"
            assert settings["ProxyCommand"] == "none"
            key = Path(settings["IdentityFile"])
            assert (key.read_text(), key.stat().st_mode & 0o777) == ("KEY\n", 0o600)
        finally:
            repository.close()
        assert not key.exists()

    def test_a_damaged_clone_is_made_anew(self, source: GitSource, sync: SmallSync) -> None:
        source.put("a.md", "The apple is red.")
        sync.run(source.connector())
        (clone,) = (source.folder / "work" / "git").glob("*/HEAD")
        (clone.parent / "config.lock").touch()
        for path in clone.parent.glob("objects/**/*"):
            if path.is_file():
                path.unlink()
        source.put("b.md", "The pear is green.")
        sync.run(source.connector())
        assert set(sync.texts) == {"a.md", "b.md"}

    @pytest.mark.parametrize(
        "url",
        [
            "--upload-pack=touch /tmp/x",
            "-oProxyCommand=touch",
            "ext::sh -c touch% /tmp/x",
            "git://host.example/repo",
            "ftp://host.example/repo",
            "ssh://-oProxyCommand=touch/repo",
            "ssh://host.example:0/repo",
            "-u@host:path",
            "https://user:password@host.example/repo",
            "file://elsewhere.example/repo",
            "/etc",
            "ssh://host example/repo",
            "https://host.example/repo\nurl = x",
        ],
    )
    def test_addresses_that_are_no_plain_repository_are_refused(self, tmp_path: Path, url: str) -> None:
        with pytest.raises(InvalidInputError):
            connector_for("git", {"url": url}, {}, policy=policy_for(tmp_path))

    @pytest.mark.parametrize("branch", ["--upload-pack=x", "+refs/heads/x", "a:b", "a b", "a..b\n", "@{u}", "^x", "/x"])
    def test_branches_that_are_more_than_a_name_are_refused(self, tmp_path: Path, branch: str) -> None:
        with pytest.raises(InvalidInputError):
            connector_for("git", {"url": f"file://{tmp_path}", "branch": branch}, {}, policy=policy_for(tmp_path))

    def test_folders_that_are_not_allowed_are_refused(self, tmp_path: Path) -> None:
        policy = policy_for(tmp_path, folder_roots=(tmp_path / "in",))
        with pytest.raises(ForbiddenError):
            connector_for("git", {"url": f"file://{tmp_path}/in/../out"}, {}, policy=policy)
        with pytest.raises(ForbiddenError):
            connector_for("git", {"url": f"file://{tmp_path}/in/%2E%2E/out"}, {}, policy=policy)


class TestGitOverHttp(ConnectorContract):
    @pytest.fixture
    def source(self, tmp_path: Path) -> Iterator[Source]:
        yield from closing(HttpGitSource(tmp_path))

    def test_contents_come_in_one_request_and_unchanged_ones_not_at_all(
        self, source: HttpGitSource, sync: SmallSync
    ) -> None:
        for number in range(30):
            source.put(f"{number}.md", f"Text {number}.")
        sync.run(source.connector())
        assert len(sync.texts) == 30
        first = len(source.server.asked)
        assert first <= 12, "list, history and one request for all contents, each with the server's greeting"
        sync.run(source.connector())
        assert not sync.fetched
        assert len(source.server.asked) - first <= 3

    def test_a_private_address_is_refused_and_nothing_is_asked(self, source: HttpGitSource, sync: SmallSync) -> None:
        source.policy = lambda: policy_for(source.folder, allowed_networks=())  # type: ignore[method-assign]
        with pytest.raises(ConnectorError, match="private"):
            sync.run(source.connector())
        assert not source.server.asked

    def test_git_connects_to_the_address_that_was_judged(self, source: HttpGitSource, tmp_path: Path) -> None:
        """The name exists for our resolver only: git gets there because it does not look it up itself."""
        source.put("a.md", "The apple is red.")
        url = f"http://no-such-host.invalid:{source.server.server_port}/.git"
        options = GitOptions(url=url, username="reader", password=SecretStr("open sesame"))
        gate = AddressGate((LOOPBACK,), resolve=lambda host, port: ["127.0.0.1"])
        repository = GitRepository(options, source.policy(), gate=gate)
        try:
            head = repository.update()
            assert head == source.git("rev-parse", "HEAD").strip()
        finally:
            repository.close()

    def test_redirects_are_not_followed(self, source: HttpGitSource, sync: SmallSync) -> None:
        source.put("a.md", "The apple is red.")
        with git_server(source.root) as other:
            source.server.redirect = f"http://127.0.0.1:{other.server_port}"
            with pytest.raises(ConnectorError):
                sync.run(source.connector())
            assert not other.asked

    def test_a_wrong_password_is_an_error_without_a_prompt_or_the_password(
        self, source: HttpGitSource, sync: SmallSync
    ) -> None:
        source.secrets = lambda: {"password": "very wrong"}  # type: ignore[method-assign]
        with pytest.raises(ConnectorError) as caught:
            sync.run(source.connector())
        assert "very wrong" not in str(caught.value)
