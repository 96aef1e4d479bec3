"""One night's warehouse in a scratch folder: laid out as the nightly does, filled by plain SQL."""

from collections.abc import Sequence
from datetime import date
from pathlib import Path

import duckdb

from dagster_project.backtest.tables import ANY_DAY, Table
from dagster_project.prepare import Night, prepare
from dagster_project.preview.changes import said

# What a night of a back-test hands to the next one: who came, and how far each entry is.
CARRIED = ("decision_events", "scenario_events")


class BacktestError(Exception):
    """The back-test cannot be run; the message says why and what to do."""


def make_standing(path: Path, tables: Sequence[Table]) -> None:
    """Write a file with what is the same every night."""
    with duckdb.connect(str(path)) as con:
        for table in tables:
            if table.is_standing:
                _make(con, table, ANY_DAY)


def open_night(
    work: Path, standing: Path, tables: Sequence[Table], night: Night
) -> duckdb.DuckDBPyConnection:
    """Return a connection to a night built anew: everything there is of it.

    Raises BacktestError when the SQL of a model does not run.
    """
    prepare(work, night)
    con = duckdb.connect(str(work))
    con.execute(f"attach '{standing}' as standing (read_only)").fetchall()
    for table in tables:
        if table.is_standing:
            con.execute(f"create view main.{table.name} as from standing.{table.name}").fetchall()
        else:
            _make(con, table, night.build.as_of)
    return con


def carry(con: duckdb.DuckDBPyConnection, path: Path) -> None:
    """Write what the next night continues from."""
    path.unlink(missing_ok=True)
    con.execute(f"attach '{path}' as carried").fetchall()
    for name in CARRIED:
        con.execute(f"create table carried.{name} as from main.{name}").fetchall()
    con.execute("detach carried").fetchall()


def _make(con: duckdb.DuckDBPyConnection, table: Table, day: date) -> None:
    try:
        table.make(con, day)
    except duckdb.Error as error:
        raise BacktestError(f"{table.name}: {said(error)}") from error
