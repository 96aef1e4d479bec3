"""A ledger from before a release has the release's columns once it is opened, and all its rows."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from ledgers import database_on, postgres_server
from sqlalchemy import Engine, Table, insert, inspect, select

from dagster_project.ledger.schema import metadata
from dagster_project.ledger.store import open_ledger
from dagster_project.ledger.tables import audit, intent

WRITTEN = {"at": "2026-06-01", "clinic_id": "aozora", "kind": "stop", "subject": "all"}


@pytest.fixture(params=["sqlite", "postgres"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'ledger.db'}"
        return
    with postgres_server() as server, database_on(server) as database:
        yield database


def opened(url: str) -> Engine:
    open_ledger.cache_clear()
    return open_ledger(url)


def columns(engine: Engine, table: Table) -> set[str]:
    return {each["name"] for each in inspect(engine).get_columns(table.name)}


def may_come_later(table: Table) -> list[str]:
    """Return the columns a later release may have added: those that need not be filled."""
    bound = {column for index in table.indexes for column in index.columns}
    return [
        each.name
        for each in table.columns
        if each.nullable and not each.foreign_keys and each not in bound
    ]


def test_an_older_ledger_gains_its_columns_and_keeps_its_rows(url: str) -> None:
    engine = opened(url)
    with engine.begin() as con:
        con.execute(insert(audit), [WRITTEN])
        for table in metadata.sorted_tables:
            for name in may_come_later(table):
                con.exec_driver_sql(f"ALTER TABLE {table.name} DROP COLUMN {name}")
    assert "detail" not in columns(engine, audit)
    engine.dispose()
    engine = opened(url)
    for table in metadata.sorted_tables:
        assert columns(engine, table) == set(table.columns.keys())
    with engine.begin() as con:
        con.execute(insert(audit), [WRITTEN | {"detail": "said since"}])
        assert list(con.execute(select(audit.c.detail)).scalars()) == [None, "said since"]
    engine.dispose()


def test_an_older_ledger_gains_its_indexes(url: str) -> None:
    engine = opened(url)
    with engine.begin() as con:
        con.exec_driver_sql("DROP INDEX intent_by_clinic")
    engine.dispose()
    engine = opened(url)
    assert "intent_by_clinic" in {each["name"] for each in inspect(engine).get_indexes(intent.name)}
    engine.dispose()
