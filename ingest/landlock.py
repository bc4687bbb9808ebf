"""Landlock: a process gives up every file but those that it names, for itself and for what it starts.

It needs neither privilege nor namespaces, but a kernel that has it (5.13), and a process that has given up new
privileges (PR_SET_NO_NEW_PRIVS). That a file exists, and its size, can still be seen: Landlock does not refuse `stat`.
Knows nothing of parsing.
"""

import ctypes
import os
import stat
import struct
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446
_ASK_FOR_ABI = 1
_RULE_PATH_BENEATH = 1

_EXECUTE, _WRITE_FILE, _READ_FILE, _READ_DIR = 1, 2, 4, 8
# How many rights the kernel knows, by the ABI that brought them. All of them are taken away.
_RIGHTS = {1: 13, 2: 14, 3: 15, 5: 16}
# No signals to processes outside, and none of their abstract sockets.
_SCOPES, _SCOPES_SINCE = 0b11, 6

# What programs read of the system: themselves, their libraries and data (fonts, time zones, Tesseract's languages).
# Not /proc, where other processes' environments are, and of /etc what the loader and the clock read.
_SYSTEM = (
    *("/usr", "/lib", "/lib32", "/lib64", "/bin", "/sbin"),
    *("/etc/ld.so.cache", "/etc/ld.so.preload", "/etc/localtime", "/etc/mime.types"),
    *("/dev/urandom", "/dev/random", "/dev/zero"),
)
_SINK = os.devnull
_LIBC = ctypes.CDLL(None, use_errno=True)


def abi() -> int:
    """The version of Landlock that this kernel speaks; 0 where it has none, or a container's filter refuses it."""
    return max(0, _call(_CREATE_RULESET, None, 0, _ASK_FOR_ABI)) if sys.platform.startswith("linux") else 0


def program_paths() -> list[str]:
    """What this program needs to go on: the system's programs, the interpreter, and the packages that are loaded.

    Of a checkout these are its packages, never the folder around them, where a data folder may lie.
    """
    installed = [entry for entry in sys.path if Path(entry).name in ("site-packages", "dist-packages")]
    return _outermost([*_SYSTEM, sys.prefix, sys.base_prefix, *installed, *_loaded()])


def works(readable: Iterable[str]) -> bool:
    """Whether a process that confines itself to `readable` is refused the rest: tried out in one."""
    if abi() == 0:
        return False
    pid = os.fork()
    if pid == 0:
        try:
            confine(readable, ())
            os._exit(0 if _is_refused("/") else 1)
        finally:
            os._exit(1)
    return os.waitpid(pid, 0)[1] == 0


def confine(readable: Iterable[str], documents: Iterable[str]) -> None:
    """Leaves this thread, and all that it starts, `readable` to read and run, and `documents` to read; for good.

    It writes nowhere but to the null device. Paths that do not exist are passed over. Raises OSError.
    """
    version = abi()
    handled = (1 << max(count for since, count in _RIGHTS.items() if since <= version)) - 1
    wanted = struct.pack("QQQ", handled, 0, _SCOPES if version >= _SCOPES_SINCE else 0)
    ruleset = _checked(_call(_CREATE_RULESET, wanted, len(wanted), 0))
    try:
        for path in readable:
            _allow(ruleset, path, _READ_FILE | _READ_DIR | _EXECUTE)
        for path in documents:
            _allow(ruleset, path, _READ_FILE)
        _allow(ruleset, _SINK, _READ_FILE | _WRITE_FILE)
        _checked(_call(_RESTRICT_SELF, ruleset, 0))
    finally:
        os.close(ruleset)


def _is_refused(folder: str) -> bool:
    try:
        os.listdir(folder)
    except PermissionError:
        return True
    return False


def _allow(ruleset: int, path: str, rights: int) -> None:
    try:
        opened = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except OSError:
        return  # there is nothing to allow
    try:
        allowed = rights if stat.S_ISDIR(os.fstat(opened).st_mode) else rights & ~_READ_DIR
        _checked(_call(_ADD_RULE, ruleset, _RULE_PATH_BENEATH, struct.pack("=Qi", allowed, opened), 0))
    finally:
        os.close(opened)


def _loaded() -> Iterator[str]:
    """The folders of the packages that are loaded, and the files of the modules that are in none."""
    for name, module in list(sys.modules.items()):
        if "." not in name and name != "__main__":
            folders = getattr(module, "__path__", None)
            yield from list(folders) if folders is not None else filter(None, [getattr(module, "__file__", None)])


def _outermost(paths: Iterable[str]) -> list[str]:
    """Those of `paths` that exist and lie in no other of them."""
    kept: list[Path] = []
    for path in sorted({Path(os.path.realpath(path)) for path in paths if os.path.exists(path)}):
        if not any(path.is_relative_to(folder) for folder in kept):
            kept.append(path)
    return [str(path) for path in kept]


def _checked(answer: int) -> int:
    if answer < 0:
        raise OSError(ctypes.get_errno(), "Landlock refuses")
    return answer


def _call(number: int, *arguments: int | bytes | None) -> int:
    passed = (ctypes.c_long(given) if isinstance(given, int) else given for given in arguments)
    return int(_LIBC.syscall(ctypes.c_long(number), *passed))
