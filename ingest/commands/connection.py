"""Which server, and with which key: options, environment, or the file that `footnote up` leaves in its data directory.

Knows nothing of verbs. A key found in that file is only ever sent to the address that stands beside it. That address
is also where a key from elsewhere goes, unless another one was named; but not to another machine that only the folder
one happens to be in names, for anybody may have made that.
"""

import json
import os
import stat
from dataclasses import dataclass
from pathlib import Path

from ingest.client import Client
from ingest.commands.usage import WrongUsageError
from ingest.rest import is_on_this_machine
from retrieval.errors import InvalidInputError

DEFAULT_URL = "http://127.0.0.1:8000"
DATA_DIR = Path(".footnote")
KEY_FILE = "cli.json"

_NO_KEY = (
    "No API key for {url}. Set FOOTNOTE_API_KEY to one, or pass --api-key. On the machine that runs"
    " `footnote up` the key is found in its data directory: pass --data-dir if that is not {data_dir}."
    " An administrator makes keys with `footnote keys create --user EMAIL`."
)
_NOT_ASKED_FOR = (
    "{path} names the server {url}, and your key is not from there: it is sent only to what you name yourself."
    " Pass --url {url}, or --data-dir {folder}."
)


@dataclass(frozen=True, slots=True)
class ConnectionOptions:
    """What was said on the command line and in the environment; None where nothing was."""

    url: str | None = None
    api_key: str | None = None
    data_dir: Path | None = None


@dataclass(frozen=True, slots=True)
class _KeyFile:
    url: str
    key: str


def open_client(options: ConnectionOptions) -> Client:
    """A client for the server that the options name. WrongUsageError where they name none usable."""
    data_dir = Path(os.path.expanduser(options.data_dir or DATA_DIR))
    try:
        url, key = _address_and_key(options, data_dir)
        if not key:
            raise WrongUsageError(_NO_KEY.format(url=url, data_dir=data_dir))
        return Client(url, key)
    except InvalidInputError as error:
        raise WrongUsageError(error.message) from error


def _address_and_key(options: ConnectionOptions, data_dir: Path) -> tuple[str, str | None]:
    url, key = options.url, options.api_key
    found = None if url and key else _read_key_file(data_dir / KEY_FILE)
    if found is None or (url and not _same_address(url, found.url)):
        return url or DEFAULT_URL, key
    if key and options.data_dir is None and not is_on_this_machine(found.url):
        raise WrongUsageError(_NOT_ASKED_FOR.format(path=data_dir / KEY_FILE, url=found.url, folder=data_dir))
    return found.url, key or found.key


def _same_address(one: str, other: str) -> bool:
    return one.rstrip("/").lower() == other.rstrip("/").lower()


def _read_key_file(path: Path) -> _KeyFile | None:
    """The address and key in `path`; None where there is no such file. Refused where others wrote it or may read it."""
    try:
        with path.open("rb") as file:
            _check_is_ours(path, os.fstat(file.fileno()))
            content = json.load(file)
        return _KeyFile(url=str(content["url"]), key=str(content["key"]))
    except FileNotFoundError:
        return None
    except OSError as error:
        raise WrongUsageError(
            f"{path} cannot be read: {error.strerror}. Without it the address (--url) and a key (FOOTNOTE_API_KEY) have"
            " to be given."
        ) from error
    except (ValueError, KeyError, TypeError) as error:
        raise WrongUsageError(f'{path} is not of the form {{"url": …, "key": …}}.') from error


def _check_is_ours(path: Path, found: os.stat_result) -> None:
    if found.st_uid != os.geteuid():
        raise WrongUsageError(
            f"{path} belongs to another user, who says in it which server is spoken to. Name the server (--url) and a"
            " key (FOOTNOTE_API_KEY), or run the command as that user."
        )
    mode = stat.S_IMODE(found.st_mode)
    if mode & 0o077:
        raise WrongUsageError(
            f"{path} holds a key and its mode is {mode:04o}: others may read it."
            f" Run `chmod 600 {path}`, and make a new key if the machine is shared."
        )
