"""Every setting of every process, from `FOOTNOTE_…` environment variables. The only reader of the environment.

Knows nothing of what is built from them: `services/wiring.py` does that. The text under each setting is what
`footnote settings` prints. Secrets may also be files named `footnote_…` under /run/secrets.
"""

import os
import re
from collections.abc import Iterable
from difflib import get_close_matches
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from pathlib import Path
from typing import Any, Literal, Self
from urllib.parse import parse_qs, unquote, urlsplit

from pydantic import Field, PrivateAttr, SecretStr, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from retrieval.errors import ForbiddenError, InvalidInputError, NotFoundError
from services.weak_secrets import weakness

BUNDLED_MODEL = "all-MiniLM-L6-v2"
SECRETS = Path("/run/secrets")
# The name of a bucket, and a prefix of its keys.
BUCKET_URL = re.compile(r"s3://([a-z0-9][a-z0-9.-]{1,61}[a-z0-9])(?:/([A-Za-z0-9!_.*'()/-]*))?")
ENDPOINT = re.compile(r"https?://[A-Za-z0-9\[\].:_-]+(/[^\s?#@]*)?")
SECRET_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,60}")
# What whoever runs Footnote chooses has to be long; how long the rest is, others decide. No default will do for either,
# but nobody else reaches a server on this machine: beside each of the rest, where the address of its server is.
CHOSEN = ("index_api_key", "broker_password", "database_password")
GIVEN = {
    "llm_api_key": "llm_url",
    "embedding_api_key": "embedding_url",
    "originals_secret_key": "originals_endpoint",
    "oidc_client_secret": "oidc_issuer",
}
# The model server of deploy/vllm/compose.yaml: its key is chosen as well.
MODEL_SERVER = re.compile(r"://vllm(?![\w.-])")
EVERY_ADDRESS = ("0.0.0.0", "::")  # noqa: S104 - compared, not bound
PREFIX = "FOOTNOTE_"
CLIENTS = ("URL", "API_KEY")
# Read by others: a sync, the compose file, the tests. And what Kubernetes tells of Services named footnote-….
OTHERS = re.compile(
    r"(SOURCE|TEST)_\w+|DOMAIN|IMAGE|(\w+_)?SERVICE_(HOST|PORT)(_\w+)?|(\w+_)?PORT_\d+_(TCP|UDP|SCTP)\w*"
)
KUBERNETES_ADDRESS = ("tcp://", "udp://", "sctp://")
# Of several addresses, separated by commas, each may have one. It may hold an @, and a / too.
PASSWORD = re.compile(r"(?<=://)([^:/@\s]*):((?!,\s*[a-z][\w+.-]*://).)*@", re.IGNORECASE)
# An address in parts. A password may hold a / as well, or an @, as the libraries that read it let it; a port is none.
ADDRESS = re.compile(
    r"[\w+.-]+://(?:[^:/?@]*(?::(?!\d*(?:[/?]|$))(?P<password>[^@]*(?:@[^@/?]*)*))?@)?"
    r"(?P<hosts>[^@/?]*)[^?]*(?:\?(?P<options>.*))?",
    re.DOTALL,
)
PASSWORD_OPTION = re.compile(r"([?&]\w*(password|token|api_?key)=)[^&,\s]*", re.IGNORECASE)
# libpq's other form, `host=db password=…`: blanks may stand around the =, and whatever is in quotes or behind a \.
PASSWORD_KEYWORD = re.compile(r"((?<!\S)\w*password\s*=\s*)('(\\.|[^'])*('|$)|(\\.|\S)*)", re.IGNORECASE | re.DOTALL)


class Settings(BaseSettings):
    """Values are checked here once; unsafe ones are refused with the name of the variable to change."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX,
        extra="ignore",
        hide_input_in_errors=True,
        use_attribute_docstrings=True,
        secrets_dir=SECRETS if SECRETS.is_dir() else None,
    )

    data_dir: Path = Path(".footnote")
    """Where originals, the embedding model and, on one machine, all other parts keep their files."""
    database_url: str = ""
    """SQLAlchemy address of the registry, such as postgresql+psycopg://user@host/footnote. Empty: SQLite in the data
    directory."""
    database_password: SecretStr | None = None
    """Password for the registry, where the address has none."""
    originals_url: str = ""
    """A bucket for originals and parsed texts, s3://bucket or s3://bucket/prefix, so that machines need no folder in
    common. Empty: the data directory."""
    originals_endpoint: str = ""
    """Address of the S3-compatible object store that has the bucket. Empty: Amazon's."""
    originals_region: str = ""
    """Region of the bucket, where its store has regions."""
    originals_access_key: SecretStr | None = None
    """Access key for the bucket. Without one, credentials come from where Amazon's own tools take them."""
    originals_secret_key: SecretStr | None = None
    """Secret key that belongs to it."""
    originals_cache_mb: int = Field(default=2048, ge=64)
    """Room in the data directory for copies of originals from the bucket, in MiB. Those of the last ten minutes stay
    beyond it, and none stays for more than some hour unused."""
    broker_url: str = "redis://127.0.0.1:6379/0"
    """Redis or Valkey address for the task queue."""
    broker_password: SecretStr | None = None
    """Password for the broker, where the address has none."""
    index_url: str = "http://127.0.0.1:6333"
    """Address of the Qdrant server."""
    index_api_key: SecretStr | None = None
    """API key of the Qdrant server."""
    index_quantization: Literal["none", "int8"] = "none"
    """int8: a Qdrant server keeps a byte a dimension in memory, a quarter, and whole vectors on disk to rank what that
    finds. Of an index that is made anew; `footnote reindex` makes one. The embedded index knows none only."""
    llm_url: str = ""
    """Base address of an OpenAI-compatible server such as vLLM, ending in /v1; several of one model, separated by
    commas, share the work and stand in for each other. Empty: answers are extractive."""
    llm_model: str = "llama-3.1"
    """Name under which that server serves the model."""
    llm_api_key: SecretStr | None = None
    """Key for that server."""
    llm_tokenizer: str = ""
    """Whose tokenizer and chat template count a prompt's tokens: the folder of the model's files, or a name on the
    model hub. Empty: they are estimated, on the high side."""
    llm_context_tokens: int = Field(default=0, ge=0)
    """Tokens that the server reads at once, prompt and answer, where it does not say so itself as vLLM does. 0: enough
    for 4,000 and 700."""
    llm_first_token_seconds: float = Field(default=8.0, ge=1, le=3600)
    """How long the model may think before its answer begins; then it is answered in the sources' own words. A model
    without a GPU reads a long prompt for minutes: give it 300, and FOOTNOTE_LLM_ANSWER_SECONDS more than that."""
    llm_token_seconds: float = Field(default=6.0, ge=1, le=600)
    """How long it may stop in the middle of an answer."""
    llm_answer_seconds: float = Field(default=60.0, ge=5, le=7200)
    """How long a whole answer of the model may take. A stop or a deployment ends those that take longer than
    FOOTNOTE_DRAIN_SECONDS: raise that with it."""
    embedding_model: str = BUNDLED_MODEL
    """A sentence-transformers model: the bundled all-MiniLM-L6-v2, a folder, or a name on the model hub."""
    embedding_url: str = ""
    """Base address of an OpenAI-compatible embedding server, ending in /v1, that serves FOOTNOTE_EMBEDDING_MODEL.
    Empty: embedded in our own processes, as the bundled model always is."""
    embedding_api_key: SecretStr | None = None
    """Key for that server."""
    embedding_query_prefix: str = ""
    """What goes before each query that is embedded, such as "query: " with its blank: for a model that wants that and
    does not say so in its own files, and for one on a server. Empty: what its files say. Of an index that is made anew;
    `footnote reindex` makes one."""
    embedding_document_prefix: str = ""
    """The same before each passage, such as "passage: "."""
    reranker: str = ""
    """A sentence-transformers cross-encoder, a folder or a name on the model hub, that reads the first passages of each
    search and decides their order. Empty: they stay in the order of what the searches say of them."""
    reranker_candidates: int = Field(default=20, ge=1, le=200)
    """Passages of each search that it reads: each costs a pass through the model."""
    support_model: str = ""
    """A sentence-transformers cross-encoder with a label "entailment", a folder or a name on the model hub, that reads
    each generated sentence beside what it cites. Empty: shared words and meaning decide. The rules hold either way."""
    host: str = "127.0.0.1"
    """Address that the API listens on."""
    port: int = Field(default=8000, ge=0, le=65535)
    """Port that the API listens on."""
    trusted_proxies: str = "127.0.0.1,::1"
    """Addresses or networks, separated by commas, of the proxies before the API. Of a request that comes from there the
    last address in X-Forwarded-For that is not one of them counts as the caller's; limits on failed
    sign-ins, keys and sessions go by it."""
    public_url: str = ""
    """Address under which people reach the app, used in sign-in links; https makes cookies Secure."""
    admin_email: str = "admin@localhost"
    """The first administrator, created when there is none."""
    local_sign_in: bool = True
    """Whether people may sign in with a link or a password. false: at the sign-in provider only."""
    oidc_issuer: str = ""
    """OpenID Connect: the sign-in provider, as it calls itself, such as https://login.example.com/realms/acme. Its
    clients' redirect address is FOOTNOTE_PUBLIC_URL and /v1/sessions/oidc/callback; docs/sign-in.md has the steps.
    Empty: none."""
    oidc_client_id: str = ""
    """Name under which the provider knows Footnote."""
    oidc_client_secret: SecretStr | None = None
    """Secret that belongs to it. Without one, Footnote is a public client."""
    oidc_scopes: str = "openid profile email"
    """What is asked of the provider, separated by blanks. Many need offline_access as well, so that sessions can be
    renewed: without that one signs in again after FOOTNOTE_OIDC_REFRESH_MINUTES."""
    oidc_name: str = "your company account"
    """What people call the provider: the button says "Sign in with" and this."""
    oidc_groups_claim: str = "groups"
    """Claim of the ID token, and of access tokens, that lists somebody's groups."""
    oidc_groups_prefix: str = ""
    """What stands before the name of each such group here, such as entra/, so that none takes the name of one that
    was made here."""
    oidc_admin_group: str = ""
    """The provider's name of a group whose members are administrators. Empty: administrators are made here."""
    oidc_allowed_domains: str = ""
    """Domains of e-mail addresses, separated by commas, that may sign in at the provider. Empty: whoever it lets. As
    Google lets everybody, there the domain is that of the company that has the account."""
    oidc_link_accounts: bool = False
    """Whether somebody whose e-mail address the provider has verified gets the account that has it here already. false:
    they are refused."""
    oidc_audience: str = ""
    """For whom the provider's access tokens have to be made (their claim aud) to be taken instead of an API key: its
    name for Footnote as an API. docs/sign-in.md has the steps. Empty: none is taken."""
    oidc_refresh_minutes: int = Field(default=60, ge=5, le=1440)
    """After so many minutes at the latest the provider is asked again for somebody's groups, and whether they may still
    sign in, or their session ends."""
    refusal: Literal["strict", "balanced", "lenient"] = "balanced"
    """How much evidence an answer needs."""
    show_unsupported: bool = False
    """Show sentences that no source supports, marked, instead of withholding them."""
    max_answers: int = Field(default=512, ge=1, le=100_000)
    """Answers under way at a time in one API process; a question beyond them is refused at once (429)."""
    max_searching: int = Field(default=64, ge=1, le=100_000)
    """Of these, how many may still be looking for passages. As many searches without an answer may run beside them."""
    user_requests_per_minute: int = Field(default=60_000, ge=0)
    """Requests that one person may make a minute, with all their keys and sessions, of all API processes together; more
    are refused (429) until it is over. 0: any number."""
    key_requests_per_minute: int = Field(default=60_000, ge=0)
    """Requests a minute with one API key. 0: any number."""
    user_questions_per_minute: int = Field(default=3_000, ge=0)
    """Questions that one person may ask a minute, in whatever protocol. 0: any number."""
    key_questions_per_minute: int = Field(default=3_000, ge=0)
    """Questions a minute with one API key. 0: any number."""
    address_failures_per_minute: int = Field(default=300, ge=0)
    """Requests a minute from one address (of IPv6, one /64 network) with a wrong key or access token, as many with an
    ended session and as many failed sign-ins; a valid one passes all the same. 0: any number."""
    drain_seconds: int = Field(default=25, ge=0, le=3600)
    """Seconds that answers under way get when the API is told to stop; then each ends with an event that says so.
    `footnote up`: 2."""
    max_upload_mb: int = Field(default=50, ge=1, le=2048)
    """Largest file accepted, in MiB."""
    worker_concurrency: int = Field(default=1, ge=1, le=64)
    """Documents that one worker ingests at a time."""
    connector_folders: str = ""
    """Folders, separated by commas, below which data sources on this machine (folder, mbox, file:// repositories) may
    read. Empty: none. `footnote up`: your home directory and the one it was started in."""
    connector_networks: str = ""
    """Private networks, separated by commas, that data sources may reach, such as 10.1.0.0/16. Empty: none, so that
    they reach public addresses only."""
    connector_readers: str = ""
    """LlamaIndex reader classes, separated by commas as dotted paths, that data sources may run. Empty: none."""
    threads: int = Field(default=0, ge=0, le=256)
    """Processor threads for embedding in each process. 0: one for each core; a worker that ingests several documents
    at a time shares them out."""
    audit_days: int = Field(default=0, ge=0, le=36_500)
    """Days that events stay in the audit log; older ones are cleared away, and an event says so. 0: for ever."""
    audit_questions: bool = False
    """Write the text of each question into the audit log, not only who asked and which passages were used."""
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    """Least severe level logged."""
    _public_url_given: bool = PrivateAttr(default=True)

    @model_validator(mode="after")
    def _complete_and_refuse_unsafe(self) -> Self:
        self._public_url_given = bool(self.public_url)
        reached_at = "127.0.0.1" if self.host in EVERY_ADDRESS else self.host
        completed = {
            "data_dir": self.data_dir.expanduser().absolute(),
            "database_url": self.database_url or f"sqlite:///{self.data_dir.expanduser().absolute() / 'db.sqlite3'}",
            "embedding_model": model_name(self.embedding_model),
            "llm_tokenizer": self.llm_tokenizer and model_name(self.llm_tokenizer),
            "reranker": self.reranker and model_name(self.reranker),
            "support_model": self.support_model and model_name(self.support_model),
            "public_url": (self.public_url or f"http://{reached_at}:{self.port}").rstrip("/"),
        }
        self.__dict__.update(completed)  # not by assignment: what we complete does not count as set by the operator
        _ = self.bucket
        self._check_oidc()
        if self.llm_answer_seconds < self.llm_first_token_seconds:
            raise ValueError(
                "FOOTNOTE_LLM_ANSWER_SECONDS is less than FOOTNOTE_LLM_FIRST_TOKEN_SECONDS: no answer would be whole."
            )
        _ = self.networks, self.proxies  # a wrong one is refused at the start of a process, not in the middle of a sync
        self._check_secrets()
        return self

    def __repr_args__(self) -> Iterable[tuple[str | None, Any]]:
        for name, value in super().__repr_args__():
            yield name, without_password(value) if isinstance(value, str) else value

    @property
    def lacks_public_url(self) -> bool:
        """Whether other machines reach the API but nobody has said under which address."""
        return not self._public_url_given and not _is_loopback(self.host)

    @property
    def max_upload_bytes(self) -> int:
        return self.max_upload_mb * 1024 * 1024

    @property
    def bucket(self) -> tuple[str, str] | None:
        """Name and prefix of the bucket that originals lie in; None where they lie in the data directory."""
        if not self.originals_url:
            for name in ("endpoint", "region", "access_key", "secret_key"):
                if getattr(self, f"originals_{name}"):
                    variable = f"FOOTNOTE_ORIGINALS_{name.upper()}"
                    raise ValueError(f"{variable} is set, but FOOTNOTE_ORIGINALS_URL, which names the bucket, is not.")
            return None
        found = BUCKET_URL.fullmatch(self.originals_url)
        prefix = (found[2] or "").strip("/") if found else ""
        if found is None or (prefix and {"", ".", ".."} & set(prefix.split("/"))):
            raise ValueError("FOOTNOTE_ORIGINALS_URL: s3://bucket or s3://bucket/prefix is expected.")
        if self.originals_endpoint and not ENDPOINT.fullmatch(self.originals_endpoint):
            raise ValueError("FOOTNOTE_ORIGINALS_ENDPOINT: an address such as https://s3.example.com:9000 is expected.")
        if bool(self.originals_access_key) != bool(self.originals_secret_key):
            raise ValueError("FOOTNOTE_ORIGINALS_ACCESS_KEY and FOOTNOTE_ORIGINALS_SECRET_KEY belong together.")
        return found[1], prefix

    def _check_secrets(self) -> None:
        for name in (*CHOSEN, *GIVEN):
            secret: SecretStr | None = getattr(self, name)
            if secret is not None and (fault := self._weakness(name, secret.get_secret_value())):
                raise ValueError(f"FOOTNOTE_{name.upper()} {fault}: choose another.")
        for name in ("database_url", "broker_url"):
            for password in _remote_passwords(getattr(self, name)):
                if fault := weakness(password):
                    raise ValueError(f"The password in FOOTNOTE_{name.upper()} {fault}: choose another.")

    def _weakness(self, name: str, secret: str) -> str | None:
        if name in CHOSEN or (name == "llm_api_key" and MODEL_SERVER.search(self.llm_url)):
            return weakness(secret)
        servers = _words(getattr(self, GIVEN[name]))
        if servers and all(map(_is_on_this_machine, servers)):
            return None
        return weakness(secret, chosen=False)

    @property
    def sign_in_domains(self) -> frozenset[str]:
        return frozenset(domain.casefold().lstrip("@") for domain in _words(self.oidc_allowed_domains))

    def _check_oidc(self) -> None:
        if not self.oidc_issuer:
            if not self.local_sign_in:
                raise ValueError("FOOTNOTE_LOCAL_SIGN_IN is false, but no FOOTNOTE_OIDC_ISSUER: nobody could sign in.")
            if self.oidc_client_id or self.oidc_client_secret or self.oidc_audience:
                raise ValueError(
                    "FOOTNOTE_OIDC_CLIENT_ID, …_SECRET or …_AUDIENCE is set, but FOOTNOTE_OIDC_ISSUER is not."
                )
            return
        issuer = urlsplit(self.oidc_issuer)
        secure = issuer.scheme == "https" or (issuer.scheme == "http" and _is_loopback(issuer.hostname or ""))
        if not secure or not issuer.hostname or issuer.query or issuer.fragment or issuer.username is not None:
            raise ValueError("FOOTNOTE_OIDC_ISSUER: an address such as https://login.example.com/acme is expected.")
        if not self.oidc_client_id:
            raise ValueError("FOOTNOTE_OIDC_ISSUER is set, but FOOTNOTE_OIDC_CLIENT_ID is not.")
        if "openid" not in self.oidc_scopes.split():
            raise ValueError("FOOTNOTE_OIDC_SCOPES has to name openid.")

    @property
    def folders(self) -> tuple[Path, ...]:
        return tuple(Path(folder).expanduser() for folder in _words(self.connector_folders))

    @property
    def networks(self) -> tuple[IPv4Network | IPv6Network, ...]:
        return _networks(self.connector_networks, "FOOTNOTE_CONNECTOR_NETWORKS")

    @property
    def proxies(self) -> tuple[IPv4Network | IPv6Network, ...]:
        return _networks(self.trusted_proxies, "FOOTNOTE_TRUSTED_PROXIES")

    @property
    def readers(self) -> frozenset[str]:
        return frozenset(_words(self.connector_readers))


def source_secret(data_dir: Path, name: str) -> str:
    """The value of a data source's secret: a file, or an environment variable. It is read anew for each sync.

    Raises NotFoundError where there is none, ForbiddenError where others on this machine may read its file.
    """
    if not SECRET_NAME.fullmatch(name):
        raise InvalidInputError(f"{name!r} cannot name a secret: use letters, digits and _.", code="invalid_secret")
    mounted, own = SECRETS / f"footnote_source_{name.lower()}", data_dir / "secrets" / name.lower()
    variable = f"FOOTNOTE_SOURCE_{name.upper()}"
    for file in (mounted, own):
        if file.is_file():
            if file == own and file.stat().st_mode & 0o077:
                raise ForbiddenError(f"Others may read {own}: run chmod 600 on it.", code="secret_exposed")
            return file.read_text().strip()
    value = os.environ.get(variable)  # noqa: TID251 - this file is the one reader of the environment
    if not value:
        message = f"There is no secret {name}: put it into {own} (mode 600), {mounted} or {variable} of the scheduler."
        raise NotFoundError(message, code="secret_missing")
    return value


def unknown_variables() -> dict[str, str | None]:
    """`FOOTNOTE_…` variables that nothing reads, each with the name that was probably meant."""
    known = [*(name.upper() for name in Settings.model_fields), *CLIENTS]
    unknown: dict[str, str | None] = {}
    for variable, value in os.environ.items():  # noqa: TID251 - this file is the one reader of the environment
        name = variable.upper().removeprefix(PREFIX)
        if name == variable.upper() or name in known or OTHERS.fullmatch(name) or value.startswith(KUBERNETES_ADDRESS):
            continue
        unknown[variable] = next((f"{PREFIX}{near}" for near in get_close_matches(name, known, n=1)), None)
    return unknown


def without_password(text: str) -> str:
    """`text` as it may be shown: passwords in addresses are masked."""
    return PASSWORD_KEYWORD.sub(r"\1***", PASSWORD_OPTION.sub(r"\1***", PASSWORD.sub(r"\1:***@", text)))


def model_name(text: str) -> str:
    """A model as every process finds it: a folder by its whole path, whatever directory a process was started in."""
    folder = Path(text).expanduser()
    is_folder = folder.is_dir() or text.startswith(("/", ".", "~"))
    return str(folder.resolve()) if text != BUNDLED_MODEL and is_folder else text


def inherited_environment() -> dict[str, str]:
    """The environment for the processes that `footnote up` starts: ours, so that PATH and proxies stay."""
    return dict(os.environ)  # noqa: TID251 - this file is the one reader of the environment


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host.lower() == "localhost"


def _remote_passwords(address: str) -> list[str]:
    """The passwords in the address of a server on another machine; what is no address has none."""
    found = ADDRESS.fullmatch(address)
    if found is None or _is_on_this_machine(address):
        return []
    return [*([unquote(found["password"])] if found["password"] else []), *_options(found).get("password", [])]


def _is_on_this_machine(address: str) -> bool:
    """Whether every host that the address names is this machine. It may name several, or none."""
    found = ADDRESS.fullmatch(address)
    if found is None:
        return False
    options = _options(found)
    listed = [unquote(found["hosts"]), *options.get("host", []), *options.get("hostaddr", [])]
    hosts = [_without_port(host) for hosts in listed for host in _words(hosts)]
    return all(_is_loopback(host) or host.startswith("/") for host in hosts)


def _options(address: re.Match[str]) -> dict[str, list[str]]:
    return parse_qs(address["options"] or "")


def _without_port(host: str) -> str:
    if host.startswith("["):
        return host[1:].partition("]")[0]
    return host if host.count(":") > 1 else host.partition(":")[0]


def _networks(listed: str, variable: str) -> tuple[IPv4Network | IPv6Network, ...]:
    try:
        return tuple(ip_network(network) for network in _words(listed))
    except ValueError as error:
        raise ValueError(f"{variable}: {error}.") from None


def _words(listed: str) -> list[str]:
    return [word.strip() for word in listed.split(",") if word.strip()]
