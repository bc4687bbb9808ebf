"""Where a running `footnote up` has its parts: a file in the data directory, for operators' verbs on the same machine.

Readable by its owner only, since it holds the keys of index and broker; written whole or not at all, and removed when
`footnote up` stops. Knows nothing of settings but the names that they have in the environment.
"""

import fcntl
import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from services.embedded.data_directory import write_private

FILE = Path("run") / "addresses.json"
NAMES = ("DATABASE_URL", "DATABASE_PASSWORD", "BROKER_URL", "BROKER_PASSWORD", "INDEX_URL", "INDEX_API_KEY")


@contextmanager
def published(data_dir: Path, environment: Mapping[str, str]) -> Iterator[None]:
    """While in this context, `found` gives what the parts' environment says of the addresses."""
    said = {name.lower(): environment[f"FOOTNOTE_{name}"] for name in NAMES if environment.get(f"FOOTNOTE_{name}")}
    file = data_dir / FILE
    file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    scratch = file.with_suffix(".new")
    write_private(scratch, json.dumps(said) + "\n")
    scratch.replace(file)
    try:
        yield
    finally:
        file.unlink(missing_ok=True)


def found(data_dir: Path) -> dict[str, str] | None:
    """The addresses under the names of the settings; None where no `footnote up` runs on this directory."""
    if not _in_use(data_dir):
        return None  # a killed instance has left its file
    try:
        return {str(name): str(value) for name, value in json.loads((data_dir / FILE).read_text()).items()}
    except (FileNotFoundError, ValueError):
        return None


def _in_use(data_dir: Path) -> bool:
    """Whether an instance holds the directory's lock."""
    try:
        descriptor = os.open(data_dir / "lock", os.O_RDONLY)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False
