"""What the marts of results read, laid in tables: messages, visits, and who was left out."""

import csv
from collections.abc import Mapping, Sequence
from datetime import date, datetime, time
from functools import cache
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
from nights import DBT

from dagster_project import transform
from dagster_project.prepare import TABLES
from dagster_project.rules import DECIDING

ANY_DAY = date(1900, 1, 1)  # stands in the compiled SQL where the business day goes
MARTS = ("stg_deliveries", "message_outcomes", "campaign_results", "tag_results",
         "purpose_windows", "purpose_results")  # fmt: skip
MODELS = ("campaign_turns", *DECIDING, "holdout_starts", *MARTS)
# Of the models before them, the columns they read.
INPUTS = {
    "stg_visits": "patient_id varchar, visited_on date, source varchar, file_id varchar",
    "stg_appointments": "patient_id varchar, scheduled_on date, status varchar",
    "stg_patient_merges": "patient_id varchar, into_patient_id varchar",
    "campaigns": "campaign varchar, label_ja varchar, purpose varchar, priority integer,"
    " tags varchar, attribution_days integer, visited_within_days integer, cooldown_days integer,"
    " holdout_below varchar",
    "campaign_turns": "campaign varchar, step integer, visits_per_message double,"
    " given_priority integer",
    "delivery_decisions": "campaign varchar, step integer, patient_id varchar, reason varchar,"
    " occurrence_id varchar, line_user_id varchar, because_on date",
    "tag_history": "tag varchar, patient_id varchar, held_from date, held_to date",
    "tag_catalog": "tag varchar, label_ja varchar",
    "consent_purposes": "purpose varchar, label_ja varchar",
    "result_rules": "rule varchar, value double, valid_from date, valid_to date",
    "answer_rules": "rule varchar, people integer, valid_from date, valid_to date",
    # The report reads these beside the marts.
    "tag_counts": "tag varchar, unknown bigint, patients bigint",
    "tag_review": "tag varchar, label_ja varchar, finding varchar, rank integer, measured double,"
    " other_tag varchar, owner varchar, evidence varchar, to_do varchar, kept_until date",
    "proposed_tags": "proposed_tag varchar, label_ja varchar, people bigint, first_on date,"
    " last_on date",
    "answer_results": "questionnaire varchar, question varchar, label varchar, tag varchar,"
    " people bigint, share double",
}
CAMPAIGN = {"campaign": "c", "label_ja": "ご案内", "purpose": "visit", "priority": 1,
            "tags": ",t,", "visited_within_days": 0, "cooldown_days": 30}  # fmt: skip


@cache
def compiled(target: Path) -> dict[str, str]:
    """Return the SQL of the marts, with the business day left open."""
    manifest = transform.parse(DBT, target)
    return transform.compile_models(manifest, DBT, target, ANY_DAY, MODELS)


class Laid:
    """A warehouse in memory, in which the marts can be made as of any night."""

    def __init__(self, target: Path) -> None:
        self.sql = compiled(target)
        self.con = duckdb.connect()
        self.con.execute("attach ':memory:' as warehouse")
        self.con.execute("use warehouse")
        for schema in sorted({name.split(".")[0] for name in TABLES}):
            self.con.execute(f"create schema {schema}")
        for name, columns in (TABLES | INPUTS).items():
            self.con.execute(f"create table {name} ({columns})")
        self.lay("clinic.profile", {"clinic_id": "here", "has_appointments_feed": True})
        for seed in ("result_rules", "answer_rules", "consent_purposes"):
            with (DBT / "seeds" / f"{seed}.csv").open(encoding="utf-8") as file:
                self.lay(seed, *csv.DictReader(file))

    def lay(self, table: str, *rows: Mapping[str, object]) -> None:
        """Add rows; what they do not say is null, and so is an empty text."""
        names = [column.split()[0] for column in (TABLES | INPUTS)[table].split(", ")]
        columns = {
            name: [None if row.get(name) == "" else row.get(name) for row in rows] for name in names
        }
        given = {name: each for name, each in columns.items() if set(each) != {None}}
        self.lay_columns(table, given)

    def lay_columns(self, table: str, columns: Mapping[str, Any]) -> None:
        """Add columns of the same length."""
        self.con.register("given", pa.table(dict(columns)))
        self.con.execute(f"insert into {table} by name select * from given")
        self.con.unregister("given")

    def send(self, day: date, patients: Sequence[str], **what: object) -> None:
        """Lay down a message of a campaign that LINE accepted at 10:00, one account a patient."""
        told = {"campaign": "c", "step": 1, "variant": "a", "state": "accepted",
                "as_of": day, "accepted_at": datetime.combine(day, time(10)),
                "occurrence_id": f"o-{day}", "batch_id": f"b-{day}", **what}  # fmt: skip
        self.lay(
            "ledger.deliveries",
            *({**told, "patient_id": each, "line_user_id": f"U{each}"} for each in patients),
        )

    def leave_out(self, day: date, patients: Sequence[str], **what: object) -> None:
        """Lay down who was held out of it."""
        left = {"campaign": "c", "step": 1, "on_day": day, "occurrence_id": f"o-{day}", **what}
        self.lay("previous.holdout_starts", *({**left, "patient_id": each} for each in patients))

    def come(self, day: date, patients: Sequence[str]) -> None:
        """Lay down a visit, known from now on."""
        visit = {"visited_on": day, "source": "csv", "file_id": "f"}
        self.lay("stg_visits", *({**visit, "patient_id": each} for each in patients))

    def night(self, as_of: date, *models: str) -> None:
        """Make the marts, or other models, as of a day, upon what the night before handed on."""
        self.con.execute("delete from meta.build")
        self.lay("meta.build", {"as_of": as_of})
        for name in models or MARTS:
            query = self.sql[name].replace(str(ANY_DAY), str(as_of))
            self.con.execute(f"create or replace table {name} as {query}")

    def publish(self, path: Path) -> None:
        """Publish the night: all of it, as a file."""
        path.parent.mkdir(parents=True)
        self.con.execute(f"attach '{path}' as published")
        self.con.execute("copy from database warehouse to published")
        self.con.execute("detach published")

    def hand_on(self, name: str) -> None:
        """Publish a model of the night: the next one finds it."""
        columns = [each.split()[0] for each in TABLES[f"previous.{name}"].split(", ")]
        self.con.execute(f"delete from previous.{name}")
        query = f"select {', '.join(columns)} from {name}"
        self.con.execute(f"insert into previous.{name} by name {query}")

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        """Return the rows of a query."""
        return self.con.execute(query).fetchall()


def numbers(first: int, last: int) -> list[str]:
    """Return patient numbers from one to another."""
    return [str(n) for n in range(first, last + 1)]
