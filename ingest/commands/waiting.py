"""Waits until documents are searchable or have failed.

Knows nothing of how they came to the server. The queue is first in, first out, so only the documents at its head are
asked after, many in one request: requests grow in number with the documents, not with the time they take.
"""

import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

from ingest.client import Client
from ingest.commands.sending import FAILED_STATES, FINISHED_STATES, Outcome
from ingest.problems import ServerUnreachableError
from ingest.resources import Document

FIRST_INTERVAL_S = 0.2
LONGEST_INTERVAL_S = 2.0
# Of the time waited so far: a look costs the server little.
_SHARE = 0.05
# Where all should be done by then at the pace so far: whoever waits loses next to nothing at the end.
SHORTEST_INTERVAL_S = 0.1
_FEW, _MANY = 20, 200
# A server that is restarted is back within this time; what it has accepted it still has.
_PATIENCE_S = 30.0


@dataclass(frozen=True, slots=True)
class _Seen:
    """What one round of asking found: those with their final state, those that are tried again later, the others."""

    finished: list[Outcome]
    delayed: list[Outcome]
    unfinished: list[Outcome]


def wait_for(
    client: Client, outcomes: Sequence[Outcome], *, sleep: Callable[[float], None] = time.sleep
) -> Iterator[Outcome]:
    """Each outcome with its final state, as they are reached; those that are final already come first.

    Raises ServerUnreachableError where the server stays away for 30 s.
    """
    pending = deque(outcome for outcome in outcomes if outcome.state not in FINISHED_STATES)
    yield from (outcome for outcome in outcomes if outcome.state in FINISHED_STATES)
    slept = 0.0
    done = fresh = quiet = 0
    last_answer = time.monotonic()
    window = _FEW
    while pending:
        head = [pending.popleft() for _ in range(min(window, len(pending)))]
        try:
            seen = _look(client, head)
            last_answer = time.monotonic()
        except ServerUnreachableError:
            if time.monotonic() - last_answer > _PATIENCE_S:
                raise
            seen = _Seen([], [], head)
        yield from seen.finished
        pending.extendleft(reversed(seen.unfinished))
        pending.extend(seen.delayed)
        window = max(_FEW, min(2 * len(seen.finished), _MANY))
        fresh += len(seen.finished)
        # Where most of the head is done the queue is ahead of us: go on at once.
        if 2 * len(seen.finished) <= len(head):
            done, quiet, fresh = done + fresh, 0 if fresh else quiet + 1, 0
            interval = _interval(slept, done=done, left=len(pending), quiet=quiet)
            sleep(interval)
            slept += interval


def _interval(slept: float, *, done: int, left: int, quiet: int) -> float:
    """Seconds until the next look: a share of the time waited, or until all that are `left` should be done at the pace
    so far. The last one may be a giant: after so many `quiet` looks what is late is asked after as seldom as the rest.
    """
    longest = LONGEST_INTERVAL_S
    if done:
        due = max(left * slept / done, SHORTEST_INTERVAL_S)
        longest = min(longest, due * 2 ** min(quiet, 10))
    return min(max(_SHARE * slept, FIRST_INTERVAL_S), longest)


def _look(client: Client, outcomes: Sequence[Outcome]) -> _Seen:
    seen = _Seen([], [], [])
    found = {document.id: document for document in client.documents(ids=[str(outcome.id) for outcome in outcomes])}
    for outcome in outcomes:
        document = found.get(str(outcome.id))
        if document is None:
            seen.finished.append(replace(outcome, state="deleted", reason="It was deleted before it was ready."))
        elif _is_final(document, outcome):
            ended = replace(outcome, state=document.state, reason=document.reason, version=document.version)
            seen.finished.append(ended)
        elif document.next_attempt_at is not None:
            seen.delayed.append(outcome)
        else:
            seen.unfinished.append(outcome)
    return seen


def _is_final(document: Document, outcome: Outcome) -> bool:
    """`ready` may still be said of the version before: only the version that was sent, or a later one, counts."""
    if document.state in FAILED_STATES:
        return True
    is_current = document.version is None or outcome.version is None or document.version >= outcome.version
    return document.state == "ready" and is_current
