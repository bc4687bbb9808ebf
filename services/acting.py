"""Who acts: the person behind a request, or the command that an operator typed. Knows nothing of what is done.

It stands in the context of a request, so that whatever is written to the registry can name who had it written without
every call in between handing it on. A process of our own is the actor where there is no request.
"""

import os
import pwd
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, replace

from retrieval.types import Principal


@dataclass(slots=True)
class Actor:
    """`name` is an e-mail address, or a command with the operating system's user; None while nobody is known."""

    name: str | None = None
    user_id: str | None = None
    key_id: str | None = None
    address: str | None = None

    def become(self, principal: Principal) -> None:
        """It is known who calls."""
        self.name, self.user_id, self.key_id = principal.email, principal.user_id, principal.key_id


_process = Actor("footnote")
_caller: ContextVar[Actor | None] = ContextVar("caller", default=None)


def act_as_command(verb: str) -> None:
    """What this process does by itself, it does as this verb of the command line, and its user."""
    _process.name = f"footnote {verb} ({_operating_system_user()})"


@contextmanager
def calling(address: str) -> Iterator[Actor]:
    """A request from there; who it is becomes known later, by the actor that this yields."""
    actor = Actor(address=address)
    token = _caller.set(actor)
    try:
        yield actor
    finally:
        _caller.reset(token)


def acting() -> Actor:
    """Who acts now: a copy."""
    return replace(_caller.get() or _process)


def acting_as(principal: Principal) -> Actor:
    """This person, from where the request comes."""
    actor = acting()
    actor.become(principal)
    return actor


def _operating_system_user() -> str:
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:  # in a container, which need not know its user's name
        return f"user {os.getuid()}"
