"""What last night passes on: the tag history, and since when everything it counted was known.

A file or an override counts from the night that first had it. That night is written beside it
and carried on, so that a night gone by can be built again from what it had and no more: what
came later on the same day, after its night, belongs to the next one.
"""

import shutil
from pathlib import Path

import duckdb

from dagster_project.publish import Build

# Where each table of schema `previous` comes from.
FROM = {
    "previous.published": "meta.build",
    "previous.nights": "meta.nights",
    "previous.source_files": "meta.source_files",
    "previous.patient_tags": "main.patient_tags",
    "previous.tag_events": "main.tag_events",
    "previous.rule_versions": "meta.rule_versions",
    "previous.rule_history": "meta.rule_history",
    "previous.decision_events": "main.decision_events",
    "previous.segment_sizes": "main.segment_sizes",
    "previous.scenario_events": "main.scenario_events",
    "previous.holdout_starts": "main.holdout_starts",
    "previous.message_outcomes": "main.message_outcomes",
    "previous.overrides": "ledger.overrides",
}


def carry_last_night(con: duckdb.DuckDBPyConnection, last_night: Path, copy: Path) -> None:
    """Fill schema `previous` from a private copy, so that nobody's session can fail the night.

    What an older version of us did not publish yet stays empty.
    """
    if not last_night.exists():
        return
    shutil.copyfile(last_night, copy)
    con.execute(f"attach '{copy}' as last_night (read_only)").fetchall()
    columns = _columns(con)
    here = str(con.execute("select current_database()").fetchall()[0][0])
    for target, source in FROM.items():
        before = columns.get(f"last_night.{source}", [])
        names = ", ".join(name for name in columns[f"{here}.{target}"] if name in before)
        if names:
            query = f"insert into {target} ({names}) select {names} from last_night.{source}"
            con.execute(query).fetchall()
    con.execute("detach last_night").fetchall()
    copy.unlink()


def note_what_is_known(con: duckdb.DuckDBPyConnection, build: Build, settings_version: str) -> None:
    """Write down what this night counts, and since which night: files, overrides and rules.

    The same business day built again replaces itself.
    """
    day = {"day": build.as_of}
    con.execute(
        "insert into meta.source_files select files.sighting_id, files.file_id, files.feed,"
        " files.name, files.exported_on, coalesce(before.known_on, $day) from landing.files"
        " left join previous.source_files as before on before.sighting_id = files.sighting_id"
        " where files.status = 'landed'",
        day,
    ).fetchall()
    con.execute(
        "update ledger.overrides set known_on = $day,"
        " withdrawal_known_on = case when withdrawn_on is not null then $day end",
        day,
    ).fetchall()
    con.execute(
        "update ledger.overrides set known_on = coalesce(before.known_on, overrides.made_on),"
        " withdrawal_known_on = coalesce(before.withdrawal_known_on, overrides.withdrawal_known_on)"
        " from previous.overrides as before where before.id = overrides.id"
    ).fetchall()
    con.execute("insert into meta.nights from previous.nights where as_of < $day", day).fetchall()
    con.execute(
        "insert into meta.nights values (?, ?, ?, ?)",
        [build.as_of, build.build_id, build.built_at.isoformat(), settings_version],
    ).fetchall()
    con.execute(
        "insert into meta.rule_history from previous.rule_history where on_day < $day", day
    ).fetchall()
    con.execute(
        "insert into meta.rule_history select tag, rule_version, $day from meta.rule_versions"
        " where (tag, rule_version) not in"
        " (select tag, max_by(rule_version, on_day) from meta.rule_history group by tag)",
        day,
    ).fetchall()


def _columns(con: duckdb.DuckDBPyConnection) -> dict[str, list[str]]:
    """Return the columns of every database.schema.table there is, in their order."""
    rows = con.execute(
        "select concat_ws('.', database_name, schema_name, table_name),"
        " list(column_name order by column_index) from duckdb_columns() group by all"
    ).fetchall()
    return dict(rows)
