"""What data sources need: their policy and secrets, the launcher in the scheduler, and the parts of a sync's process.

Knows nothing of how a connector reads.
"""

import os
import sys
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote, urlsplit

from ingest.connectors.contract import Connector
from ingest.connectors.kinds import connector_for, kind_named
from ingest.connectors.policy import ConnectorPolicy
from retrieval.errors import ForbiddenError, InvalidInputError
from services.db.source_items import SourceItems
from services.db.syncs import SyncLease, Syncs
from services.settings import SECRET_NAME, Settings, inherited_environment, source_secret
from services.sync.child import SyncParts
from services.sync.launcher import Launcher, child_name
from services.sync.watching import Watching
from services.wiring.core import Core


@dataclass(frozen=True, slots=True)
class Connectors:
    """Makes and checks connectors under this installation's policy."""

    settings: Settings

    def check(self, kind: str, options: Mapping[str, object], secrets: Mapping[str, str]) -> None:
        """Whether a data source can be set up so. `secrets` maps options to names; no secret is read for this.

        Raises InvalidInputError, and ForbiddenError for what the policy does not allow.
        """
        for name in secrets.values():
            if not SECRET_NAME.fullmatch(name):
                message = f"{name!r} cannot name a secret: use letters, digits and _, beginning with a letter."
                raise InvalidInputError(message, code="invalid_secret")
        placeholders = dict.fromkeys(secrets, "placeholder")
        self._connect(kind, options, placeholders).close()

    def connect(self, lease: SyncLease) -> Connector:
        """The connector of a sync. Raises as `check` does, and NotFoundError for a secret that is not there."""
        data_dir = self.settings.data_dir
        secrets = {option: source_secret(data_dir, name) for option, name in lease.secrets.items()}
        return self._connect(lease.connector, lease.options, secrets)

    def _connect(self, kind: str, options: Mapping[str, object], secrets: Mapping[str, str]) -> Connector:
        path = _local_path(options)
        if path is not None:
            _refuse_private(path, self.settings)
        settings = self.settings
        policy = ConnectorPolicy(
            work_dir=settings.data_dir / "connectors",
            allowed_networks=settings.networks,
            folder_roots=settings.folders,
            reader_classes=settings.readers,
            max_item_bytes=settings.max_upload_bytes,
        )
        return connector_for(kind_named(kind).name, options, secrets, policy=policy)


def background(core: Core) -> tuple[Callable[[threading.Event], None], ...]:
    """What the scheduler does for data sources, each in a thread of its own until the event is set.

    The launcher's children run `footnote sync` with this process's environment.
    """
    syncs = Syncs(core.database)
    launcher = Launcher(
        syncs,
        SourceItems(core.database),
        core.doorbell,
        command=lambda source_id: (sys.executable, "-P", "-m", "services", "sync", source_id, "--attached"),
        environment=inherited_environment(),
    )
    return launcher.run, Watching(syncs).run


def sync_parts(core: Core, source_id: str) -> SyncParts:
    """What the process of one sync works with."""
    return SyncParts(
        syncs=Syncs(core.database),
        items=SourceItems(core.database),
        blobs=core.blobs,
        ring=core.doorbell.ring,
        connect=Connectors(core.settings).connect,
        folder=core.settings.data_dir / "connectors" / "fetched" / source_id,
        limit=core.settings.max_upload_bytes,
        name=child_name(os.getpid()),
    )


def _local_path(options: Mapping[str, object]) -> Path | None:
    path, url = options.get("path"), options.get("url")
    if isinstance(path, str) and "\x00" not in path:
        return Path(os.path.realpath(path))
    if isinstance(url, str) and url.startswith("file:") and "\x00" not in url:
        return Path(os.path.realpath(unquote(urlsplit(url).path)))
    return None


def _refuse_private(path: Path, settings: Settings) -> None:
    """Our own data holds everybody's documents, and hidden folders hold keys: no data source reads them, unless the
    operator names a hidden folder itself."""
    own = settings.data_dir.resolve()
    around = [root for folder in settings.folders if path.is_relative_to(root := folder.resolve())]
    nearest = max(around, key=lambda root: len(root.parts), default=path)
    if path.is_relative_to(own) or (own.is_relative_to(path) and not _hidden(own.relative_to(path))):
        raise ForbiddenError(f"{path} holds Footnote's own data: no data source reads it.", code="path_refused")
    if _hidden(path.relative_to(nearest)):
        message = f"{path} is hidden: no data source reads it, unless FOOTNOTE_CONNECTOR_FOLDERS names it."
        raise ForbiddenError(message, code="path_refused")


def _hidden(path: Path) -> bool:
    return any(part.startswith(".") for part in path.parts)
