"""Settings for operators' verbs, which work on the machine itself: where its parts are reached, running or not.

Knows nothing of what a verb does there.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from services.embedded.addresses import found
from services.embedded.data_directory import claim, keep_private
from services.embedded.local_index import local_index
from services.settings import Settings, inherited_environment


def at_running_parts(settings: Settings) -> Settings | None:
    """The settings with the addresses of the `footnote up` that runs on this data directory; None where none does."""
    addresses = found(settings.data_dir)
    return None if addresses is None else _with(settings, addresses)


@contextmanager
def operating(settings: Settings) -> Iterator[Settings]:
    """The settings with which the index is reached, for as long as the context is open.

    It is that of a running `footnote up`, or the one that the settings name, or, where neither is so, this machine's
    own: served meanwhile, with the data directory held alone. Raises ConflictError where another instance has it.
    """
    running = at_running_parts(settings)
    if running is not None:
        yield running
    elif "index_url" in settings.model_fields_set:
        yield settings
    else:
        with claim(settings.data_dir):
            keep_private(settings.data_dir)
            with local_index(settings.data_dir / "index", inherited_environment()) as (url, key):
                yield _with(settings, {"index_url": url, "index_api_key": key})


def _with(settings: Settings, values: Mapping[str, str]) -> Settings:
    said = settings.model_dump(include=settings.model_fields_set)
    return Settings(**{**said, **values})
