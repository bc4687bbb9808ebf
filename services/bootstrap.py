"""The first administrator, their sign-in link and the command line's key on this machine. Knows nothing of HTTP."""

import json
import os
from pathlib import Path

from retrieval.errors import ConflictError, UnauthenticatedError
from services.db.accounts import SCOPES, Account, Accounts
from services.db.database import Database
from services.db.keys import Keys

CLI_FILE = "cli.json"


def first_admin(accounts: Accounts, email: str) -> tuple[Account, bool]:
    """The administrator, made where there is none, be it of the account of this address; and whether that was so."""
    existing = accounts.any_admin()
    if existing is not None:
        return existing, False
    try:
        return accounts.create(email, name="Administrator", groups=[], is_admin=True), True
    except ConflictError:  # they are here, but are none any more: a sign-in provider may unmake the last one
        user = accounts.by_email(email).user
        return accounts.change(user.id, name=None, is_admin=True, disabled=False), True


def sign_in_url(accounts: Accounts, account: Account, public_url: str) -> str:
    """A link that signs this person in once. The token stands behind #, so it is in no server's log."""
    token, _ = accounts.new_link(account.user.id)
    return f"{public_url}/sign-in#token={token}"


def command_line_key(database: Database, account: Account, data_dir: Path, url: str) -> str:
    """The key in `cli.json`, readable by the data directory's owner alone; a new one where it no longer works."""
    file = data_dir / CLI_FILE
    key = _kept_key(database, file) or Keys(database).create(
        account.user.id, name="Command line on this machine", scopes=SCOPES
    )[1]  # fmt: skip
    scratch = file.with_suffix(".new")
    with os.fdopen(os.open(scratch, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as out:
        json.dump({"url": url, "key": key}, out)
    scratch.replace(file)
    return key


def _kept_key(database: Database, file: Path) -> str | None:
    try:
        key = str(json.loads(file.read_text())["key"])
        Accounts(database).principal_of_key(key)
    except (OSError, ValueError, KeyError, TypeError, UnauthenticatedError):
        return None
    return key
