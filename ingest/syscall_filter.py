"""A filter on the system calls (seccomp) of processes that parse: no socket, and no hand on another process.

It needs neither privilege nor namespaces, so it holds in any container; only a process that has given up new privileges
(PR_SET_NO_NEW_PRIVS). It holds for whatever process or program comes of the one that installed it. Knows nothing of
paths: `ingest.landlock` guards those.
"""

import ctypes
import errno
import os
import struct
import sys
from dataclasses import dataclass

_PR_SET_SECCOMP = 22
_MODE_FILTER = 2
_LOAD, _IF_EQUAL, _IF_AT_LEAST, _AND, _RETURN = 0x20, 0x15, 0x35, 0x54, 0x06
_ALLOW, _REFUSE = 0x7FFF_0000, 0x0005_0000 | errno.EPERM
_NUMBER, _ARCHITECTURE, _FIRST, _SECOND = 0, 4, 16, 24  # where `struct seccomp_data` has them
_UNIX, _STREAM, _TYPE_BITS = 1, 1, 0xF
# Numbers from here on are x32's: the same calls by another name.
_X32 = 0x4000_0000

# One order for both machines. Sockets of every family: the embedded engine and its broker listen on Unix sockets, and
# whoever reaches those reads every document. Rings do what a filter refuses behind its back.
# - socket, io_uring_setup
# - ptrace, process_vm_readv, process_vm_writev, pidfd_getfd: another process of this user has the network and the files
# - truncate, fchmod, fchmodat, fchmodat2, fchown, fchownat: changes that Landlock does not know, or not everywhere
_X86_64 = (41, 425, 101, 310, 311, 438, 76, 91, 268, 452, 93, 260)
_OLD_X86_64 = (90, 92, 94)  # chmod, chown, lchown, which newer machines never had
_AARCH64 = (198, 425, 117, 270, 271, 438, 45, 52, 53, 452, 55, 54)


@dataclass(frozen=True, slots=True)
class _Machine:
    """How the kernel names a machine when it is asked for a call, and the numbers of the calls that are refused."""

    audit: int
    socketpair: int
    refused: tuple[int, ...]
    has_x32: bool = False


_MACHINES = {
    "x86_64": _Machine(0xC000_003E, 53, _X86_64 + _OLD_X86_64, has_x32=True),
    "aarch64": _Machine(0xC000_00B7, 199, _AARCH64),
}


def install() -> bool:
    """Puts this thread, and all that it starts, under the filter for good; False where that cannot be had."""
    machine = _MACHINES.get(os.uname().machine)
    if not sys.platform.startswith("linux") or machine is None or sys.maxsize < 2**32:
        return False
    instructions = _program(machine)
    code = ctypes.create_string_buffer(b"".join(instructions))
    program = ctypes.create_string_buffer(struct.pack("HP", len(instructions), ctypes.addressof(code)))
    return bool(ctypes.CDLL(None).prctl(_PR_SET_SECCOMP, _MODE_FILTER, program, 0, 0) == 0)


def _program(machine: _Machine) -> list[bytes]:
    """Refuses what comes by another machine's numbers, then the numbers that are refused; allows the rest.

    Pairs of Unix stream sockets are allowed, which know only each other: kreuzberg's runtime starts with one. Other
    pairs are not: a datagram may be sent to any address.
    """
    tests = [(_IF_AT_LEAST, _X32)] if machine.has_x32 else []
    tests += [(_IF_EQUAL, number) for number in machine.refused]
    end = [
        _instruction(_IF_EQUAL, machine.socketpair, otherwise=5),
        _instruction(_LOAD, _FIRST),
        _instruction(_IF_EQUAL, _UNIX, otherwise=4),
        _instruction(_LOAD, _SECOND),
        _instruction(_AND, _TYPE_BITS),
        _instruction(_IF_EQUAL, _STREAM, otherwise=1),
        _instruction(_RETURN, _ALLOW),
        _instruction(_RETURN, _REFUSE),
    ]
    return [
        _instruction(_LOAD, _ARCHITECTURE),
        _instruction(_IF_EQUAL, machine.audit, skip=1),
        _instruction(_RETURN, _REFUSE),
        _instruction(_LOAD, _NUMBER),
        *(_instruction(test, number, skip=len(tests) - at + len(end) - 2) for at, (test, number) in enumerate(tests)),
        *end,
    ]


def _instruction(code: int, operand: int, *, skip: int = 0, otherwise: int = 0) -> bytes:
    """`skip` and `otherwise`: how many instructions are passed over where a test holds, and where it does not."""
    return struct.pack("HBBI", code, skip, otherwise, operand)
