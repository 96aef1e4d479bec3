"""Night after night of one campaign, in memory: compiled once, only the business day changes."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

import duckdb
import pyarrow as pa
from dbt.contracts.graph.manifest import Manifest

from dagster_project import transform
from dagster_project.prepare import TABLES
from dagster_project.rules import DECIDING, PROJECT
from dagster_project.settings import Settings
from dagster_project.simulate.behaviour import Person, people

ANY_DAY = date(1900, 1, 1)  # stands in the compiled SQL where the business day goes
ONCE = ("campaigns", "campaign_steps")
DELIVERED = "stg_deliveries"  # built anew when something was sent
REACHED = "addressees"  # when somebody blocked
# What a night must know of everybody; DECIDING is for those whose turn has come.
NIGHTLY = ("scenario_events", "scenario_positions")
WITHOUT_A_DAY = {DELIVERED, REACHED, "account_places", "quota_shares"}
AS_OF = f"cast('{ANY_DAY}' as date)"
# What those models read of the ones before them: of the planted patients, what a day knows.
INPUTS = {
    "stg_visits": f"select patient_id, visited_on from planted where known_on <= {AS_OF}",
    "stg_line_links": "select patient_id, 'U' || patient_id as line_user_id, 'self' as relation,"
    f" cast(null as date) as linked_on, coalesce(blocked_on > {AS_OF}, true) as is_following,"
    " purpose as consent_purposes from planted cross join simulated",
    "patients_today": "select patient_id, 40 as age_years, false as is_deceased,"
    " false as is_test, 'active' as care_status, cast(null as date) as next_appointment_on,"
    f" case when known_on <= {AS_OF} then visited_on end as last_visit_on from planted",
}
# The same every night.
STANDING = {
    "candidates": "select campaign, patient_id, 'member' as standing, cast(null as date) as since,"
    " cast(null as date) as due_on, cast(null as date) as deadline_on,"
    " cast(null as varchar) as evidence from planted cross join simulated",
    "stg_patient_merges": "select '' as patient_id, '' as into_patient_id where false",
    # One campaign changes places with nobody.
    "campaign_turns": "select '' as campaign, 1 as step, 1 as priority,"
    " cast(0 as double) as visits_per_message, 1 as given_priority where false",
    "patient_tags": "select '' as patient_id, '' as tag, 'has' as state where false",
}


@dataclass(frozen=True)
class NightCount:
    """What one night did: who entered and how entries ended, what left, who is under way."""

    day: date
    events: Mapping[str, int]  # entered, goal, blocked, ...
    late: int  # of the goals, learned only after another step had left
    sent: Mapping[int, int]  # messages by step
    variants: Mapping[str, int]  # messages by variant
    active: int


class SimulateError(Exception):
    """There is nothing to simulate; the message says why."""


def simulate(
    settings: Settings, manifest: Manifest, campaign: str, nights: int, patients: int, seed: int
) -> Iterator[NightCount]:
    """Yield each night from today on. Nothing is written and nothing sent.

    Raises SimulateError for a campaign that does not exist, or DbtError.
    """
    models = (*ONCE, DELIVERED, REACHED, *NIGHTLY, *DECIDING)
    target = settings.dbt_target_dir()
    sql = transform.compile_models(manifest, settings.dbt_dir, target, ANY_DAY, models)
    with duckdb.connect(":memory:") as con:
        con.execute("set threads = 1").fetchall()  # small tables: threads only cost
        con.execute("pragma disable_optimizer").fetchall()  # as well: planning costs most
        database = manifest.nodes[f"model.{PROJECT}.campaigns"].database
        con.execute(f"attach ':memory:' as {database}").fetchall()
        con.execute(f"use {database}").fetchall()
        start = settings.as_of()
        days = [start + timedelta(days=n) for n in range(nights)]
        _lay_out(con, [*days, days[-1] + timedelta(days=1)])
        for name in ONCE:
            con.execute(f"create table {name} as {sql[name]}").fetchall()
        known = con.execute("select 1 from campaigns where campaign = ?", [campaign]).fetchall()
        if not known:
            raise SimulateError(f"配信 {campaign} はありません / no campaign {campaign}")
        steps = con.execute(
            "select after_days from campaign_steps where campaign = ? order by step", [campaign]
        ).fetchall()
        planted = people(patients, seed, start, [day for (day,) in steps])
        news = {start} | {day for each in planted for day in (each.known_on, each.blocked_on)}
        _plant(con, planted)
        con.execute(
            "create table simulated as select campaign, purpose from campaigns where campaign = ?",
            [campaign],
        ).fetchall()
        for name, query in STANDING.items():
            con.execute(f"create table {name} as {query}").fetchall()
        _prepare(con, INPUTS | {name: sql[name] for name in models[len(ONCE) :]})
        for day in days:
            yield _night(con, day, has_news=day in news)


def _prepare(con: duckdb.DuckDBPyConnection, queries: Mapping[str, str]) -> None:
    """Plan each table's query once, with the business day left open: planning costs most."""
    for name, query in queries.items():
        con.execute(f"create table {name} as {query}").fetchall()
        of_a_day = query.replace(f"'{ANY_DAY}'", "$day")
        con.execute(f"prepare fill_{name} as insert into {name} {of_a_day}").fetchall()


def _lay_out(con: duckdb.DuckDBPyConnection, days: Sequence[date]) -> None:
    """Make the tables that the nightly lays in, a clinic that is always open, and an account."""
    for schema in sorted({name.split(".")[0] for name in TABLES}):
        con.execute(f"create schema {schema}").fetchall()
    for name, columns in TABLES.items():
        con.execute(f"create table {name} ({columns})").fetchall()
    con.execute("insert into clinic.profile (clinic_id) values ('simulated')").fetchall()
    con.execute("insert into clinic.contact_policy values (1, 31, null, null)").fetchall()
    con.executemany("insert into clinic.open_days values (?)", [[day] for day in days])


def _plant(con: duckdb.DuckDBPyConnection, planted: Sequence[Person]) -> None:
    days = ("visited_on", "known_on", "blocked_on")
    columns = {"patient_id": pa.array([each.patient_id for each in planted])}
    columns |= {
        name: pa.array([getattr(each, name) for each in planted], pa.date32()) for name in days
    }
    con.register("planting", pa.table(columns))
    con.execute("create table planted as from planting").fetchall()
    con.unregister("planting")


def _night(con: duckdb.DuckDBPyConnection, day: date, *, has_news: bool) -> NightCount:
    """Live through a night; without news of anybody its exports are those of the night before."""
    for name in (*INPUTS, REACHED, *NIGHTLY) if has_news else NIGHTLY:
        _fill(con, name, day)
    con.execute("delete from previous.scenario_events").fetchall()
    con.execute("insert into previous.scenario_events by name from scenario_events").fetchall()
    events = con.execute(
        "select event, count(*), count(*) filter (is_late) from scenario_events"
        " where on_day = ? group by event",
        [day],
    ).fetchall()
    active, due = con.execute(
        "select count(*) filter (state = 'active'), count(*) filter (coalesce(next_due_on <= ?,"
        " state is null)) from candidates left join scenario_positions"
        " using (campaign, patient_id) where coalesce(state, 'active') = 'active'",
        [day],
    ).fetchall()[0]
    # Whoever stands in a scenario is decided for like anybody else, but sent nothing before the
    # day of a step: while it is nobody's, the decisions could only say so again.
    sent = _decide(con, day) if due else []
    steps, variants = Counter[int](), Counter[str]()
    for step, variant, messages in sent:
        steps[step] += messages
        variants[variant] += messages
    late = sum(count for _, _, count in events)
    return NightCount(day, {name: n for name, n, _ in events}, late, steps, variants, active)


def _decide(con: duckdb.DuckDBPyConnection, day: date) -> list[tuple[int, str, int]]:
    """Decide a night and send what it says; return the messages by step and variant."""
    for name in DECIDING:
        _fill(con, name, day)
    con.execute(
        "insert into ledger.deliveries by name select occurrence_id, campaign, step, line_user_id,"
        " patient_id, variant, 'accepted' as state, cast($day as date) as as_of"
        " from delivery_decisions where outcome = 'send'",
        {"day": day},
    ).fetchall()
    _fill(con, DELIVERED, day)
    return con.execute(
        "select step, variant, count(*) from delivery_decisions where outcome = 'send'"
        " group by step, variant"
    ).fetchall()


def _fill(con: duckdb.DuckDBPyConnection, name: str, day: date) -> None:
    con.execute(f"delete from {name}").fetchall()
    of_day = "" if name in WITHOUT_A_DAY else f"(day := '{day}')"
    con.execute(f"execute fill_{name}{of_day}").fetchall()
