"""The system-call filter's program, run step by step: for each machine, and for calls by another machine's numbers."""

import errno
import struct

import pytest

from ingest.syscall_filter import _MACHINES, _Machine, _program

REFUSED, ALLOWED = 0x0005_0000 | errno.EPERM, 0x7FFF_0000
I386, SOCKET_OF_X32 = 0x4000_0003, 0x4000_0000 + 41


def answer(machine: _Machine, number: int, audit: int, first: int = 0, second: int = 0) -> int:
    """What the kernel would be told of a call."""
    instructions = [struct.unpack("HBBI", line) for line in _program(machine)]
    held, at = 0, 0
    while True:
        code, skip, otherwise, operand = instructions[at]
        at += 1
        if code == 0x06:
            return int(operand)
        if code == 0x20:
            held = {0: number, 4: audit, 16: first, 24: second}[operand]
        elif code == 0x54:
            held &= operand
        else:
            at += skip if {0x15: held == operand, 0x35: held >= operand}[code] else otherwise


@pytest.mark.parametrize("name", ["x86_64", "aarch64"])
def test_the_numbers_that_are_refused_are_refused_and_no_others(name: str) -> None:
    machine = _MACHINES[name]
    refused = {number for number in range(500) if answer(machine, number, machine.audit) == REFUSED}
    assert refused == {*machine.refused, machine.socketpair}
    assert all(answer(machine, number, machine.audit) == ALLOWED for number in set(range(500)) - refused)


def test_the_calls_that_make_sockets_are_refused_by_their_numbers_on_both_machines() -> None:
    assert {41, 425} <= set(_MACHINES["x86_64"].refused)
    assert {198, 425} <= set(_MACHINES["aarch64"].refused)


@pytest.mark.parametrize("name", ["x86_64", "aarch64"])
def test_of_pairs_of_sockets_only_unix_streams_are_allowed(name: str) -> None:
    machine = _MACHINES[name]
    unix, internet, stream, datagram, close_on_exec = 1, 2, 1, 2, 0o2000000

    def pair(family: int, kind: int) -> int:
        return answer(machine, machine.socketpair, machine.audit, family, kind)

    assert pair(unix, stream) == pair(unix, stream | close_on_exec) == ALLOWED
    assert pair(unix, datagram) == pair(unix, datagram | close_on_exec) == pair(internet, stream) == REFUSED


@pytest.mark.parametrize("name", ["x86_64", "aarch64"])
def test_calls_by_another_machines_numbers_are_refused(name: str) -> None:
    machine = _MACHINES[name]
    assert {answer(machine, number, I386) for number in range(500)} == {REFUSED}


def test_x32_is_refused_where_it_exists() -> None:
    machine = _MACHINES["x86_64"]
    assert answer(machine, SOCKET_OF_X32, machine.audit) == REFUSED
    assert answer(machine, 0x4000_0000, machine.audit) == REFUSED
