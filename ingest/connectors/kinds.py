"""The kinds of connectors there are: what can be set for each, and how one is made.

    connector = connector_for("web", {"url": "https://example.com/"}, {}, policy=policy)

Knows nothing of data sources, schedules or the registry.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, get_args

from pydantic import SecretStr, ValidationError

from ingest.connectors import options as of
from ingest.connectors.confluence import ConfluenceConnector
from ingest.connectors.contract import Connector
from ingest.connectors.folder import FolderConnector
from ingest.connectors.git import GitConnector
from ingest.connectors.git_repository import GitRepository
from ingest.connectors.imap import ImapConnector
from ingest.connectors.llama_index import LlamaIndexConnector
from ingest.connectors.mbox import MboxConnector
from ingest.connectors.notion import NotionConnector
from ingest.connectors.pages import page_reader
from ingest.connectors.policy import ConnectorPolicy
from ingest.connectors.s3 import S3Connector
from ingest.connectors.s3_bucket import S3Bucket
from ingest.connectors.sitemap import SitemapConnector
from ingest.connectors.web import WebConnector
from retrieval.errors import InvalidInputError


@dataclass(frozen=True, slots=True)
class Field:
    """One thing that can be set. `default` is None where there is none, and for secrets."""

    name: str
    description: str
    required: bool
    secret: bool
    default: object = None


@dataclass(frozen=True, slots=True)
class Kind:
    """`options` is the model that checks what is set; `make` builds a connector from it."""

    name: str
    description: str
    options: type[of.Options]
    make: Callable[[Any, ConnectorPolicy], Connector]

    @property
    def fields(self) -> tuple[Field, ...]:
        return tuple(
            Field(
                name=name,
                description=" ".join((field.description or "").split()),
                required=field.is_required(),
                secret=name in self.secrets,
                default=None if field.is_required() else field.get_default(call_default_factory=True),
            )
            for name, field in self.options.model_fields.items()
        )

    @property
    def secrets(self) -> frozenset[str]:
        fields = self.options.model_fields.items()
        return frozenset(name for name, field in fields if _holds_secret(field.annotation))


def connector_for(
    kind: str, options: Mapping[str, object], secrets: Mapping[str, str], *, policy: ConnectorPolicy
) -> Connector:
    """A connector of `kind`; nothing is read yet.

    Raises InvalidInputError for an unknown kind, a wrong, unknown or missing option, and for what the policy forbids.
    """
    known = kind_named(kind)
    return known.make(checked_options(kind, options, secrets), policy)


def checked_options(kind: str, options: Mapping[str, object], secrets: Mapping[str, str]) -> of.Options:
    """The options as a frozen value. Raises InvalidInputError, whose message never holds a value of a secret."""
    known = kind_named(kind)
    for name in options:
        if name in known.secrets:
            raise InvalidInputError(f"{name} is a secret: give it as one.", code="invalid_options")
    for name in secrets:
        if name not in known.secrets:
            raise InvalidInputError(f"A data source of kind {kind} has no secret {name!r}.", code="invalid_options")
    try:
        return known.options.model_validate({**options, **secrets})
    except ValidationError as error:
        raise InvalidInputError(_said(kind, error), code="invalid_options") from None


def kind_named(name: str) -> Kind:
    """Raises InvalidInputError for a kind that does not exist."""
    if name not in KINDS:
        raise InvalidInputError(
            f"There is no kind {name!r} of data source; there are {', '.join(sorted(KINDS))}.", code="unknown_kind"
        )
    return KINDS[name]


def _said(kind: str, error: ValidationError) -> str:
    """The first fault in words, without the value: it may be a secret in the wrong place."""
    first = error.errors(include_url=False, include_context=False, include_input=False)[0]
    name = ".".join(str(part) for part in first["loc"])
    if first["type"] == "extra_forbidden":
        return f"A data source of kind {kind} has no option {name!r}."
    if first["type"] == "missing":
        return f"A data source of kind {kind} needs {name!r}."
    return f"{name}: {first['msg'].removeprefix('Value error, ')}"


def _holds_secret(annotation: object) -> bool:
    return annotation is SecretStr or any(_holds_secret(part) for part in get_args(annotation))


def _git(options: of.GitOptions, policy: ConnectorPolicy) -> Connector:
    return GitConnector(options, GitRepository(options, policy), max_bytes=policy.max_item_bytes)


def _web(options: of.WebOptions, policy: ConnectorPolicy) -> Connector:
    return WebConnector(options, policy, page_reader(options, policy))


def _sitemap(options: of.SitemapOptions, policy: ConnectorPolicy) -> Connector:
    return SitemapConnector(options, page_reader(options, policy))


def _s3(options: of.S3Options, policy: ConnectorPolicy) -> Connector:
    return S3Connector(options, S3Bucket(options, policy), max_bytes=policy.max_item_bytes)


KINDS = {
    kind.name: kind
    for kind in (
        Kind("folder", "A folder on the server.", of.FolderOptions, FolderConnector),
        Kind("web", "A web site, from a start address along its links.", of.WebOptions, _web),
        Kind("sitemap", "The pages that a sitemap names.", of.SitemapOptions, _sitemap),
        Kind("git", "The files of a Git repository.", of.GitOptions, _git),
        Kind("s3", "A bucket of an S3-compatible object store.", of.S3Options, _s3),
        Kind("imap", "A folder of an IMAP mailbox, each message a document.", of.ImapOptions, ImapConnector),
        Kind("mbox", "A mailbox file, each message a document.", of.MboxOptions, MboxConnector),
        Kind("confluence", "The pages of a Confluence space.", of.ConfluenceOptions, ConfluenceConnector),
        Kind("notion", "The Notion pages shared with an integration.", of.NotionOptions, NotionConnector),
        Kind(
            "llama_index",
            "Any reader of LlamaIndex that the operator allows.",
            of.LlamaIndexOptions,
            LlamaIndexConnector,
        ),
    )
}
