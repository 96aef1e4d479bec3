"""Whatever a clinic looks like: caps, closed days, one message a family, one outcome a person.

The models themselves run, on tables that hypothesis fills, some nights in a row; what a night
sends is in the ledger of the next. What may not happen is told here anew, in Python.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, timedelta
from pathlib import Path
from random import Random
from typing import Any

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from nights import DBT

from dagster_project import transform
from dagster_project.prepare import TABLES
from dagster_project.rules import DECIDING, PROJECT

ANY_DAY = date(1900, 1, 1)
# Over the ends of a month and of a half-year, so that caps and cycles begin anew.
NIGHTS = [date(2026, 5, 30), date(2026, 5, 31), date(2026, 6, 1), date(2026, 7, 1)]
ACCOUNTS = ["U1", "U2", "U3", "U4"]
PATIENTS = ["1", "2", "3", "4", "5", "6", "7", "8"]
MERGED = {"91": "1", "92": "2", "93": "3", "94": "4"}
CAMPAIGNS = ["c1", "c2", "c3", "c4", "c5"]
MODELS = ("stg_deliveries", "addressees", *DECIDING, "delivery_plan")
DELIVERED = ("accepted", "batched", "unknown")
INPUTS = {
    "patients_today": "patient_id varchar, age_years integer, is_deceased boolean,"
    " is_test boolean, care_status varchar, last_visit_on date, next_appointment_on date",
    "stg_line_links": "line_user_id varchar, patient_id varchar, relation varchar, linked_on date,"
    " is_following boolean, consent_purposes varchar",
    "campaigns": "campaign varchar, purpose varchar, priority integer, step integer,"
    " cooldown_days integer, cycle varchar, visited_within_days integer, urgent_days integer,"
    " holdout_below varchar, b_from varchar, may_go_in_parts boolean, min_members integer,"
    " is_dropped_if_missed boolean, not_after date, tags varchar, step_tags varchar",
    "candidates": "campaign varchar, patient_id varchar, standing varchar, since date, due_on date,"
    " deadline_on date, evidence varchar",
    "scenario_positions": "campaign varchar, patient_id varchar, entered_on date,"
    " state varchar, ended_on date, last_step integer, next_step integer, next_due_on date",
    "stg_patient_merges": "patient_id varchar, into_patient_id varchar",
    "campaign_turns": "campaign varchar, step integer, visits_per_message double,"
    " given_priority integer",
}
LAID_IN = ("clinic.profile", "clinic.contact_policy", "clinic.open_days", "clinic.campaign_content",
           "ledger.deliveries", "ledger.vetoes", "checks.verdicts")  # fmt: skip
Row = Mapping[str, Any]


def any_clinic(draw: Random) -> dict[str, Any]:
    """Return a clinic in which most may be written to, and every reason why not is somebody's."""

    def day(first: int, last: int) -> date:
        return NIGHTS[0] + timedelta(days=draw.randint(first, last))

    def one_in(count: int) -> bool:
        return draw.randrange(count) == 0

    patients = {
        each: {
            "age_years": draw.choice([3, 3, 40]),
            "is_deceased": one_in(30),
            "is_test": one_in(30),
            "care_status": "moved" if one_in(30) else "active",
            "last_visit_on": day(-40, 3) if one_in(2) else None,
            "next_appointment_on": NIGHTS[-1] if one_in(20) else None,
        }
        for each in PATIENTS
    }
    pairs = [(draw.choice(ACCOUNTS), each) for each in [*PATIENTS, *draw.sample(PATIENTS, 3)]]
    links = [
        {
            "line_user_id": user,
            "patient_id": each,
            "relation": draw.choice(["self", "parent"])
            if patients[each]["age_years"] < 16
            else "self",
            "is_following": not one_in(20),
            "consent_purposes": draw.choice(["visit|vaccine"] * 12 + ["visit", ""]),
        }
        for user, each in sorted({*pairs})
    ]
    campaigns = {
        each: {
            "purpose": draw.choice(["visit", "vaccine"]),
            "priority": draw.randint(1, 3),
            "step": 1,
            "cooldown_days": draw.choice([0, 2, 30]),
            "cycle": draw.choice(["month", "half_year", "year"]),
            "visited_within_days": 30 if one_in(6) else 0,
            "urgent_days": draw.choice([None, 5]),
            "holdout_below": draw.choice(["00000000", "00000000", "20000000"]),
            "b_from": draw.choice([None, "80000000"]),
            "may_go_in_parts": one_in(2),
            "min_members": 4 if one_in(6) else None,
            "is_dropped_if_missed": one_in(2),
            "not_after": NIGHTS[1] if one_in(6) else None,
        }
        for each in CAMPAIGNS
    }
    candidates = {
        (campaign, each): {
            "standing": draw.choice(["member"] * 24 + ["unknown", "came"]),
            "since": NIGHTS[0],
            "due_on": draw.choice([None, day(-40, 2)]),
            "deadline_on": draw.choice([None, day(-5, 40)]),
        }
        for campaign in CAMPAIGNS
        for each in PATIENTS
        if not one_in(4)
    }
    measured = draw.sample(CAMPAIGNS, draw.randint(0, len(CAMPAIGNS)))
    given = sorted(campaigns[each]["priority"] for each in measured)
    history = [
        {
            "campaign": campaign,
            "line_user_id": draw.choice(ACCOUNTS),
            # Perhaps by the number of a chart that has been merged since.
            "patient_id": f"9{who}" if f"9{who}" in MERGED and one_in(2) else who,
            "as_of": day(-40, -1),
            "state": draw.choice(
                [*DELIVERED, *DELIVERED, "planned", "expired", "rejected", "skipped"]
            ),
        }
        for campaign, who in draw.sample(sorted(candidates), draw.randint(0, 8))
    ]
    return {
        "patients": patients,
        "links": links,
        "campaigns": campaigns,
        "candidates": candidates,
        "turns": [
            {
                "campaign": each,
                "step": 1,
                "visits_per_message": -place / 10,
                "given_priority": priority,
            }
            for place, (each, priority) in enumerate(zip(measured, given, strict=True))
        ],
        "history": history,
        "vetoes": draw.sample(["patient 2", "patient 91", "campaign c3"], draw.randint(0, 1)),
        "held": "c2" if one_in(8) else None,
        "open": {each for each in NIGHTS if not one_in(6)},
        "a_day": draw.randint(1, 2),
        "a_month": draw.randint(1, 6),
        "left": draw.choice([None, None, draw.randint(0, 12)]),
        "state": draw.choice(DELIVERED),
    }


class Warehouse:
    """The decisions' own SQL between tables that are filled by hand."""

    def __init__(self, con: duckdb.DuckDBPyConnection, sql: Mapping[str, str]) -> None:
        self.con = con
        self.takes_a_day: set[str] = set()
        for schema in sorted({name.split(".")[0] for name in TABLES}):
            self.run(f"create schema {schema}")
        for name, columns in (TABLES | INPUTS).items():
            self.run(f"create table {name} ({columns})")
        for name in MODELS:
            self.run(f"create table {name} as {sql[name]}")
            of_a_day = sql[name].replace(f"'{ANY_DAY}'", "$day")
            if "$day" in of_a_day:
                self.takes_a_day.add(name)
            self.run(f"prepare fill_{name} as insert into {name} {of_a_day}")

    def run(self, query: str, values: object = None) -> list[tuple[Any, ...]]:
        return self.con.execute(query, values).fetchall()

    def fill(self, table: str, rows: Sequence[Row]) -> None:
        for row in rows:
            names = ", ".join(row)
            self.run(f"insert into {table} ({names}) values ({', '.join('?' * len(row))})",
                     [*row.values()])  # fmt: skip

    def open(self, clinic: Mapping[str, Any]) -> None:
        for name in (*INPUTS, *LAID_IN):
            self.run(f"delete from {name}")
        named = {"tags": ",t,", "step_tags": ","}
        self.fill("patients_today", [{"patient_id": p, **r} for p, r in clinic["patients"].items()])
        self.fill("stg_line_links", clinic["links"])
        self.fill(
            "campaigns", [{"campaign": c, **named, **r} for c, r in clinic["campaigns"].items()]
        )
        self.fill(
            "candidates",
            [{"campaign": c, "patient_id": p, **r} for (c, p), r in clinic["candidates"].items()],
        )
        self.fill("campaign_turns", clinic["turns"])
        self.fill(
            "stg_patient_merges",
            [{"patient_id": old, "into_patient_id": new} for old, new in MERGED.items()],
        )
        self.fill("clinic.profile", [{"clinic_id": "any"}])
        self.fill("clinic.open_days", [{"day": day} for day in clinic["open"]])
        texts = [("a", "va"), ("b", "vb")]
        self.fill(
            "clinic.campaign_content",
            [
                {"campaign": c, "variant": variant, "content_version": version}
                for c in CAMPAIGNS
                for variant, version in texts
            ],
        )
        self.fill(
            "ledger.vetoes",
            [
                dict(zip(("scope", "subject"), each.split(), strict=True))
                for each in clinic["vetoes"]
            ],
        )
        if clinic["held"]:
            verdict = {"scope": "campaign", "subject": clinic["held"], "severity": "blocking"}
            verdict |= {"is_passed": False, "may_be_approved": False}
            self.fill("checks.verdicts", [verdict])
        self.fill("ledger.deliveries", [earlier(each, clinic) for each in clinic["history"]])

    def night(self, day: date, clinic: Mapping[str, Any], left: int | None) -> list[Row]:
        """Decide a night and return its decisions."""
        caps = {"max_messages_a_day": clinic["a_day"], "max_messages_a_month": clinic["a_month"]}
        self.run("delete from clinic.contact_policy")
        self.fill("clinic.contact_policy", [caps | {"messages_left": left}])
        for name in MODELS:
            self.run(f"delete from {name}")
            self.run(f"execute fill_{name}" + (f"(day := '{day}')" * (name in self.takes_a_day)))
        return self.rows("select * from delivery_decisions")

    def rows(self, query: str) -> list[Row]:
        found = self.con.execute(query)
        names = [column[0] for column in found.description or []]
        return [dict(zip(names, row, strict=True)) for row in found.fetchall()]

    def send(self, plan: Sequence[Row], day: date, state: str) -> None:
        self.fill(
            "ledger.deliveries",
            [
                {name: row[name] for name in ("occurrence_id", "campaign", "step", "line_user_id",
                                              "variant")}
                | {"patient_id": who, "as_of": day, "state": state}
                for row in plan
                for who in row["patient_ids"].split(",")
            ],
        )  # fmt: skip


def earlier(each: Row, clinic: Mapping[str, Any]) -> Row:
    """Return a delivery of before, named as the night of its day would have named it."""
    cycle, day = clinic["campaigns"][each["campaign"]]["cycle"], each["as_of"]
    half = f"{day.year}-H{1 if day.month <= 6 else 2}"
    period = {"month": f"{day:%Y-%m}", "half_year": half, "year": f"{day.year}"}[cycle]
    occurrence = f"any/{each['campaign']}/1/va/{period}"
    return {**each, "step": 1, "variant": "a", "occurrence_id": occurrence}


@pytest.fixture(scope="module")
def warehouse(parsed: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Warehouse]:
    manifest = transform.parse(DBT, parsed)
    sql = transform.compile_models(manifest, DBT, parsed, ANY_DAY, MODELS)
    with duckdb.connect(":memory:") as con:
        con.execute("set threads = 1").fetchall()
        con.execute("pragma disable_optimizer").fetchall()  # planning costs most
        database = manifest.nodes[f"model.{PROJECT}.campaigns"].database
        con.execute(f"attach ':memory:' as {database}").fetchall()
        con.execute(f"use {database}").fetchall()
        yield Warehouse(con, sql)


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 2**32 - 1))
def test_no_clinic_breaks_a_promise(warehouse: Warehouse, seed: int) -> None:
    clinic = any_clinic(Random(seed))  # noqa: S311 - invented people
    left = clinic["left"]
    warehouse.open(clinic)
    for day in NIGHTS:
        before = [
            row
            for row in warehouse.rows("select * from ledger.deliveries")
            if row["state"] in DELIVERED
        ]
        decisions = warehouse.night(day, clinic, left)
        plan = warehouse.rows("select * from delivery_plan")
        one_outcome_each(decisions, clinic)
        nobody_who_must_not(decisions, clinic)
        one_message_a_family(decisions, plan)
        no_more_than_the_caps(plan, before, clinic, day)
        nobody_twice(decisions, plan, before, clinic, day)
        assert day in clinic["open"] or not plan
        assert left is None or len(plan) <= left
        warehouse.send(plan, day, clinic["state"])
        left = left if left is None else left - len(plan)
        # The same night again, after its messages have left, plans the same.
        warehouse.night(day, clinic, left)
        again = warehouse.rows("select * from delivery_plan")
        assert {*map(message, again)} == {*map(message, plan)}
        # Nor does a new telephone get again what the old one got.
        warehouse.run("update stg_line_links set line_user_id = 'new ' || line_user_id")
        told = {
            (row["campaign"], row["patient_id"]) for row in decisions if row["reason"] == "send"
        }
        for row in warehouse.night(day, clinic, left):
            assert row["reason"] != "send" or (row["campaign"], row["patient_id"]) not in told
        warehouse.run("update stg_line_links set line_user_id = replace(line_user_id, 'new ', '')")


def message(row: Row) -> tuple[str, ...]:
    return row["occurrence_id"], row["line_user_id"], row["patient_ids"], row["variant"]


def one_outcome_each(decisions: Sequence[Row], clinic: Mapping[str, Any]) -> None:
    asked = [(row["campaign"], row["patient_id"]) for row in decisions]
    assert sorted(asked) == sorted(clinic["candidates"])
    for row in decisions:
        assert row["reason"]
        assert row["outcome"] == ("send" if row["reason"] == "send" else "skip")


def nobody_who_must_not(decisions: Sequence[Row], clinic: Mapping[str, Any]) -> None:
    vetoed = {MERGED.get(each.split()[1], each.split()[1]) for each in clinic["vetoes"]}
    links = {(each["line_user_id"], each["patient_id"]): each for each in clinic["links"]}
    for row in decisions:
        if row["outcome"] != "send":
            continue
        who, campaign = row["patient_id"], clinic["campaigns"][row["campaign"]]
        patient, link = clinic["patients"][who], links[row["line_user_id"], who]
        assert not patient["is_deceased"]
        assert not patient["is_test"]
        assert patient["care_status"] == "active"
        assert clinic["candidates"][row["campaign"], who]["standing"] == "member"
        assert link["is_following"]
        assert campaign["purpose"] in link["consent_purposes"].split("|")
        assert link["relation"] == "self" or patient["age_years"] < 16
        assert not vetoed & {who, row["campaign"]}
        assert row["campaign"] != clinic["held"]
        assert row["variant"] == "a" or campaign["b_from"]
        assert row["content_version"] == f"v{row['variant']}"


def one_message_a_family(decisions: Sequence[Row], plan: Sequence[Row]) -> None:
    together = Counter((row["line_user_id"], row["campaign"]) for row in plan)
    assert not together or max(together.values()) == 1
    family: dict[tuple[str, str], set[str]] = {}
    for row in decisions:
        if row["outcome"] == "send":
            family.setdefault((row["line_user_id"], row["campaign"]), set()).add(row["patient_id"])
    assert family == {
        (row["line_user_id"], row["campaign"]): set(row["patient_ids"].split(",")) for row in plan
    }


def no_more_than_the_caps(
    plan: Sequence[Row], before: Sequence[Row], clinic: Mapping[str, Any], day: date
) -> None:
    for user, tonight in Counter(row["line_user_id"] for row in plan).items():
        month = {
            row["occurrence_id"]
            for row in before
            if row["line_user_id"] == user and row["as_of"] >= day.replace(day=1)
        }
        assert tonight <= clinic["a_day"]
        assert tonight + len(month) <= clinic["a_month"]


def nobody_twice(
    decisions: Sequence[Row],
    plan: Sequence[Row],
    before: Sequence[Row],
    clinic: Mapping[str, Any],
    day: date,
) -> None:
    had = {(row["occurrence_id"], row["line_user_id"]) for row in before}
    assert not had & {(row["occurrence_id"], row["line_user_id"]) for row in plan}
    told = {
        (row["campaign"], MERGED.get(row["patient_id"], row["patient_id"]), row["as_of"])
        for row in before
    }
    for row in decisions:
        if row["outcome"] == "send":
            pause = timedelta(days=clinic["campaigns"][row["campaign"]]["cooldown_days"])
            assert not [
                on
                for campaign, who, on in told
                if (campaign, who) == (row["campaign"], row["patient_id"]) and on + pause > day
            ]
