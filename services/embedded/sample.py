"""Sends the sample company of `tests/corpus` to a running server. Knows nothing of how it is ingested."""

import time
from pathlib import Path

from ingest.client import Client
from retrieval.errors import NotFoundError
from services.manifest import FILE, ManifestEntry, read_manifest

CORPUS = Path(__file__).parents[2] / "tests" / "corpus"
PATIENCE_SECONDS = 180.0
POLL_SECONDS = 0.3


def load_sample(url: str, key: str) -> int:
    """Upload every document of the manifest, wait until none is on its way, and return how many are ready.

    Raises NotFoundError where Footnote was installed without its sample.
    """
    if not (CORPUS / FILE).is_file():
        raise NotFoundError("The sample company is part of the source repository only.", code="no_sample")
    with Client(url, key) as client:
        ids = [_send(client, entry) for entry in read_manifest(CORPUS)]
        deadline = time.monotonic() + PATIENCE_SECONDS
        while time.monotonic() < deadline:
            states = [client.document(document_id).state for document_id in ids]
            if not {"queued", "running"}.intersection(states):
                break
            time.sleep(POLL_SECONDS)
        return states.count("ready")


def _send(client: Client, entry: ManifestEntry) -> str:
    sent = client.upload(
        entry.path,
        data_source=entry.data_source,
        external_id=entry.external_id,
        title=entry.title,
        url=entry.url,
        grants=entry.grants,
        modified_at=entry.modified_at,
        effective_from=entry.effective_from,
        effective_until=entry.effective_until,
        supersedes=entry.supersedes,
    )
    return sent.id
