"""What the engine says when it fails, and whose fault it is: the request's, the machine's or the files'.

It raises a bare Exception for nearly everything, and panics beside, so its words have to tell one kind from another.
Knows nothing of collections.
"""

import errno
import re
from pathlib import Path

# How the engine says that a request does not fit the collection. Anything else is its own fault.
_REFUSALS = (
    "Vector dimension error",
    "Not existing vector name",
    "Validation failed",
    "Wrong usage",
    "Bad request",
    "Wrong input",
    "No range index",
)
# How the engine passes on what the operating system refused: its libraries have two ways.
_SYSTEM_ERROR = re.compile(r"(?:os error |Os \{ code: )(\d+)")
# What it gave up without having met anything wrong.
_GIVEN_UP = re.compile(r"time(?:d )?.?out|cancel|out of memory|memory allocation", re.IGNORECASE)


class DamagedError(Exception):
    """What is kept of a collection cannot be made sense of, today or tomorrow."""


def is_refusal(error: BaseException) -> bool:
    """Whether the request does not fit the collection."""
    return str(error).startswith(_REFUSALS) or isinstance(error, ValueError)


def is_damage(error: BaseException) -> bool:
    """Whether it may be for what is in the files that a read failed, and is neither for the request nor the machine."""
    if isinstance(error, KeyboardInterrupt | SystemExit | MemoryError) or is_refusal(error):
        return False
    return not _refused_by_the_system(error) and not _GIVEN_UP.search(str(error))


def unopened(directory: Path, error: BaseException) -> DamagedError | OSError:
    """Whether the files are at fault that could not be opened, or the machine."""
    why = f"{directory} cannot be opened: {error}"
    refused = _refused_by_the_system(error)
    return OSError(min(refused), why) if refused else DamagedError(why)


def _refused_by_the_system(error: BaseException) -> set[int]:
    """Of what the operating system says, only that a file is not there is damage. With no memory, room, descriptor or
    permission the files may be whole. After EIO as well: a loose cable gives it too, and a disk that fails is for its
    owner to see, while an index made anew on it would hide that.
    """
    return {int(number) for number in _SYSTEM_ERROR.findall(str(error))} - {errno.ENOENT}
