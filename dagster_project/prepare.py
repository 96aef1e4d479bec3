"""A fresh warehouse file with everything dbt may read, and nothing else.

dbt sees one clinic: its landing as views, its settings, its past deliveries, its overrides
and what was decided of tags from the ledger, and what was published last. Another clinic
is not there to be reached.
"""

import hashlib
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path

import duckdb
import pyarrow as pa

from dagster_project.carried import carry_last_night, note_what_is_known
from dagster_project.clinic import Clinic
from dagster_project.ingest.contract import DATASETS, FILES
from dagster_project.ledger.chat_snapshot import NOTHING_SAID, Chat
from dagster_project.ledger.quota import UNKNOWN_ROOM, Room
from dagster_project.publish import Build
from dagster_project.rules import UNVERSIONED, Rules

SQL_TYPES = {"string": "varchar", "date32[day]": "date", "bool": "boolean", "int64": "bigint"}

# The other schemas dbt reads, as DuckDB tables. The order of columns is the contract.
TABLES = {
    "meta.build": "clinic_id varchar, build_id varchar, as_of date, built_at varchar,"
    " stage varchar, layout integer",
    "meta.rule_versions": "tag varchar, rule_version varchar",
    "meta.node_versions": "node varchar, version varchar",
    "meta.rule_history": "tag varchar, rule_version varchar, on_day date",
    # The nights published so far and this one, and what each counted: see carried.py.
    "meta.nights": "as_of date, build_id varchar, built_at varchar, settings_version varchar",
    "meta.source_files": "sighting_id varchar, file_id varchar, feed varchar, name varchar,"
    " exported_on date, known_on date",
    "clinic.profile": "clinic_id varchar, name varchar, min_confirm_months integer,"
    " has_immunization_feed boolean, has_conditions_feed boolean, has_visits_feed boolean,"
    " has_claims_feed boolean, has_appointments_feed boolean",
    "clinic.departments": "local_name varchar, department_code varchar",
    "clinic.default_department": "local_name varchar",
    "clinic.open_days": "day date",
    "clinic.screenings": "screening varchar",
    "clinic.choices": "questionnaire varchar, title varchar, campaign varchar, question varchar,"
    " question_text varchar, choice varchar, label varchar, is_wish boolean",
    # The last two are what the month has left for everybody, null where there is no limit or nobody
    # knows, and when LINE was asked.
    "clinic.contact_policy": "max_messages_a_day integer, max_messages_a_month integer,"
    " messages_left integer, quota_read_at timestamp",
    "clinic.campaign_content": "campaign varchar, variant varchar, content_version varchar",
    # `accepted_at` is in Asia/Tokyo, and null while it has not left.
    "ledger.deliveries": "occurrence_id varchar, campaign varchar, step integer,"
    " line_user_id varchar, patient_id varchar, state varchar, as_of date, accepted_at timestamp,"
    " batch_id varchar, content_version varchar, purpose varchar, variant varchar",
    # What LINE last said of each batch. Null is what it does not show: fewer than 20 people.
    "ledger.unit_statistics": "batch_id varchar, unit varchar, campaign varchar, step integer,"
    " content_version varchar, sent_on date, recipients integer, read_on date, is_frozen boolean,"
    " impressions integer, clicks integer",
    "ledger.blocks": "line_user_id varchar, blocked_at timestamp",  # in Asia/Tokyo
    "ledger.vetoes": "scope varchar, subject varchar",
    "ledger.audience_approvals": "campaign varchar, as_of date, members bigint",
    "ledger.overrides": "id bigint, patient_id varchar, tag varchar, action varchar,"
    " made_on date, expires_on date, withdrawn_on date, known_on date, withdrawal_known_on date",
    "ledger.tag_decisions": "id bigint, tag varchar, action varchar, finding varchar,"
    " other_tag varchar, into_tag varchar, made_on date, kept_until date",
    "ledger.chat_accounts": "line_user_id varchar, is_following boolean, unlinked_on date",
    "ledger.chat_links": "line_user_id varchar, patient_id varchar, relation varchar,"
    " linked_on date, event_id varchar",
    "ledger.chat_consents": "line_user_id varchar, purpose varchar, is_granted boolean,"
    " on_day date, version varchar, event_id varchar",
    "ledger.chat_answers": "line_user_id varchar, questionnaire varchar, version varchar,"
    " question varchar, choice varchar, item varchar, value varchar, answered_on date,"
    " answered_at timestamp, event_id varchar",
    "previous.published": "as_of date",
    "previous.nights": "as_of date, build_id varchar, built_at varchar, settings_version varchar",
    "previous.source_files": "sighting_id varchar, file_id varchar, known_on date",
    "previous.patient_tags": "patient_id varchar, tag varchar, state varchar",
    "previous.tag_events": "tag varchar, patient_id varchar, event varchar, on_day date,"
    " rule_version varchar",
    "previous.rule_versions": "tag varchar, rule_version varchar",
    "previous.segment_sizes": "campaign varchar, on_day date, members bigint",
    "previous.rule_history": "tag varchar, rule_version varchar, on_day date",
    "previous.decision_events": "campaign varchar, step integer, patient_id varchar, on_day date,"
    " outcome varchar, reason varchar, because_on date",
    "previous.scenario_events": "campaign varchar, patient_id varchar, on_day date, event varchar,"
    " step integer, visited_on date, is_late boolean",
    "previous.holdout_starts": "campaign varchar, step integer, patient_id varchar, on_day date,"
    " occurrence_id varchar",
    "previous.message_outcomes": "arm varchar, occurrence_id varchar, patient_id varchar,"
    " window_ends_on date, visited_on date, visit_known_on date, is_booked boolean,"
    " is_late_arrival boolean",
    "previous.overrides": "id bigint, known_on date, withdrawal_known_on date",
    "checks.verdicts": "scope varchar, subject varchar, check_name varchar, severity varchar,"
    " is_passed boolean, may_be_approved boolean",
}

Rows = Sequence[Sequence[object]]


@dataclass(frozen=True)
class Night:
    """What one night of one clinic is given, and nothing else can have a say in it."""

    build: Build
    clinic: Clinic
    landing_dir: Path
    last_night: Path  # its published file; before the first night there is none
    rules: Rules = UNVERSIONED
    deliveries: Rows = ()  # as `ledger.deliveries`
    unit_statistics: Rows = ()  # as `ledger.unit_statistics`
    blocks: Rows = ()  # as `ledger.blocks`
    vetoes: Rows = ()  # as `ledger.vetoes`
    audience_approvals: Rows = ()  # as `ledger.audience_approvals`
    room: Room = UNKNOWN_ROOM  # what the month has left for `clinic.contact_policy`
    overrides: Rows = ()  # as `ledger.overrides`, up to withdrawn_on
    decisions: Rows = ()  # as `ledger.tag_decisions`
    chat: Chat = NOTHING_SAID  # as `ledger.chat_accounts`, `chat_links` and so on
    choices: Rows = ()  # as `clinic.choices`
    # The content version of each variant of each campaign.
    contents: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    seeds: Path | None = None  # a warehouse file with the seeds; without it dbt builds them


def prepare(work: Path, night: Night) -> dict[str, int]:
    """Write a fresh warehouse for a night and return the rows of each landing dataset."""
    work.parent.mkdir(parents=True, exist_ok=True)
    for stale in (work, Path(f"{work}.wal")):
        stale.unlink(missing_ok=True)
    if night.seeds:
        shutil.copyfile(night.seeds, work)
    build = night.build
    with duckdb.connect(str(work)) as con:
        for schema in ("landing", "meta", "clinic", "ledger", "previous", "checks"):
            con.execute(f"create schema {schema}").fetchall()
        for table, columns in TABLES.items():
            con.execute(f"create table {table} ({columns})").fetchall()
        folder = night.landing_dir / build.clinic_id
        for dataset, columns in DATASETS.items():
            landing_view(con, folder, dataset, columns)
        landing_view(con, folder, "files", FILES, _may_be_known(night.clinic, build.as_of))
        _clinic_tables(con, night.clinic, build.as_of, night.contents)
        _fill(con, "clinic.contact_policy", [_contact_policy(night.clinic, night.room)])
        _fill(con, "ledger.deliveries", night.deliveries)
        _fill(con, "ledger.unit_statistics", night.unit_statistics)
        _fill(con, "ledger.blocks", night.blocks)
        _fill(con, "ledger.vetoes", night.vetoes)
        _fill(con, "ledger.audience_approvals", night.audience_approvals)
        _fill(con, "ledger.overrides", night.overrides)
        _fill(con, "ledger.tag_decisions", night.decisions)
        _fill(con, "ledger.chat_accounts", night.chat.accounts)
        _fill(con, "ledger.chat_links", night.chat.links)
        _fill(con, "ledger.chat_consents", night.chat.consents)
        _fill(con, "ledger.chat_answers", night.chat.answers)
        _fill(con, "clinic.choices", night.choices)
        _fill(con, "meta.rule_versions", [[*pair] for pair in night.rules.tags.items()])
        _fill(con, "meta.node_versions", [[*pair] for pair in night.rules.nodes.items()])
        carry_last_night(con, night.last_night, work.with_name("previous.duckdb"))
        note_what_is_known(con, build, settings_version(night.clinic))
        stage = [build.clinic_id, build.build_id, build.as_of, build.built_at.isoformat()]
        _fill(con, "meta.build", [[*stage, "prepared", build.layout]])
        return {name: _count(con, f"landing.{name}") for name in DATASETS}


def settings_version(clinic: Clinic) -> str:
    """Return twelve hex digits for what a clinic.yaml has to say in a tag."""
    # No tag asks for the last of them: who was booked is a matter of decisions and results.
    said = (_profile(clinic)[2:-1], clinic.departments, clinic.default_department, [*clinic.feeds])
    return hashlib.sha256(repr(said).encode()).hexdigest()[:12]


def _may_be_known(clinic: Clinic, as_of: date) -> str:
    """Return the one condition on a file that a night of this day may know of it.

    It stands for a day that has come, and had been read by then: what arrived late was not
    known earlier. The twin of `is_known` in ingest/current.py.
    """
    # What a feed once said counts no longer when clinic.yaml has no such feed any more.
    feeds = ", ".join(f"'{name}'" for name in clinic.feeds) or "null"
    known_on = "coalesce(known_on, first_seen_as_of)"
    return f"feed in ({feeds}) and exported_on <= '{as_of}' and {known_on} <= '{as_of}'"


def landing_view(
    con: duckdb.DuckDBPyConnection,
    folder: Path,
    dataset: str,
    schema: pa.Schema,
    where: str = "true",
) -> None:
    """Show a landing dataset in the contract's shape, also where files predate a column of it."""
    typed = [(field.name, SQL_TYPES[str(field.type)]) for field in schema]
    names = ", ".join(name for name, _ in typed)
    empty = ", ".join(f"cast(null as {kind}) as {name}" for name, kind in typed)
    view = f"select {empty} where false"
    if any((folder / dataset).glob("*.parquet")):
        files = f"read_parquet('{folder / dataset}/*.parquet', union_by_name = true)"
        view = f"select {names} from ({view} union all by name from {files}) where {where}"
    con.execute(f"create view landing.{dataset} as {view}").fetchall()


def _clinic_tables(
    con: duckdb.DuckDBPyConnection,
    clinic: Clinic,
    as_of: date,
    contents: Mapping[str, Mapping[str, str]],
) -> None:
    _fill(con, "clinic.profile", [_profile(clinic)])
    _fill(con, "clinic.departments", [[*pair] for pair in clinic.departments.items()])
    if clinic.default_department:
        _fill(con, "clinic.default_department", [[clinic.default_department]])
    _fill(con, "clinic.screenings", [[screening] for screening in clinic.screenings])
    days = [as_of + timedelta(days=n) for n in range(-400, 61)]
    _fill(con, "clinic.open_days", [[day] for day in days if clinic.calendar.is_open(day)])
    said = [[name, *pair] for name, versions in contents.items() for pair in versions.items()]
    _fill(con, "clinic.campaign_content", said)


def _contact_policy(clinic: Clinic, room: Room) -> list[object]:
    read_at = room.read_at and room.read_at.replace(tzinfo=None)
    caps = clinic.contact
    return [caps.max_messages_a_day, caps.max_messages_a_month, room.left, read_at]


def _profile(clinic: Clinic) -> list[object]:
    fed = {record.dataset for feed in clinic.feeds.values() for record in feed.records}
    has_uke = any(feed.format == "uke" for feed in clinic.feeds.values())
    named = [clinic.clinic_id, clinic.name, clinic.limits.min_confirm_months]
    has_conditions, has_visits = (has_uke or each in fed for each in ("conditions", "visits"))
    has = ["immunizations" in fed, has_conditions, has_visits, has_uke, "appointments" in fed]
    return [*named, *has]


def _fill(con: duckdb.DuckDBPyConnection, table: str, rows: Rows) -> None:
    if rows:
        columns = [pa.array(column) for column in zip(*rows, strict=True)]
        names = [column.split()[0] for column in TABLES[table].split(", ")][: len(columns)]
        con.register("filling", pa.table(columns, names=names))
        con.execute(f"insert into {table} by name select * from filling").fetchall()
        con.unregister("filling")


def _count(con: duckdb.DuckDBPyConnection, table: str) -> int:
    (count,) = con.execute(f"select count(*) from {table}").fetchall()[0]
    return int(count)
