"""A warehouse in memory: the published night, with the edited rules in the place of its own.

Compiled SQL names its relations in full, after the file they were to be written to. A
database in memory takes that name, so that the SQL runs as dbt compiled it; what has not
changed is a view on the published file, which is attached read-only.
"""

import csv
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import duckdb
from dbt.contracts.graph.manifest import Manifest

from dagster_project.ingest.contract import DATASETS, FILES
from dagster_project.prepare import TABLES, landing_view
from dagster_project.preview.changes import PreviewError, said
from dagster_project.preview.plan import Plan
from dagster_project.rules import PROJECT, TAG

GONE = (
    "この変更は取込の段階に及びますが、公開された夜の取込ファイルがもう無いため確かめられません:"
    " tagline nightly を実行してください / the edit reaches staging, and the landing files of the"
    " published night are gone: run `tagline nightly` first"
)
TAGS = "patient_tags"
Compile = Callable[[Sequence[str]], Mapping[str, str]]


def open_published(path: Path) -> duckdb.DuckDBPyConnection:
    """Return a connection to nothing but memory, with the published file attached read-only."""
    con = duckdb.connect(":memory:")
    con.execute("set temp_directory = ''").fetchall()  # it would spill into the current folder
    con.execute(f"attach '{path}' as published (read_only)").fetchall()
    return con


def stored_models(con: duckdb.DuckDBPyConnection) -> set[str]:
    """Return the models and seeds of the published night, by name; views read that night too."""
    rows = con.execute(
        "select table_name from information_schema.tables"
        " where table_catalog = 'published' and table_schema = 'main'"
    ).fetchall()
    return {name for (name,) in rows}


def build_scratch(
    con: duckdb.DuckDBPyConnection,
    manifest: Manifest,
    made: Plan,
    compile_sql: Compile,
    landing: Path,
    dbt_dir: Path,
    kept_tags: Sequence[str] = (),
) -> str:
    """Build what is planned and return the scratch database's name.

    `kept_tags` are those whose members are taken from the published night as they are. Raises
    PreviewError when the SQL of a model does not run.
    """
    database = str(manifest.nodes[f"model.{PROJECT}.{TAGS}"].database)
    sql = compile_sql(made.models(manifest))
    con.execute(f"attach ':memory:' as {database}").fetchall()
    con.execute(f"use {database}").fetchall()
    _lay_out_sources(con)
    if made.reads_landing(manifest):
        _lay_out_landing(con, landing)
    for unique_id in made.reads:
        name = manifest.nodes[unique_id].name
        con.execute(f"create view main.{name} as from published.main.{name}").fetchall()
    for unique_id in made.builds:
        node = manifest.nodes[unique_id]
        if node.resource_type == "seed":
            sql_of = read_seed(dbt_dir / node.original_file_path, node.config)
        else:
            sql_of = sql[node.name]
        if node.name == TAGS and kept_tags:
            sql_of = _around(con, database, sql_of, kept_tags)
        # Only patient_tags reads a tag; any other view would be reckoned again by each reader.
        is_view = node.name.startswith(TAG) or (node.name == TAGS and kept_tags)
        kind = "view" if is_view else "table"
        try:
            con.execute(f"create {kind} main.{node.name} as {sql_of}").fetchall()
        except duckdb.Error as error:
            raise PreviewError(f"{node.original_file_path}: {said(error)}") from error
    return database


def _around(
    con: duckdb.DuckDBPyConnection, database: str, sql: str, kept_tags: Sequence[str]
) -> str:
    """Build the members of the tags that differ, and return SQL of them beside all others.

    Of a large clinic two million memberships are the same as before, and only read.
    """
    kept = ", ".join(f"'{tag}'" for tag in kept_tags)
    edited = f"{database}.main.edited_tags"
    con.execute(
        f"create table {edited} as select * from ({sql}) where tag not in ({kept})"
    ).fetchall()
    return (
        f"from {edited} union all by name select * from published.main.{TAGS} where tag in ({kept})"
    )


def _lay_out_sources(con: duckdb.DuckDBPyConnection) -> None:
    """Show every table the nightly lays in beside dbt's own: settings, ledger, verdicts."""
    rows = con.execute(
        "select schema_name || '.' || table_name from duckdb_tables()"
        " where database_name = 'published' and schema_name <> 'main'"
    ).fetchall()
    stored = {name for (name,) in rows}
    for schema in sorted({name.split(".")[0] for name in stored | TABLES.keys()}):
        con.execute(f"create schema {schema}").fetchall()
    for name in stored:
        con.execute(f"create view {name} as from published.{name}").fetchall()
    for name in TABLES.keys() - stored:  # the night was published before there was such a table
        con.execute(f"create table {name} ({TABLES[name]})").fetchall()


def _lay_out_landing(con: duckdb.DuckDBPyConnection, folder: Path) -> None:
    """Show the exports the published night was made of, and none that came later."""
    con.execute("create schema landing").fetchall()
    for dataset, columns in DATASETS.items():
        landing_view(con, folder, dataset, columns)
    used = "(file_id, feed) in (select (file_id, feed) from published.meta.source_files)"
    landing_view(con, folder, "files", FILES, used)
    missing = con.execute(
        "select 1 from published.meta.source_files as used"
        " anti join landing.files as landed on landed.file_id = used.file_id limit 1"
    ).fetchall()
    if missing:
        raise PreviewError(GONE)


def read_seed(path: Path, config: object) -> str:
    """Return SQL that reads a seed the way `dbt seed` does: an empty cell is null."""
    with path.open(encoding="utf-8-sig", newline="") as file:
        header = next(csv.reader(file), [])
    types = getattr(config, "column_types", {})
    columns = ", ".join(f"'{name}': '{types.get(name, 'varchar')}'" for name in header)
    return (
        f"from read_csv('{path}', auto_detect = false, header = true, columns = {{{columns}}},"
        " delim = ',', quote = '\"', escape = '\"', nullstr = '')"
    )
