"""Opening the ledger: SQLite by default, PostgreSQL by URL, the same tables and statements."""

import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

from sqlalchemy import Connection, Engine, create_engine, event, func, select
from sqlalchemy.engine import make_url

# So that metadata has them.
from dagster_project.ledger import (  # noqa: F401
    channel_tables,
    chat_tables,
    statistic_tables,
    tables,
)
from dagster_project.ledger.schema import bring_up_to_date
from dagster_project.settings import TOKYO

OUR_LOCKS = 0x7A6C696E  # any number that nobody else on a PostgreSQL server uses


@cache
def open_ledger(url: str) -> Engine:
    """Return an engine on the ledger, with the tables and columns made that are not there yet."""
    parsed = make_url(url)
    is_sqlite = parsed.get_backend_name() == "sqlite"
    # hide_parameters: an error ends in a log, and what was written may be a patient's words.
    if is_sqlite and parsed.database:
        Path(parsed.database).parent.mkdir(parents=True, exist_ok=True)
    if parsed.drivername == "postgresql":
        parsed = parsed.set(drivername="postgresql+psycopg")
    if is_sqlite:
        engine = create_engine(parsed, hide_parameters=True)
        event.listen(engine, "connect", _durable_sqlite)
        event.listen(engine, "begin", _begin)
    else:
        # A writer that waited for its turn must see what was written before it.
        engine = create_engine(parsed, isolation_level="READ COMMITTED", hide_parameters=True)
        event.listen(engine, "connect", _durable_postgres)
    with engine.begin() as con:
        if not is_sqlite:
            # Two that open a ledger at once must not both make its tables and columns.
            con.exec_driver_sql(f"SELECT pg_advisory_xact_lock({OUR_LOCKS})")
        bring_up_to_date(con)
    # Closed when nobody has it any more, and at the end at the latest: then SQLite folds its
    # journal into the file, and a copy of the file alone is whole.
    weakref.finalize(engine, engine.pool.dispose)
    return engine


def open_existing(url: str) -> Engine | None:
    """Return an engine on a ledger, None where it is a file that is not there yet."""
    parsed = make_url(url)
    is_file = parsed.get_backend_name() == "sqlite" and parsed.database
    return None if is_file and not Path(str(parsed.database)).exists() else open_ledger(url)


@contextmanager
def writing(engine: Engine, clinic_id: str) -> Iterator[Connection]:
    """Yield a transaction that has the clinic's part of the ledger to itself until it ends.

    Whatever it reads is therefore still so when it writes. On SQLite it has all of the
    ledger; on PostgreSQL other clinics do not wait for it.
    """
    with engine.begin() as con:
        if con.dialect.name == "postgresql":
            key = func.hashtextextended(clinic_id, OUR_LOCKS)
            con.execute(select(func.pg_advisory_xact_lock(key)))
        yield con


@contextmanager
def reading(engine: Engine) -> Iterator[Connection]:
    """Yield a connection that only reads, and all of it as of one moment.

    It neither takes nor waits for a lock.
    """
    options: dict[str, object] = {"reads_only": True}
    if engine.dialect.name == "postgresql":
        options["isolation_level"] = "REPEATABLE READ"
    with engine.execution_options(**options).connect() as con:
        yield con


def _durable_sqlite(connection: object, _: object) -> None:
    """Make an acknowledged commit survive a kill and a power cut; readers never wait."""
    # SQLAlchemy emits BEGIN itself, below; the driver's own would come too late.
    connection.isolation_level = None  # type: ignore[attr-defined]
    cursor = connection.cursor()  # type: ignore[attr-defined]
    for pragma in ("busy_timeout=10000", "journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _durable_postgres(connection: object, _: object) -> None:
    """Make an acknowledged commit survive a crash; let no frozen process keep others waiting."""
    connection.execute("SET synchronous_commit = on")  # type: ignore[attr-defined]
    connection.execute("SET idle_in_transaction_session_timeout = '60s'")  # type: ignore[attr-defined]
    connection.commit()  # type: ignore[attr-defined]


def _begin(connection: Connection) -> None:
    """Take the write lock at once: a transaction that reads first must not fail when it writes."""
    reads_only = connection.get_execution_options().get("reads_only")
    connection.exec_driver_sql("BEGIN" if reads_only else "BEGIN IMMEDIATE")


def stamp(moment: datetime) -> str:
    """Return an aware instant as the ledger keeps it: ISO 8601 in UTC, to the microsecond."""
    return moment.astimezone(UTC).isoformat(timespec="microseconds")


def moment_of(stamped: str) -> datetime:
    """Return an instant that the ledger keeps, in Asia/Tokyo."""
    return datetime.fromisoformat(stamped).astimezone(TOKYO)
