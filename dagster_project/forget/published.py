"""The published night without the forgotten: written anew beside it, then renamed over it.

A row that is merely deleted stays readable in the file's blocks, so nothing of the old file
is kept. Counts of that night stay as they were; they name nobody.
"""

import shutil
from collections.abc import Iterator
from pathlib import Path

import duckdb

from dagster_project.forget.hashes import Forgotten, accounts_among, patients_among

COLUMNS = (
    "patient_id",
    "patient_no",
    "into_patient_id",
    "into_patient_no",
    "line_user_id",
    "patient_ids",
)
Named = tuple[str, str, list[str]]  # table, column, the values in it that name them


def rows_published(published: Path, forgotten: Forgotten) -> dict[str, int]:
    """Return how many rows of each table name forgotten persons."""
    if not published.exists():
        return {}
    with duckdb.connect(str(published), read_only=True) as con:
        found: dict[str, int] = {}
        for table, column, values in _named(con, forgotten):
            query = f"select count(*) from {table} where {column} in (select unnest($values))"
            (count,) = con.execute(query, {"values": values}).fetchall()[0]
            found[table] = max(found.get(table, 0), int(count))
        return found


def strip_published(published: Path, aside: Path, forgotten: Forgotten) -> bool:
    """Replace the published file by one without them; readers see the one or the other.

    Return whether it named any.
    """
    if not rows_published(published, forgotten):
        return False
    aside.mkdir(parents=True, exist_ok=True)
    before, after = aside / "before.duckdb", aside / published.name
    for stale in (before, after):
        stale.unlink(missing_ok=True)
    shutil.copyfile(published, before)
    with duckdb.connect(str(before)) as con:
        for table, column, values in list(_named(con, forgotten)):
            query = f"delete from {table} where {column} in (select unnest($values))"
            con.execute(query, {"values": values}).fetchall()
    with duckdb.connect() as con:
        # Views name their tables after the file they were made in.
        con.execute(f"attach '{before}' as before (read_only)").fetchall()
        con.execute(f"attach '{after}' as {published.stem}").fetchall()
        con.execute(f"copy from database before to {published.stem}").fetchall()
    before.unlink()
    after.replace(published)
    return True


def _named(con: duckdb.DuckDBPyConnection, forgotten: Forgotten) -> Iterator[Named]:
    """Yield every stored column that names forgotten persons, and by which values."""
    columns = con.execute(
        "select schema_name || '.' || table_name, column_name from duckdb_columns()"
        " where (schema_name, table_name) in (select (schema_name, table_name)"
        " from duckdb_tables()) and column_name in (select unnest(?)) order by all",
        [list(COLUMNS)],
    ).fetchall()
    for table, column in columns:
        rows = con.execute(f"select distinct {column} from {table}").fetchall()
        values = [value for (value,) in rows if value is not None]
        if gone := [each for each in values if _names(column, str(each), forgotten)]:
            yield table, column, gone


def _names(column: str, value: str, forgotten: Forgotten) -> bool:
    if column == "line_user_id":
        return bool(accounts_among(forgotten, [value]))
    return bool(patients_among(forgotten, value.split(",")))
