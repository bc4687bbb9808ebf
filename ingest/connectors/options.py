"""What can be set for each kind of connector, checked: unknown and wrong options are refused. Knows nothing of how a
connector works.

A field of type SecretStr is a secret: it comes from the secrets of a data source, never from its options.
"""

import re
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, JsonValue, SecretStr, StringConstraints

Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=2000)]
Globs = Annotated[tuple[Text, ...], Field(max_length=100)]


def _plain_url(url: str) -> str:
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError("write a full address that begins with https:// or http://")
    if "@" in parts.netloc:
        raise ValueError("the address must not hold a user name or password: give them as secrets")
    return url


def _no_option(value: str) -> str:
    if value.startswith("-"):
        raise ValueError("must not begin with a dash")
    if re.search(r"[\x00-\x20\x7f]", value):
        raise ValueError("must not hold spaces or control characters")
    return value


def _one_line(value: str) -> str:
    if re.search(r"[\x00-\x1f\x7f]", value):
        raise ValueError("must not hold control characters")
    return value


def _one_line_secret(value: SecretStr) -> SecretStr:
    _one_line(value.get_secret_value())
    return value


OneLine = Annotated[Text, AfterValidator(_one_line)]
OneLineSecret = Annotated[SecretStr, AfterValidator(_one_line_secret)]
Branch = Annotated[str, StringConstraints(pattern=r"^[^-+@./\x00-\x20~^:?*\[\\\x7f][^\x00-\x20~^:?*\[\\\x7f]{0,199}$")]
Url = Annotated[Text, AfterValidator(_plain_url)]
GitWord = Annotated[Text, AfterValidator(_no_option)]


class Options(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True, hide_input_in_errors=True)


class FolderOptions(Options):
    path: Text
    """A folder on the server, inside a folder that the operator allows."""
    include: Globs = ()
    """Only files whose path below the folder fits one of these patterns (**/*.pdf). Empty: all."""
    exclude: Globs = ()
    """Files left out, and folders left out with all they hold."""
    grants_from: Literal["none", "posix_group"] = "none"
    """posix_group: a file may be read by group:NAME of its POSIX group, by everyone where others may read it."""


class _Crawl(Options):
    include: Globs = ()
    """Only addresses that fit one of these patterns. Empty: all in reach."""
    exclude: Globs = ()
    """Addresses left out."""
    max_pages: int = Field(default=1000, ge=1, le=100_000)
    """Pages read in one sync."""
    delay_s: float = Field(default=0.5, ge=0, le=60)
    """Least pause between two requests; a longer one in robots.txt counts."""
    authorization: OneLineSecret | None = None
    """Value of the Authorization header, sent to the start address's host only."""


class WebOptions(_Crawl):
    url: Url
    """Where to start. Pages on the same host, at or below the folder of this address, are followed."""
    max_depth: int = Field(default=5, ge=0, le=50)
    """Links followed from the start."""


class SitemapOptions(_Crawl):
    url: Url
    """A sitemap or an index of sitemaps, plain or gzip. Addresses on other hosts are left out."""


class GitOptions(Options):
    url: GitWord
    """https://…, ssh://…, user@host:path, or file:///… inside a folder that the operator allows."""
    branch: Branch | None = None
    """Empty: the repository's own default."""
    include: Globs = ()
    """Only files whose path fits one of these patterns. Empty: all."""
    exclude: Globs = ()
    """Files left out."""
    web_url: Url | None = None
    """Where people read a file: its path is appended, as in https://git.example.com/handbook/blob/main/."""
    username: Text | None = None
    """User name for https."""
    password: OneLineSecret | None = None
    """Password or token for https."""
    ssh_key: SecretStr | None = None
    """Private key for ssh."""
    ssh_known_hosts: Text | None = None
    """Lines of a known_hosts file; without them the server's own known_hosts decide."""


class S3Options(Options):
    bucket: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{1,62}$")]
    endpoint: Url | None = None
    """Address of the store. Empty: Amazon S3 in the region."""
    region: Annotated[str, StringConstraints(pattern=r"^[a-z0-9-]{1,40}$")] = "us-east-1"
    prefix: Annotated[str, StringConstraints(max_length=1000)] = ""
    """Only keys that begin so."""
    path_style: bool = True
    """Bucket in the path rather than in the host name."""
    include: Globs = ()
    """Only keys that fit one of these patterns. Empty: all."""
    exclude: Globs = ()
    """Keys left out."""
    access_key: OneLineSecret | None = None
    """Without keys requests are anonymous."""
    secret_key: OneLineSecret | None = None
    session_token: OneLineSecret | None = None


class ImapOptions(Options):
    host: GitWord
    port: int = Field(default=993, ge=1, le=65535)
    security: Literal["tls", "starttls", "none"] = "tls"
    """none sends the password in the clear and needs a network that the operator allows."""
    folder: OneLine = "INBOX"
    since_days: int | None = Field(default=None, ge=1, le=36500)
    """Only messages that arrived in the last so many days."""
    username: OneLine
    password: OneLineSecret


class MboxOptions(Options):
    path: Text
    """A mailbox file in mbox format on the server, inside a folder that the operator allows."""


class ConfluenceOptions(Options):
    url: Url
    """Base address, for the cloud with /wiki."""
    space: Text
    """Key of a space."""
    cloud: bool = True
    """False: Data Center or Server."""
    username: Text | None = None
    """Account of the API token in the cloud; without it the token is sent as a bearer token."""
    token: OneLineSecret


class NotionOptions(Options):
    url: Url = "https://api.notion.com/v1"
    """Base address of the interface."""
    token: OneLineSecret
    """Secret of an internal integration; it sees the pages that were shared with it."""


class LlamaIndexOptions(Options):
    reader: Annotated[str, StringConstraints(pattern=r"^[A-Za-z_]\w*(\.[A-Za-z_]\w*)+$")]
    """Dotted path of a LlamaIndex reader class that the operator allows."""
    init: dict[str, JsonValue] = Field(default_factory=dict)
    """Keyword arguments of its constructor."""
    load: dict[str, JsonValue] = Field(default_factory=dict)
    """Keyword arguments of load_data."""
    id_field: OneLine | None = None
    """Metadata that holds a document's lasting id. Empty: the reader's ids, or the usual names."""
    secret_argument: Annotated[str, StringConstraints(pattern=r"^[A-Za-z_]\w*$")] | None = None
    """The constructor's argument that takes the secret."""
    secret: SecretStr | None = None
