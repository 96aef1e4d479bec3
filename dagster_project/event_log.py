"""Dagster's event log in SQLite, with its connections kept open between events.

Dagster makes a new engine for every event it stores: SQLAlchemy then compiles the same
statements anew, and SQLite folds its journal back into the file, each time. That was a
third of a night's CPU, and on a slow disk most of its time.
"""

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from threading import RLock
from typing import Any

import sqlalchemy as db
from dagster._core.events.log import EventLogEntry
from dagster._core.storage.event_log.sqlite.sqlite_event_log import (
    INDEX_SHARD_NAME,
    SqliteEventLogStorage,
)
from dagster._core.storage.sqlite import SQLITE_BUSY_TIMEOUT_SECONDS
from dagster._serdes import ConfigurableClassData

MAX_OPEN = 8  # a page that lists runs must not keep the file of each


class EventLog(SqliteEventLogStorage):
    """The same files in the same place as Dagster's own; either can read what the other wrote."""

    @classmethod
    def from_config_value(
        cls, inst_data: ConfigurableClassData | None, config_value: Mapping[str, Any]
    ) -> "EventLog":
        """Return the log under the Dagster home that dagster.yaml names."""
        folder = Path(config_value["base_dir"]) / "history" / "runs"
        return cls(base_dir=str(folder), inst_data=inst_data)

    def __init__(self, base_dir: str, inst_data: ConfigurableClassData | None = None) -> None:
        self._held: dict[str, db.Connection] = {}  # by who has the lock
        self._engines: dict[str, db.Engine] = {}  # the one used last comes last
        self._found: set[str] = set()  # tables and columns that are there, and stay
        super().__init__(base_dir, inst_data)
        self._db_lock = RLock()  # type: ignore[assignment] # a batch takes it once more

    def has_table(self, table_name: str) -> bool:
        """Return whether the file that spans runs has a table; asked of it until it has."""
        if table_name not in self._found:
            with self.index_connection() as connection:
                if not db.inspect(connection).has_table(table_name):
                    return False
            self._found.add(table_name)
        return True

    def has_asset_key_col(self, column_name: str) -> bool:
        """Return whether the table of assets has a column; asked of the file until it has."""
        column = f"asset_keys.{column_name}"
        if column not in self._found and super().has_asset_key_col(column_name):
            self._found.add(column)
        return column in self._found

    def store_event_batch(self, events: Sequence[EventLogEntry]) -> None:
        """Store events, those planned for a run, in one transaction of each file."""
        shards = {event.run_id for event in events} | {INDEX_SHARD_NAME}
        with self._db_lock, ExitStack() as transactions:
            connections = {each: self.run_connection(each) for each in shards}
            held = {
                each: transactions.enter_context(connection)
                for each, connection in connections.items()
            }
            transactions.callback(self._held.clear)
            self._held |= held
            super().store_event_batch(events)

    def store_event(self, event: EventLogEntry) -> None:
        """Store an event, and show it to the pages that watch the file of its run."""
        super().store_event(event)
        # What was written still stands in the journal beside it.
        os.utime(self.path_for_shard(event.run_id))

    @contextmanager
    def run_connection(self, run_id: str | None = None) -> Iterator[db.Connection]:
        """Give a connection to one run's file, in a transaction."""
        shard = str(run_id)
        with self._db_lock:
            if shard in self._held:
                yield self._held[shard]
                return
            engine = self._engine(shard)
            if shard not in self._initialized_dbs:
                self._initdb(engine)
                self._initialized_dbs.add(shard)
            with engine.begin() as connection:
                yield connection

    @contextmanager
    def index_connection(self) -> Iterator[db.Connection]:
        """Give a connection to the file that spans runs, in a transaction."""
        with self.run_connection(INDEX_SHARD_NAME) as connection:
            yield connection

    def dispose(self) -> None:
        """Close every file; what stands in their journals is folded back into them."""
        super().dispose()
        while self._engines:
            self._engines.popitem()[1].dispose()

    def _engine(self, shard: str) -> db.Engine:
        engine = self._engines.pop(shard, None)
        if engine is None:
            engine = db.create_engine(
                self.conn_string_for_shard(shard),
                poolclass=db.QueuePool,
                pool_reset_on_return=None,  # every use is a transaction that ends by itself
                connect_args={"timeout": SQLITE_BUSY_TIMEOUT_SECONDS},
            )
            db.event.listen(engine, "connect", _without_waiting_for_the_disk)
        self._engines[shard] = engine
        if len(self._engines) > MAX_OPEN:
            self._engines.pop(next(iter(self._engines))).dispose()
        return engine


def _without_waiting_for_the_disk(connection: Any, _: object) -> None:  # noqa: ANN401
    """Let a power cut cost the last events of this history, which decides nothing."""
    connection.execute("PRAGMA synchronous=NORMAL")
