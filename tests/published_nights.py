"""A published night as sending reads it: only the tables it asks, in a real file."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import duckdb

from dagster_project.delivery.plan import PlanRow
from dagster_project.publish import Build

SHAPE = """
create schema meta;
create table meta.build (
    clinic_id varchar, build_id varchar, as_of date, built_at varchar, layout integer
);
create table delivery_plan (
    occurrence_id varchar, line_user_id varchar, patient_ids varchar, wording varchar,
    variant varchar, patients integer, quota_turn bigint, quota_place bigint, goes_in_parts boolean
);
create table delivery_decisions (campaign varchar, patient_id varchar, reason varchar);
create table campaigns (
    campaign varchar, visited_within_days integer, sends_from varchar, sends_until varchar
);
create table scenario_positions (
    campaign varchar, patient_id varchar, visits_count_from date, state varchar
);
create table tag_references (campaign varchar, tag varchar);
create table stg_patient_merges (patient_id varchar, into_patient_id varchar);
"""


def write_build(con: duckdb.DuckDBPyConnection, build: Build) -> None:
    """Write down whose night this is and when it was built."""
    said = [build.clinic_id, build.build_id, build.as_of, build.built_at.isoformat(), build.layout]
    con.execute("insert into meta.build values (?, ?, ?, ?, ?)", said)


def publish_night(
    path: Path,
    build: Build,
    rows: Sequence[PlanRow],
    settled: Iterable[tuple[str, str]] = (),
    windows: Mapping[str, tuple[str, str]] | None = None,
) -> None:
    """Put a night in the published one's place, as publishing does.

    `settled` are campaigns and patients that are decided for and only sent already; `windows`
    the hours of the campaigns that have their own.
    """
    work = path.with_suffix(".work")
    work.unlink(missing_ok=True)
    said = [(row.campaign, each, "send") for row in rows for each in row.patient_ids.split(",")]
    said += [(campaign, patient, "already_this_cycle") for campaign, patient in settled]
    plan = [
        (row.occurrence_id, row.line_user_id, row.patient_ids, row.variant, 1 + commas)
        for row in rows
        for commas in [row.patient_ids.count(",")]
    ]
    with duckdb.connect(str(work)) as con:
        con.execute(SHAPE)
        write_build(con, build)
        if plan:
            values = "(?, ?, ?, 'plain', ?, ?, null, null, null)"
            con.executemany(f"insert into delivery_plan values {values}", plan)
        if said:
            con.executemany("insert into delivery_decisions values (?, ?, ?)", said)
        names = sorted({row.campaign for row in rows})
        if names:
            hours = [(each, *(windows or {}).get(each, (None, None))) for each in names]
            con.executemany("insert into campaigns values (?, 0, ?, ?)", hours)
    work.replace(path)
