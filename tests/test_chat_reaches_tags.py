"""However the events of a chat are delivered, the night's SQL makes the same of them.

The models between the ledger's tables and the tags of answers are compiled once, as the night
compiles them, and run over a real clinic for each life of the chat.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random

import chat
import duckdb
import pytest
from chat import START, event, tap, text
from clinic_builder import user, write_clinic
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from nights import DBT, MONDAY, at
from sqlalchemy import Engine

from dagster_project import transform
from dagster_project.clinic import load_clinic
from dagster_project.conversation.codes import digest
from dagster_project.conversation.events import Event, parse
from dagster_project.conversation.fold import Account
from dagster_project.conversation.script import script_of
from dagster_project.ingest import ingest_clinic
from dagster_project.ledger.chat_snapshot import snapshot
from dagster_project.ledger.chat_tables import line_event, link_code, link_code_patient
from dagster_project.ledger.conversation import accounts, keep
from dagster_project.ledger.store import open_ledger
from dagster_project.prepare import TABLES, Night, prepare
from dagster_project.publish import Build
from dagster_project.rules import rules_of
from dagster_project.settings import ROOT

SCRIPT, _ = script_of(ROOT / "dagster_project" / "sample")
ME, YOU = user(1), user(2)
DAY = 24 * 60
START_MS = int(START.timestamp() * 1000)
# A parent's own chart and the child's; another grown-up, whom a list links to the second account.
CODES = {"AB34CD56": {"1": "self", "2": "parent"}, "QR34ST56": {"3": "self"}}
MEASURED = ("1", "4")
CLINIC = {
    "patients": [
        {"patient_no": "1", "birth_date": "1980-04-20"},
        {"patient_no": "2", "birth_date": "2016-04-20"},
        {"patient_no": "3", "birth_date": "1990-04-20"},
        {"patient_no": "4", "birth_date": "1990-04-20"},
    ],
    "line_links": [{"line_user_id": YOU, "patient_no": "4"}],
    "observations": [
        {"patient_no": each, "observed_on": "2026-03-01", "item": "smoking_code", "value": "3"}
        for each in MEASURED
    ],
}
ANSWER_TAGS = sorted(path.stem for path in (DBT / "models/tags/answers").glob("*.sql"))
REBUILT = ["stg_line_links", "stg_answers", "self_reported", "answer_conflicts", "addressees"]
DEPARTMENTS = {"internal": "internal_medicine", "pediatrics": "pediatrics"}


@dataclass
class Warehouse:
    """A clinic's warehouse, and what is built anew in it when the chat was another."""

    con: duckdb.DuckDBPyConnection
    models: dict[str, str]

    def after(self, known: dict[str, Account]) -> dict[str, list[tuple[object, ...]]]:
        """Return links, addressees, tags of answers and conflicts of a chat's accounts."""
        chat_rows = snapshot(known)
        for name in ("accounts", "links", "consents", "answers"):
            table, rows = f"ledger.chat_{name}", getattr(chat_rows, name)
            self.con.execute(f"delete from {table}")
            if rows:
                marks = ", ".join("?" for _ in TABLES[table].split(", "))
                self.con.executemany(f"insert into {table} values ({marks})", rows)
        for name in REBUILT:
            self.con.execute(f"create or replace table {name} as {self.models[name]}")
        tags = " union all ".join(
            f"select '{name.removeprefix('tag_')}' as tag, * from ({self.models[name]})"
            for name in ANSWER_TAGS
        )
        found = {name: f"from {name} order by all" for name in ("stg_line_links", "addressees")}
        found |= {"tags": f"from ({tags}) order by all"}
        found |= {"conflicts": "from answer_conflicts order by all"}
        return {name: self.con.execute(query).fetchall() for name, query in found.items()}


@pytest.fixture(scope="module")
def warehouse(parsed: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Warehouse]:
    folder = tmp_path_factory.mktemp("chat")
    clinic_folder = write_clinic(folder / "exports", "good", MONDAY, CLINIC)
    clinic = load_clinic(clinic_folder / "clinic.yaml")
    ingest_clinic(clinic, clinic_folder, folder / "landing", MONDAY)
    work = folder / "warehouse.duckdb"
    manifest = transform.parse(DBT, parsed)
    build = Build("good", "test", MONDAY, at(MONDAY, 2))
    prepare(work, Night(build, clinic, folder / "landing", folder / "none", rules_of(manifest)))
    names = [*REBUILT, *ANSWER_TAGS]
    selection = ["--select", *(f"+{name}" for name in names), "--exclude-resource-type", "test"]
    results = transform.build(DBT, parsed, work, MONDAY, selection)
    assert all(each.is_ok for each in results), [each.message for each in results]
    compiled = transform.compile_models(manifest, DBT, parsed, MONDAY, names)
    with duckdb.connect(str(work)) as con:
        con.execute("drop view addressees")
        yield Warehouse(con, compiled)


@pytest.fixture(scope="module")
def ledgers(tmp_path_factory: pytest.TempPathFactory) -> tuple[Engine, Engine]:
    """Return two ledgers with the codes above: one for each way the same events come."""
    folder = tmp_path_factory.mktemp("ledgers")
    return codes_in(folder / "straight.db"), codes_in(folder / "shuffled.db")


def codes_in(path: Path) -> Engine:
    engine = open_ledger(f"sqlite:///{path}")
    with engine.begin() as con:
        for code, charts in CODES.items():
            common = {"clinic_id": "good", "digest": digest(code), "relation": "self"}
            times = {"issued_ms": START_MS - 30 * DAY * 60_000, "expires_ms": START_MS}
            con.execute(link_code.insert(), [common | times])
            rows = [
                {"digest": common["digest"], "patient_id": chart, "relation": relation}
                for chart, relation in charts.items()
            ]
            con.execute(link_code_patient.insert(), rows)
    return engine


def known_after(engine: Engine, deliveries: Sequence[Sequence[Event]]) -> dict[str, Account]:
    with engine.begin() as con:
        con.execute(line_event.delete())
    for each in deliveries:
        keep(engine, "good", each, START)
    return accounts(engine, "good", MONDAY, SCRIPT)


SAYINGS = ["配信停止", "連携解除", "問診", *CODES, "ZZ34ZZ56"]
TAPS = [
    "consent:v1:all:yes", "consent:v1:vaccine:no",
    *(f"answer:intake:v1:department:{each}" for each in DEPARTMENTS),
    "answer:intake:v1:smoking:current", "answer:intake:v1:smoking:never",
    "answer:intake:v1:influenza:wanted", "answer:intake:v1:influenza:unwanted",
    "pick:intake:v1:department:internal", "pick:intake:v1:department:pediatrics",
    "done:intake:v1:department",
]  # fmt: skip
STEPS = st.sampled_from(["follow", "unfollow", *SAYINGS, *TAPS])
MINUTES = st.integers(-20 * DAY, 0)
# Linked early as a rule, lest most lives say nothing to the tags.
LINKED = st.lists(st.tuples(st.sampled_from([*CODES]), st.sampled_from([ME, YOU]),
                            st.integers(-25 * DAY, -20 * DAY)), max_size=2)  # fmt: skip
LIVES = st.tuples(
    LINKED, st.lists(st.tuples(STEPS, st.sampled_from([ME, YOU]), MINUTES), max_size=25)
).map(lambda parts: [*parts[0], *parts[1]])


def happened(step: str, who: str, minute: int) -> dict[str, object]:
    if step in SAYINGS:
        return text(step, who, minute)
    return tap(step, who, minute) if step in TAPS else event(step, who, minute)


@settings(max_examples=30, deadline=None, suppress_health_check=list(HealthCheck))
@given(LIVES, st.randoms(use_true_random=False), st.integers(0, 8), st.integers(1, 9))
def test_any_delivery_gives_the_same_friends_links_consents_and_tags(
    warehouse: Warehouse,
    ledgers: tuple[Engine, Engine],
    life: list[tuple[str, str, int]],
    chance: Random,
    again: int,
    at_once: int,
) -> None:
    straight = [each.event for each in parse(chat.body([happened(*each) for each in life]))]
    delivered = [*straight, *straight[:again]]
    chance.shuffle(delivered)
    late = [delivered[n : n + at_once] for n in range(0, len(delivered), at_once)]
    known = known_after(ledgers[0], [sorted(straight)])
    found = warehouse.after(known)
    assert warehouse.after(known_after(ledgers[1], late)) == found
    check_what_was_said_is_what_is_tagged(known, found)


def check_what_was_said_is_what_is_tagged(
    known: dict[str, Account], found: dict[str, list[tuple[object, ...]]]
) -> None:
    """Whoever is one patient has a tag for each department they chose last, and for no other."""
    links = [(str(who), str(patient), relation) for who, patient, relation, *_ in
             found["stg_line_links"]]  # fmt: skip
    for account, each in known.items():
        selves = [patient for who, patient, is_what in links if (who, is_what) == (account, "self")]
        if len(selves) != 1:
            continue
        said = each.answers.get(("intake", "department"))
        chosen = {one.choice for one in said.chosen} if said else set()
        if (account, "2", "parent") in links:
            chosen.discard("pediatrics")  # it is for the child
        held = {tag for tag, patient, *_ in found["tags"] if patient == selves[0]}
        asks = {str(tag) for tag in held if str(tag).startswith("asks_")}
        assert asks == {f"asks_{DEPARTMENTS[choice]}" for choice in chosen}
        if selves[0] in MEASURED:  # as one who never smoked: there the EMR's word counts
            assert "says_smoking" not in held
