"""Connections and transactions, on PostgreSQL and SQLite alike. Knows nothing of the tables.

`read()`, `snapshot()` and `write()` are the only ways to a session: a write takes SQLite's lock at its start (BEGIN
IMMEDIATE), because there a transaction that reads first and then wants to write fails when another wrote in between.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import ColumnClause, Connection, create_engine, event, func, literal_column, select
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import DataError, DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.orm import Session

from retrieval.errors import LocalFaultError, NotFoundError, UnavailableError

BUSY_SECONDS = 15
STATEMENT_MS = 15_000
# A process that is stopped or cut off in the middle of a transaction keeps its locks no longer than this: less than a
# lease lasts, so that whoever takes its jobs over finds them free.
IDLE_MS = 10_000
# A server that is gone without a word is noticed after half a minute, not after the quarter of an hour that the kernel
# takes by itself: asked after 10 s of silence, three times.
SILENCE = {"keepalives_idle": 10, "keepalives_interval": 5, "keepalives_count": 3, "tcp_user_timeout": 25_000}
POOL_SECONDS = 10
# PostgreSQL's words for a lock that was not had in time, and for two who wait for each other.
_IN_THE_WAY = frozenset({"55P03", "40P01"})


@dataclass(frozen=True, slots=True)
class Pool:
    """How many connections to PostgreSQL a process keeps, and how many more it opens while it needs them."""

    kept: int
    more: int


ROOMY = Pool(5, 10)
# For a process of a handful of threads, of which there may be many: a server takes 100 connections as it comes.
SMALL = Pool(2, 3)


class TablesInUseError(UnavailableError):
    """Somebody else's transaction holds a table that was to be changed. Nothing was changed."""

    code = "tables_in_use"


class Database:
    """One pool of connections to the registry. Down or full raises UnavailableError(code="database_unavailable"), which
    is a LocalFaultError where the registry is SQLite.
    """

    def __init__(self, url: str, *, password: str | None = None, pool: Pool = ROOMY) -> None:
        address = make_url(url)
        if password and not address.password:
            address = address.set(password=password)
        self.is_sqlite = address.get_backend_name() == "sqlite"
        self.url = address
        self._fault = LocalFaultError if self.is_sqlite else UnavailableError
        self._engine = create_engine(address, pool_pre_ping=not self.is_sqlite, **self._options(address, pool))
        if self.is_sqlite:
            event.listen(self._engine, "connect", _prepare_sqlite)
            event.listen(self._engine, "begin", _begin_sqlite)
        self._writer = self._engine.execution_options(begin="IMMEDIATE")
        # SQLite's transactions see one state from their first read on; PostgreSQL's only when asked to.
        level = {} if self.is_sqlite else {"isolation_level": "REPEATABLE READ"}
        self._still = self._engine.execution_options(**level)

    @contextmanager
    def read(self) -> Iterator[Session]:
        """A session for reading; nothing is committed."""
        with _unavailable(self._fault), Session(self._engine, expire_on_commit=False) as session:
            yield session

    @contextmanager
    def write(self) -> Iterator[Session]:
        """A session whose transaction is committed at the end, or rolled back by any error."""
        with _unavailable(self._fault), Session(self._writer, expire_on_commit=False) as session, session.begin():
            yield session

    @contextmanager
    def snapshot(self) -> Iterator[Session]:
        """A session for reading that sees the state of one moment, however many queries it makes and however slowly."""
        with _unavailable(self._fault), Session(self._still, expire_on_commit=False) as session:
            self._take_time(session.connection())
            yield session

    @contextmanager
    def rewriting(self) -> Iterator[Connection]:
        """A bare connection whose one transaction may make and drop tables, and take as long as it needs.

        Raises TablesInUseError.
        """
        with _unavailable(self._fault), _in_use(), self._writer.connect() as connection, connection.begin():
            self._take_time(connection)
            yield connection

    def dispose(self) -> None:
        """Close every pooled connection."""
        self._engine.dispose()

    def _options(self, address: URL, pool: Pool) -> dict[str, Any]:
        if self.is_sqlite:
            if address.database:
                Path(address.database).parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            return {"connect_args": {"timeout": BUSY_SECONDS, "check_same_thread": False}}
        limits = f"-c statement_timeout={STATEMENT_MS} -c idle_in_transaction_session_timeout={IDLE_MS}"
        connecting = {"connect_timeout": 5, "options": f"{limits} -c timezone=UTC", **SILENCE}
        size = {"pool_size": pool.kept, "max_overflow": pool.more}
        return {"connect_args": connecting, "pool_timeout": POOL_SECONDS, **size}

    def _take_time(self, connection: Connection) -> None:
        """No limit of time holds for this transaction."""
        if not self.is_sqlite:
            limits = ("statement_timeout", "idle_in_transaction_session_timeout")
            connection.execute(select(*(func.set_config(limit, "0", True) for limit in limits)))


def clock(session: Session) -> datetime:
    """The database's time, now: the only clock that leases and versions know."""
    # Not through the ORM: asked in every transaction, and this takes a sixth of the time.
    return moment(session.connection().exec_driver_sql(f"SELECT {_now(session)}").scalar())


def clock_column(session: Session) -> ColumnClause[Any]:
    """The database's time as a column, for a query that reads rows beside it; `moment` makes it a time."""
    return literal_column(_now(session))


def _now(session: Session) -> str:
    sqlite = session.get_bind().dialect.name == "sqlite"
    return "strftime('%Y-%m-%dT%H:%M:%f', 'now')" if sqlite else "clock_timestamp()"


def moment(value: Any) -> datetime:
    """What `clock_column` brought, as an aware UTC time."""
    if isinstance(value, datetime):
        return value.astimezone(UTC)
    return datetime.fromisoformat(str(value)).replace(tzinfo=UTC)


def _prepare_sqlite(connection: Any, _record: Any) -> None:
    connection.isolation_level = None  # we say BEGIN ourselves
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "cache_size=-8000"):
        connection.execute(f"PRAGMA {pragma}")


def _begin_sqlite(connection: Connection) -> None:
    connection.exec_driver_sql(f"BEGIN {connection.get_execution_options().get('begin', 'DEFERRED')}")


@contextmanager
def _unavailable(fault: type[UnavailableError]) -> Iterator[None]:
    try:
        yield
    except (OperationalError, InterfaceError) as error:
        raise _down(error, fault) from error
    except PoolTimeoutError as error:
        raise fault("The database answers too slowly. Try again shortly.", code="database_unavailable") from error
    except DBAPIError as error:
        if error.connection_invalidated:
            raise _down(error, fault) from error
        if _looks_for_nul(error):
            raise NotFoundError("There is nothing of this name: no name holds a NUL.") from error
        raise


@contextmanager
def _in_use() -> Iterator[None]:
    try:
        yield
    except OperationalError as error:
        if getattr(error.orig, "sqlstate", None) not in _IN_THE_WAY:
            raise
        raise TablesInUseError(
            "The registry's tables are in use, by a backup perhaps: nothing was changed. Try again when it has ended."
        ) from error


def _looks_for_nul(error: DBAPIError) -> bool:
    """Whether PostgreSQL was to look for a text with a NUL, which it refuses to hear. SQLite just finds nothing."""
    asked = (error.statement or "").startswith("SELECT")
    return asked and isinstance(error, DataError) and "NUL" in str(error.orig)


def _down(error: DBAPIError, fault: type[UnavailableError]) -> UnavailableError:
    full = "full" in str(error.orig).lower()
    return fault(
        "The disk of the registry is full: nothing was stored." if full else "The registry (database) does not answer.",
        code="storage_full" if full else "database_unavailable",
    )
