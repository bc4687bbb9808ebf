"""Runs git with nothing of its surroundings: no user or system configuration, no hooks, no prompts, one protocol, one
host at the address that the gate permitted. Knows nothing of repositories' content.
"""

import base64
import os
import re
import shlex
import shutil
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote, unquote, urlsplit

from ingest.connectors.addresses import AddressGate, RefusedAddressError
from ingest.connectors.contract import ConnectorError
from ingest.connectors.folder import permitted_path
from ingest.connectors.options import GitOptions
from ingest.connectors.policy import ConnectorPolicy
from retrieval.errors import InvalidInputError

NETWORK_S = 1800.0
MAX_CLONE_BYTES = 10 * 2**30
_LOCAL_S = 300.0
_POLL_S = 0.5
_PATH = "/usr/local/bin:/usr/bin:/bin"
_SCP = re.compile(r"(?P<user>[A-Za-z0-9._-]+)@(?P<host>[A-Za-z0-9.-]+):(?P<path>[^:]+)")
_PORTS = {"https": 443, "http": 80, "ssh": 22}


@dataclass(frozen=True, slots=True)
class Remote:
    """Where a repository is, taken apart once. `host` is empty for file."""

    url: str
    scheme: str
    host: str
    port: int


def remote_of(text: str, policy: ConnectorPolicy) -> Remote:
    """Raises InvalidInputError for protocols that are not read, ForbiddenError for folders that are not allowed."""
    if (scp := _SCP.fullmatch(text)) is not None:
        text = f"ssh://{scp['user']}@{scp['host']}/{scp['path'].lstrip('/')}"
    try:
        parts = urlsplit(text)
        host, port = parts.hostname or "", parts.port
    except ValueError as error:
        raise InvalidInputError("The repository's address is malformed.", code="invalid_options") from error
    if parts.scheme == "file":
        if host not in ("", "localhost"):
            raise InvalidInputError("A file address names no host: write file:///path.", code="invalid_options")
        return Remote(f"file://{quote(str(permitted_path(unquote(parts.path), policy)))}", "file", "", 0)
    if parts.scheme not in _PORTS:
        raise InvalidInputError("Repositories are read over https, ssh and file.", code="invalid_options")
    if not re.fullmatch(r"[A-Za-z0-9.:-]+", host) or host.startswith("-") or port == 0:
        raise InvalidInputError("The repository's address has no host.", code="invalid_options")
    if parts.password or (parts.scheme != "ssh" and parts.username):
        raise InvalidInputError("Give user name and password apart from the address.", code="invalid_options")
    if parts.username and not re.fullmatch(r"[A-Za-z0-9._][A-Za-z0-9._-]*", parts.username):
        raise InvalidInputError("The user name in the address is malformed.", code="invalid_options")
    return Remote(text, parts.scheme, host, port or _PORTS[parts.scheme])


class Git:
    """`folder` is a bare repository, `private` a folder for keys that nobody else may read."""

    def __init__(self, options: GitOptions, remote: Remote, gate: AddressGate, *, folder: Path, private: Path) -> None:
        binary = shutil.which("git", path=_PATH)
        if binary is None:
            raise ConnectorError("The git program is not installed on the server.")
        self._binary = binary
        self._options = options
        self._remote = remote
        self._gate = gate
        self.folder = folder
        self._private = private

    def local(self, *arguments: str) -> bytes:
        """What a command that needs no network prints. Raises ConnectorError."""
        return self._run(arguments, b"", self._environment(network=False), _LOCAL_S)

    def remote(self, *arguments: str, feed: bytes = b"") -> bytes:
        """What a command prints that may talk to the remote, called origin. Raises ConnectorError."""
        return self._run(arguments, feed, self._environment(network=True), NETWORK_S)

    def started(self, *arguments: str) -> subprocess.Popen[bytes]:
        """A running command with pipes that needs no network; the caller ends it."""
        return subprocess.Popen(
            [self._binary, "--literal-pathspecs", f"--git-dir={self.folder}", *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            cwd=self._private,
            env=self._environment(network=False),
        )

    def _run(self, arguments: Sequence[str], feed: bytes, environment: Mapping[str, str], seconds: float) -> bytes:
        """Output and errors go to files: a pipe that nobody empties would stop git."""
        ends = time.monotonic() + seconds
        out, err, into = (self._private / name for name in ("out", "err", "in"))
        into.write_bytes(feed)
        with out.open("wb") as stdout, err.open("wb") as stderr, into.open("rb") as stdin:
            process = subprocess.Popen(
                [self._binary, "--literal-pathspecs", f"--git-dir={self.folder}", *arguments],
                stdin=stdin,
                stdout=stdout,
                stderr=stderr,
                cwd=self._private,
                env=environment,
                start_new_session=True,
            )
            try:
                self._wait(process, ends)
            finally:
                if process.poll() is None:
                    os.killpg(process.pid, 9)
                    process.wait()
        if process.returncode != 0:
            raise ConnectorError(f"git failed: {_last_words(err)}")
        return out.read_bytes()

    def _wait(self, process: subprocess.Popen[bytes], ends: float) -> None:
        while True:
            try:
                process.wait(_POLL_S)
            except subprocess.TimeoutExpired:
                if time.monotonic() > ends:
                    raise ConnectorError("git took too long.") from None
                if _size(self.folder) > MAX_CLONE_BYTES:
                    raise ConnectorError(f"The repository has more than {MAX_CLONE_BYTES >> 30} GiB.") from None
            else:
                return

    def _environment(self, *, network: bool) -> dict[str, str]:
        configuration = {
            "core.hooksPath": os.devnull,
            "core.fsmonitor": "false",
            "credential.helper": "",
            "fetch.recurseSubmodules": "false",
            "gc.autoDetach": "false",
            "http.followRedirects": "false",
            "http.lowSpeedLimit": "100",
            "http.lowSpeedTime": "60",
            "http.proxy": "",
            "http.userAgent": "git/footnote",
            "protocol.allow": "never",
            "transfer.bundleURI": "false",
            **(self._transport() if network else {}),
        }
        variables = {
            "GIT_ALLOW_PROTOCOL": self._remote.scheme if network else "none",
            "GIT_ASKPASS": "",
            "GIT_ATTR_NOSYSTEM": "1",
            "GIT_CONFIG_COUNT": str(len(configuration)),
            "GIT_CONFIG_GLOBAL": os.devnull,
            "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_LFS_SKIP_SMUDGE": "1",
            "GIT_SSH_VARIANT": "ssh",
            "GIT_TERMINAL_PROMPT": "0",
            "HOME": str(self._private),
            "LC_ALL": "C",
            "PATH": _PATH,
            "SSH_ASKPASS": "",
        }
        for number, (key, value) in enumerate(configuration.items()):
            variables[f"GIT_CONFIG_KEY_{number}"] = key
            variables[f"GIT_CONFIG_VALUE_{number}"] = value
        if network and self._remote.scheme == "ssh":
            variables["GIT_SSH_COMMAND"] = self._ssh_command()
        return variables

    def _transport(self) -> Mapping[str, str]:
        """The settings that bind the protocol to a permitted address, and to our credentials."""
        remote, options = self._remote, self._options
        settings = {
            f"protocol.{remote.scheme}.allow": "always",
            "remote.origin.url": remote.url,
            "remote.origin.promisor": "true",
            "remote.origin.partialclonefilter": "blob:none",
        }
        if remote.scheme == "file":
            return {**settings, "safe.directory": "*"}
        if remote.scheme == "ssh":
            return settings
        addresses = self._addresses()
        pinned = ",".join(f"[{address}]" if ":" in address else address for address in addresses)
        settings["http.curloptResolve"] = f"{remote.host}:{remote.port}:{pinned}"
        if options.password is not None:
            pair = f"{options.username or 'git'}:{options.password.get_secret_value()}"
            settings["http.extraHeader"] = f"Authorization: Basic {base64.b64encode(pair.encode()).decode()}"
        return settings

    def _addresses(self) -> tuple[str, ...]:
        remote = self._remote
        try:
            addresses = self._gate.addresses(remote.host, remote.port)
        except OSError as error:
            raise ConnectorError(f"The name {remote.host} does not resolve.") from error
        except RefusedAddressError as error:
            raise ConnectorError(error.message) from error
        if remote.scheme == "http" and not all(map(self._gate.allows_private, addresses)):
            raise ConnectorError("Plain http is read only in networks that the operator allows: use https.")
        return addresses

    def _ssh_command(self) -> str:
        remote, options = self._remote, self._options
        name = remote.host if remote.port == _PORTS["ssh"] else f"[{remote.host}]:{remote.port}"
        settings = {
            "BatchMode": "yes",
            "ClearAllForwardings": "yes",
            "ConnectTimeout": "20",
            "HostKeyAlias": name,
            "HostName": self._addresses()[0],
            "IdentitiesOnly": "yes",
            "IdentityAgent": "none",
            "PermitLocalCommand": "no",
            "ProxyCommand": "none",
            "StrictHostKeyChecking": "yes",
        }
        if options.ssh_known_hosts is not None:
            settings["UserKnownHostsFile"] = str(self._file("known_hosts", options.ssh_known_hosts))
        if options.ssh_key is not None:
            settings["IdentityFile"] = str(self._file("key", options.ssh_key.get_secret_value()))
        pairs = [word for key, value in settings.items() for word in ("-o", f"{key}={value}")]
        return shlex.join(["ssh", "-F", "none", *pairs])

    def _file(self, name: str, text: str) -> Path:
        path = self._private / name
        if not path.exists():
            path.touch(0o600)
            path.write_text(text.replace("\r\n", "\n").rstrip("\n") + "\n")
        return path


def _size(folder: Path) -> int:
    packs = folder / "objects" / "pack"
    return sum(file.stat().st_size for file in packs.glob("*") if file.exists()) if packs.is_dir() else 0


def _last_words(path: Path) -> str:
    """What git said last, without addresses that may hold secrets."""
    lines = [line for line in path.read_text("utf-8", "replace").splitlines() if line.strip()]
    said = next((line for line in reversed(lines) if line.startswith(("fatal:", "error:", "ssh:"))), "")
    return (said or (lines[-1] if lines else "it said nothing"))[:300]
