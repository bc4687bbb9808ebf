"""The chain of audit events: whatever is changed, taken out or moved, verification says where."""

import itertools
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.audit_chain import CLEARED_SUBJECT, GENESIS, BrokenChainError, ChainCheck, Link, digest

Events = list[dict[str, Any]]
CHAINS = st.lists(st.dictionaries(st.text(max_size=3), st.integers() | st.text(max_size=5)), min_size=2, max_size=8)


def chain(details: list[dict[str, Any]], *, behind: Link | None = None) -> Events:
    """Events with these details, each hashed with the one before it."""
    events: Events = []
    last = behind or Link(0, GENESIS)
    for said in details:
        event = {
            "sequence": last.sequence + 1,
            "time": f"2026-12-01T09:00:0{len(events)}.000000Z",
            "event": "sensitive_read",
            "subject": None,
            "details": said,
            "previous_hash": last.hash,
        }
        event["hash"] = digest(event)
        events.append(event)
        last = head_of(events)
    return events


def head_of(events: Events) -> Link:
    return Link(events[-1]["sequence"], events[-1]["hash"])


def verified(events: Events, kept: Link | None = None) -> ChainCheck:
    check = ChainCheck(kept)
    for event in events:
        check.take(event)
    check.end()
    return check


def broken_at(events: Events, kept: Link | None = None) -> int:
    with pytest.raises(BrokenChainError) as error:
        verified(events, kept)
    return error.value.sequence


@given(CHAINS)
def test_a_whole_chain_is_whole_and_every_earlier_head_is_in_it(details: list[dict[str, Any]]) -> None:
    events = chain(details)
    for end in range(1, len(events) + 1):
        check = verified(events, head_of(events[:end]))
        assert (check.events, check.head) == (len(events), events[-1])


@given(CHAINS, st.data())
def test_a_changed_event_is_found(details: list[dict[str, Any]], data: st.DataObject) -> None:
    events = chain(details)
    index = data.draw(st.integers(0, len(events) - 1))
    field = data.draw(st.sampled_from(["time", "event", "subject", "details", "previous_hash"]))
    events[index][field] = "another"
    assert broken_at(events) == index + 1


@given(CHAINS, st.data())
def test_an_event_that_was_changed_and_hashed_again_does_not_fit_the_next(
    details: list[dict[str, Any]], data: st.DataObject
) -> None:
    events, kept = chain(details), head_of(chain(details))
    index = data.draw(st.integers(0, len(events) - 1))
    events[index]["details"] = {"rewritten": True, "for": "certain"}
    events[index]["hash"] = digest(events[index])
    # The last one has no next: only the head that was kept tells.
    assert broken_at(events, kept) == min(index + 2, len(events))


@given(CHAINS, st.data())
def test_a_missing_event_is_found(details: list[dict[str, Any]], data: st.DataObject) -> None:
    events = chain(details)
    kept = head_of(events)
    index = data.draw(st.integers(0, len(events) - 1))
    del events[index]
    assert broken_at(events, kept) == index + 1


@given(CHAINS, st.data())
def test_swapped_events_are_found(details: list[dict[str, Any]], data: st.DataObject) -> None:
    events = chain(details)
    pairs = list(itertools.combinations(range(len(events)), 2))
    one, other = data.draw(st.sampled_from(pairs))
    events[one], events[other] = events[other], events[one]
    assert broken_at(events) == one + 1


def test_a_rewritten_log_is_not_the_one_whose_head_was_kept() -> None:
    kept = head_of(chain([{"a": 1}, {"a": 2}]))
    assert broken_at(chain([{"a": 1}, {"a": 3}, {"a": 4}]), kept) == 2


def test_a_log_that_was_cleared_from_its_old_end_is_whole_if_it_says_so() -> None:
    events = chain([{"n": number} for number in range(5)])
    anchor, rest = head_of(events[:3]), events[3:]
    assert broken_at(rest) == 1
    told = chain([{"through": anchor.sequence, "hash": anchor.hash}], behind=head_of(rest))[0]
    told["subject"] = CLEARED_SUBJECT
    told["hash"] = digest(told)
    assert verified([*rest, told]).events == 3
    assert verified([*rest, told], kept=anchor).events == 3
    with pytest.raises(BrokenChainError, match="keep a newer one"):
        verified([*rest, told], kept=head_of(events[:2]))


def test_what_is_cleared_while_the_log_is_read_is_missing_from_it_and_no_break() -> None:
    events = chain([{"n": number} for number in range(6)])
    anchor = head_of(events[:4])
    told = chain([{"through": anchor.sequence, "hash": anchor.hash}], behind=head_of(events))[0]
    told["subject"] = CLEARED_SUBJECT
    told["hash"] = digest(told)
    read = [*events[:2], *events[4:], told]
    assert verified(read).events == 5
    for kept in (head_of(events[:2]), anchor, head_of(events)):
        assert verified(read, kept).events == 5
    with pytest.raises(BrokenChainError, match="keep a newer one"):
        verified(read, head_of(events[:3]))
    assert broken_at(read, Link(anchor.sequence, GENESIS)) == anchor.sequence


def test_a_gap_that_no_clearing_left_is_a_break() -> None:
    events = chain([{"n": number} for number in range(6)])
    other = head_of(events[:3])
    told = chain([{"through": other.sequence, "hash": other.hash}], behind=head_of(events))[0]
    told["subject"] = CLEARED_SUBJECT
    told["hash"] = digest(told)
    assert broken_at([*events[:2], *events[4:]]) == 3
    assert broken_at([*events[:2], *events[4:], told]) == 3  # it cleared up to another one
    assert verified([*events[:2], *events[3:], told]).events == 6
