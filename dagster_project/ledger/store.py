"""Opening the ledger: SQLite by default, PostgreSQL by URL, the same tables and statements."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import make_url

from dagster_project.ledger.tables import metadata


@cache
def open_ledger(url: str) -> Engine:
    """Return an engine on the ledger, with its tables made if they are not there yet."""
    parsed = make_url(url)
    is_sqlite = parsed.get_backend_name() == "sqlite"
    if is_sqlite and parsed.database:
        Path(parsed.database).parent.mkdir(parents=True, exist_ok=True)
    engine = create_engine(url)
    if is_sqlite:
        event.listen(engine, "connect", _durable)
        event.listen(engine, "begin", _begin)
    metadata.create_all(engine)
    return engine


@contextmanager
def reading(engine: Engine) -> Iterator[Connection]:
    """Yield a connection that only reads: on SQLite it neither takes nor waits for the lock."""
    with engine.execution_options(reads_only=True).connect() as con:
        yield con


def _durable(connection: object, _: object) -> None:
    """Make an acknowledged commit survive a kill and a power cut; readers never wait."""
    # SQLAlchemy emits BEGIN itself, below; the driver's own would come too late.
    connection.isolation_level = None  # type: ignore[attr-defined]
    cursor = connection.cursor()  # type: ignore[attr-defined]
    for pragma in ("busy_timeout=10000", "journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _begin(connection: Connection) -> None:
    """Take the write lock at once: a transaction that reads first must not fail when it writes."""
    reads_only = connection.get_execution_options().get("reads_only")
    connection.exec_driver_sql("BEGIN" if reads_only else "BEGIN IMMEDIATE")


def stamp(moment: datetime) -> str:
    """Return an aware instant as the ledger keeps it: ISO 8601 in UTC, to the microsecond."""
    return moment.astimezone(UTC).isoformat(timespec="microseconds")
