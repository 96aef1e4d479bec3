"""Acceptance D24: a person who asks to be forgotten is, everywhere, and stays so."""

import json
import os
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing
from datetime import date, timedelta
from pathlib import Path

import chat
import duckdb
import pytest
from clinic_builder import Row
from nights import MONDAY, World, at
from sqlalchemy import event, select
from webhook_service import serving

from dagster_project.clinic import clinic_in
from dagster_project.conversation.app import Ways
from dagster_project.conversation.chart import chart_digest
from dagster_project.conversation.codes import digest
from dagster_project.conversation.events import CHART_NAMED, CHART_TRIED, Event, parse
from dagster_project.conversation.script import Script
from dagster_project.delivery.plan import plan_night
from dagster_project.delivery.reconcile import reconcile
from dagster_project.forget.command import run_forget
from dagster_project.forget.door import door_of
from dagster_project.forget.forget import forget, purge, purge_older_night
from dagster_project.forget.hashes import Forgotten, LostKeyError, read_key
from dagster_project.forget.landed import strip_landing
from dagster_project.forget.roll import roll_beside, unknown_to
from dagster_project.ingest import ingest_clinic
from dagster_project.ingest.contract import DATASETS
from dagster_project.ingest.landing import Landing
from dagster_project.ledger.chat_tables import staff_alert
from dagster_project.ledger.conversation import accounts, issue_code, keep
from dagster_project.ledger.erase import RENAMED, UnderWayError
from dagster_project.ledger.forgotten import read_forgotten, requests
from dagster_project.ledger.overrides import Wish, make
from dagster_project.ledger.schema import metadata
from dagster_project.ledger.store import open_ledger, reading, writing
from dagster_project.ledger.tables import attempt, audit, batch, intent
from dagster_project.publish import read_build
from dagster_project.settings import ROOT
from dagster_project.simulator import RunningSimulator

HER = "734519"
HERS = "Ua7c0ffee0123456789abcdef01234567"
CHILD = "734520"
SIBLING = "734521"
PARENT = "Ub7c0ffee0123456789abcdef01234567"
TUESDAY = MONDAY + timedelta(days=1)
EARLY = -9 * 60  # midnight of the first day, in minutes


def others(number: int) -> str:
    return f"Uc{number:031x}"


def rows(day: date = MONDAY) -> dict[str, list[Row]]:
    lapsed = [HER, *map(str, range(1, 4))]
    people = [*(str(n) for n in range(1, 31)), f"00{HER}", CHILD, SIBLING]
    born = {CHILD: "2020-04-01", SIBLING: "2020-04-01", "28": f"1980-{day:%m-%d}"}
    visit = {"patient_no": "29", "visited_on": day - timedelta(days=1)}
    return {
        "patients": [
            {
                "patient_no": each,
                "sex": "male",
                "birth_date": born.get(each, "1970-03-02"),
            }
            for each in people
        ],
        "visits": [
            {
                "patient_no": each,
                "visited_on": "2025-10-01" if each.lstrip("0") in lapsed else "2026-04-20",
            }
            for each in people
        ]
        + [visit],
        # No two days export the same.
        "appointments": [{"patient_no": "30", "scheduled_on": day + timedelta(days=30)}],
        "observations": [
            {"patient_no": HER, "observed_on": "2026-01-10", "item": "waist_cm", "value": "95"}
        ],
        "line_links": [
            {"line_user_id": HERS, "patient_no": HER},
            *(
                {"line_user_id": others(n), "patient_no": str(n), "linked_on": day}
                for n in range(1, 4)
            ),
            {"line_user_id": PARENT, "patient_no": CHILD, "relation": "parent"},
            {"line_user_id": PARENT, "patient_no": SIBLING, "relation": "parent"},
        ],
    }


@pytest.fixture(scope="module")
def lived(parsed: Path, line: RunningSimulator, tmp_path_factory: pytest.TempPathFactory) -> World:
    """Return an installation of thirty exports in which she has everything one can have."""
    line.state.channels.clear()
    world = World(tmp_path_factory.mktemp("lived"), line, parsed)
    for back in range(29, -1, -1):
        day = MONDAY - timedelta(days=back)
        world.write("good", day, rows(day))
    settings = world.settings(MONDAY)
    engine = open_ledger(settings.ledger())
    code = issue_code(engine, "good", [HER], "self", "受付", at(MONDAY - timedelta(days=3), 9))
    said = [
        chat.text(code, HERS, EARLY),
        chat.tap("consent:v1:visit:yes", HERS, EARLY),
        chat.text("膝が痛いのですが", HERS, EARLY),
        chat.text("胸が痛い", HERS, EARLY),
    ]
    heard = [each.event for each in parse(chat.body(said))]
    # Whoever tried her number, or linked a chart by it, tells of it too.
    right = f"{chart_digest(CHILD)} parent {CHILD}"
    heard += [
        Event(heard[0].at_ms, "named", CHART_NAMED, others(1), HER),
        Event(heard[0].at_ms, "wrong", CHART_TRIED, others(1), f"{chart_digest(HER)} - {HER}"),
        Event(heard[0].at_ms, "right", CHART_TRIED, PARENT, right),
    ]
    keep(engine, "good", heard, chat.START, ("webhook",))
    wish = Wish(HER, "hypertension", "add", "電話で確認", "受付", MONDAY + timedelta(days=30))
    make(engine, "good", [wish], MONDAY, settings.now())
    assert world.nightly() == 0
    assert world.received("good")[HERS] == 1
    pages = settings.data_dir / "pages"
    pages.mkdir(exist_ok=True)
    (pages / "morning.html").write_text(f"<p>{HER}</p>", encoding="utf-8")
    (pages / "tags.html").write_text("<p>1734519</p>", encoding="utf-8")
    journal = settings.data_dir / "simulator" / "journal.jsonl"
    journal.parent.mkdir()
    journal.write_text(json.dumps({"user": HERS}) + "\n" + json.dumps({"user": PARENT}) + "\n")
    work = settings.work_path("good")
    work.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(settings.published_path("good"), work)  # of a night that stopped
    for command in ("replay", "backtest"):  # of one that was killed
        left = settings.data_dir / f"{command}-x1y2z3"
        left.mkdir()
        shutil.copyfile(settings.published_path("good"), left / "before.duckdb")
    return world


@pytest.fixture
def world(lived: World, line: RunningSimulator, parsed: Path, tmp_path: Path) -> World:
    """Return a copy of that installation."""
    copy = World(tmp_path / "world", line, parsed)
    shutil.copytree(
        lived.folder / "data",
        copy.folder / "data",
        ignore=shutil.ignore_patterns("dbt", "dagster"),
        dirs_exist_ok=True,
    )
    shutil.copytree(lived.exports, copy.exports)
    line.state.channels.clear()
    return copy


def said(world: World, patient: str = HER) -> int:
    settings = world.settings(MONDAY)
    return run_forget(settings, "good", patient, "山田", None, None, world._console())


def found(folder: Path, *, numbers: bool = True) -> list[str]:
    """Return every place in a state folder that still names her."""
    places = []
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        content = path.read_bytes()
        if HERS.encode() in content:
            places.append(f"{path.name}: the account, as bytes")
        is_hers = path.suffix not in {".parquet", ".duckdb"} and path.parent.name != "dbt"
        if numbers and is_hers and f"{HER}".encode() in content.replace(b"1734519", b""):
            places.append(f"{path.name}: the number, as bytes")
        if path.suffix == ".parquet":
            places += _tables(path.name, f"from read_parquet('{path}')")
        if path.suffix == ".duckdb":
            with duckdb.connect(str(path), read_only=True) as con:
                tables = con.execute(
                    "select schema_name || '.' || table_name from duckdb_tables()"
                ).fetchall()
                for (table,) in tables:
                    places += _tables(f"{path.name} {table}", f"from {table}", con)
    return places


def _tables(name: str, query: str, con: duckdb.DuckDBPyConnection | None = None) -> list[str]:
    rows = (con or duckdb).execute(query).fetchall()
    text = "\n".join(str(value) for row in rows for value in row)
    return [f"{name}: {each}" for each in (HERS, HER) if each in text]


def test_before_she_is_forgotten_she_is_found_everywhere(world: World) -> None:
    """The search itself can find her: as bytes, in Parquet, in DuckDB, in pages."""
    places = " ".join(found(world.folder / "data"))
    for each in ("ledger.db", ".parquet", "warehouse.duckdb main.patient_tags", "morning.html"):
        assert each in places, each
    assert "journal.jsonl" in places


def test_what_dagster_and_dbt_keep_of_the_night_never_named_her(lived: World) -> None:
    data = lived.settings(MONDAY).data_dir
    files = [path for name in ("dagster", "dbt") for path in (data / name).rglob("*")]
    content = [path.read_bytes() for path in files if path.is_file()]
    assert any(b"land_exports" in each for each in content), "it is what was kept of that night"
    assert not [each for each in content if HERS.encode() in each or HER.encode() in each]


def test_forgotten_she_is_nowhere_and_the_sums_still_add_up(world: World) -> None:
    settings = world.settings(MONDAY)
    engine = open_ledger(settings.ledger())
    before = reconcile(engine, "good")
    assert said(world) == 0
    assert found(settings.data_dir) == []
    assert reconcile(engine, "good") == before
    key = read_key(settings.forget_key_path())
    who = Forgotten("good", key)
    assert settings.forget_key_path().stat().st_mode & 0o777 == 0o600
    assert who.of_account(HERS).encode() in (settings.data_dir / "ledger.db").read_bytes()
    assert HERS not in accounts(engine, "good", date.max, Script())
    assert (settings.data_dir / "pages" / "tags.html").exists()
    build = read_build(settings.published_path("good"))
    assert build is not None
    assert build.as_of == MONDAY
    # Nobody else lost anything.
    assert world.published("good", "select count(*) from patients_today") == [(32,)]
    assert world.published("good", "select count(*) from tag_history")[0][0] > 0
    assert others(1) in {
        user for (user,) in world.published("good", "select line_user_id from stg_line_links")
    }


def test_the_audit_and_the_certificate_name_her_by_counts_alone(world: World) -> None:
    assert said(world) == 0
    settings = world.settings(MONDAY)
    [page] = (settings.data_dir / "certificates").glob("*.html")
    text = page.read_text(encoding="utf-8")
    assert HER not in text
    assert HERS not in text
    assert "山田" in text
    assert "試験クリニック" in text
    [request] = requests(open_ledger(settings.ledger()), "good")
    assert request.finished_at
    assert request.removed["line_event"] == 4 + 2  # hers, and two that name her chart
    assert request.removed["override"] == 1
    # A patient, a visit and a link in each of thirty exports, and one measurement.
    assert request.removed["landing"] == 3 * 30 + 1
    assert request.removed["tags"] >= 2
    assert ">1</td>" in text
    with reading(open_ledger(settings.ledger())) as con:
        lines = con.execute(select(audit.c.kind, audit.c.subject, audit.c.detail)).all()
    assert [each.kind for each in lines].count("forgotten") == 1
    assert all(HER not in str(each) for each in lines)
    # What was done is still told, of a hash.
    assert any(each.kind == "override_made" for each in lines)


def test_thirty_old_exports_in_any_order_do_not_bring_her_back(world: World) -> None:
    assert said(world) == 0
    settings = world.settings(TUESDAY)
    names = sorted(path.name for path in (world.exports / "good").glob("*.csv"))
    assert len(names) >= 30 * 7
    shutil.rmtree(settings.landing_dir())
    aside = world.folder / "aside"
    shutil.move(world.exports / "good", aside)
    (world.exports / "good").mkdir(parents=True)
    shutil.copyfile(aside / "clinic.yaml", world.exports / "good" / "clinic.yaml")
    random.Random(24).shuffle(names)  # noqa: S311
    engine = open_ledger(settings.ledger())
    clinic = clinic_in(world.exports, "good")
    for start in range(0, len(names), 70):
        for name in names[start : start + 70]:
            shutil.copyfile(aside / name, world.exports / "good" / name)
        door = door_of(settings, engine, "good")
        report = ingest_clinic(clinic, world.exports / "good", settings.landing_dir(), MONDAY, door)
        assert {file.status for file in report.files} <= {"landed", "known"}
    assert found(settings.data_dir) == []
    # The clinic's list still names her the next morning, and LINE still delivers her events.
    world.write("good", TUESDAY, rows(TUESDAY))
    again = [chat.text("こんにちは", HERS, 60), chat.tap("consent:v1:visit:yes", HERS, 61)]
    key = read_key(settings.forget_key_path())
    heard = [each.event for each in parse(chat.body(again))]
    assert keep(engine, "good", heard, settings.now(), key=key) == set()
    assert world.nightly(TUESDAY) == 0
    assert found(settings.data_dir) == []
    assert world.received("good")[HERS] == 0
    assert world.published("good", "select count(*) from patients_today") == [(32,)]


def test_lines_late_events_leave_nothing_but_an_emergency_is_heard(world: World) -> None:
    """Through HTTP, signed, shuffled and delivered again: the safety answer, and staff are told."""
    assert said(world) == 0
    settings = world.settings(MONDAY)
    engine = open_ledger(settings.ledger())
    urgent = {**chat.text("息が苦しい", HERS, 70), "replyToken": "urgent"}
    events = [
        {**chat.event("follow", HERS, 60), "replyToken": "follow"},
        {**chat.text("配信設定", HERS, 61), "replyToken": "settings"},
        {**chat.tap("consent:v1:all:yes", HERS, 62), "replyToken": "tap"},
        urgent,
    ]
    ways = Ways(
        forget_key=lambda: read_key(settings.forget_key_path()),
        alert_targets={"good": ["webhook"]},
    )
    with serving(settings.ledger(), ways=ways) as service:
        before = service.kept()
        for seed in range(3):
            for each in random.Random(seed).sample(events, len(events)):  # noqa: S311
                assert service.say(each) == 200
        assert service.answers.arrived.wait(5)
        assert service.kept() == before
    [(token, messages)] = service.answers.given
    assert token == "urgent"  # noqa: S105
    assert "119" in messages[0]["text"]
    assert HERS not in accounts(engine, "good", date.max, Script())
    with reading(engine) as con:
        told = con.execute(select(staff_alert.c.text, staff_alert.c.alert_id)).all()
    told = [text for text, alert_id in told if alert_id == urgent["webhookEventId"]]
    assert len(told) == 1
    assert found(settings.data_dir) == []


def test_a_plan_of_the_night_before_writes_to_nobody_forgotten_since(world: World) -> None:
    """Killed between the ledger and the published file, the old plan is still there to be read."""
    from dagster_project.delivery.plan import PlanRow  # noqa: PLC0415

    settings = world.settings(MONDAY)
    build = read_build(settings.published_path("good"))
    assert build is not None
    names = ", ".join(PlanRow.__dataclass_fields__)
    plan = [PlanRow(*row) for row in world.published("good", f"select {names} from delivery_plan")]
    assert HERS in {row.line_user_id for row in plan}
    assert said(world) == 0
    engine = open_ledger(settings.ledger())
    key = read_key(settings.forget_key_path())
    plan_night(engine, plan, build, settings.now(), key)
    with reading(engine) as con:
        assert HERS not in set(con.execute(select(intent.c.line_user_id)).scalars())
    with pytest.raises(LostKeyError):
        plan_night(engine, plan, build, settings.now(), b"")


def test_a_child_is_forgotten_and_the_parent_still_hears_of_the_other(world: World) -> None:
    engine = open_ledger(world.settings(MONDAY).ledger())
    assert set(accounts(engine, "good", date.max, Script())[PARENT].links) == {CHILD}
    assert said(world, CHILD) == 0
    assert not {chart for each in accounts(engine, "good", date.max, Script()).values()
                for chart in each.links} & {CHILD}  # fmt: skip
    links = world.published("good", "select line_user_id, patient_id from stg_line_links")
    assert (PARENT, SIBLING) in links
    assert CHILD not in {patient for _, patient in links}
    settings = world.settings(MONDAY)
    who = read_forgotten(open_ledger(settings.ledger()), "good", settings.forget_key_path())
    assert who.is_patient(f"00{CHILD}")
    assert not who.is_patient(SIBLING)
    assert not who.is_account(PARENT)
    assert said(world, SIBLING) == 0
    who = read_forgotten(open_ledger(settings.ledger()), "good", settings.forget_key_path())
    assert who.is_account(PARENT)


def test_a_fresh_code_from_reception_makes_her_known_again(world: World) -> None:
    settings = world.settings(MONDAY)
    engine = open_ledger(settings.ledger())
    old = issue_code(engine, "good", ["5"], "other", "受付", at(MONDAY, 9))
    assert said(world) == 0
    key = read_key(settings.forget_key_path())

    def hear(*events: dict[str, object]) -> set[str]:
        kept = [each.event for each in parse(chat.body(events))]
        return keep(engine, "good", kept, settings.now(), key=key)

    assert not hear(chat.text(old, HERS, 70))  # handed out before she was forgotten
    fresh = issue_code(engine, "good", [HER], "self", "受付", at(MONDAY, 11))
    assert not hear(chat.text("こんにちは", HERS, 121))
    assert hear(chat.text(fresh, HERS, 122), chat.tap("consent:v1:visit:yes", HERS, 123))
    assert set(accounts(engine, "good", date.max, Script())[HERS].links) == {HER}
    who = read_forgotten(engine, "good", settings.forget_key_path())
    assert not who.is_patient(HER)
    assert not purge(settings, engine, "good"), "nor does the roll forget her again"
    with reading(engine) as con:  # the message she had counts again: the same one is not sent twice
        assert HERS in set(con.execute(select(intent.c.line_user_id)).scalars())
        used = con.execute(select(batch.c.body)).scalars().all()
    assert any(HERS.encode() in body for body in used)
    assert not hear(chat.text(fresh, others(99), 124)) or digest(fresh)
    assert said(world) == 0
    assert found(settings.data_dir) == []


def test_a_message_that_is_being_tried_is_settled_first(world: World) -> None:
    engine = open_ledger(world.settings(MONDAY).ledger())
    with writing(engine, "good") as con:
        con.execute(batch.update().values(state="sending"))
    assert said(world) == 1
    assert HERS in accounts(engine, "good", date.max, Script())
    with pytest.raises(UnderWayError):
        forget(world.settings(MONDAY), engine, clinic_in(world.exports, "good"), HER, "山田", None)


def test_what_waits_to_be_sent_to_her_is_skipped_and_the_others_wait_on(world: World) -> None:
    engine = open_ledger(world.settings(MONDAY).ledger())
    with writing(engine, "good") as con:
        con.execute(batch.update().values(state="frozen", accepted_at=None))
    assert said(world) == 0
    with reading(engine) as con:
        fates = con.execute(select(intent.c.line_user_id, intent.c.state, intent.c.reason)).all()
    hers = [each for each in fates if each.line_user_id.startswith("F")]
    assert [(each.state, each.reason) for each in hers] == [("skipped", "forgotten")]
    assert {each.state for each in fates if each not in hers} == {"planned"}
    assert reconcile(engine, "good").skipped == 1


def test_while_a_session_holds_old_pages_of_the_ledger_it_is_not_finished(world: World) -> None:
    settings = world.settings(MONDAY)
    engine = open_ledger(settings.ledger())
    event.listen(engine, "connect", _impatient)
    engine.dispose()
    reader = sqlite3.connect(settings.data_dir / "ledger.db", isolation_level=None)
    reader.execute("begin")
    reader.execute("select count(*) from line_event").fetchall()
    assert said(world) == 1
    assert not (settings.data_dir / "certificates").exists()
    reader.close()
    assert said(world) == 0
    assert found(settings.data_dir) == []


def _impatient(connection: sqlite3.Connection, _: object) -> None:
    connection.execute("PRAGMA busy_timeout=100")  # ten seconds would come to the same


@pytest.mark.parametrize("number", ["99999999", "7345"])
def test_a_number_of_nobody_changes_nothing(world: World, number: str) -> None:
    assert said(world, number) == 1
    assert requests(open_ledger(world.settings(MONDAY).ledger()), "good") == []


def test_without_its_key_nothing_is_read_that_might_be_hers(world: World) -> None:
    assert said(world) == 0
    settings = world.settings(TUESDAY)
    settings.forget_key_path().unlink()
    world.write("good", TUESDAY, rows(TUESDAY))
    assert world.nightly(TUESDAY) != 0
    assert found(settings.data_dir) == []
    assert said(world, CHILD) == 1
    assert not settings.forget_key_path().exists()


KILLED = """
import os, signal, sys
from pathlib import Path
from dagster_project.clinic import clinic_in
from dagster_project.forget import forget as module, landed, published
from dagster_project.ledger.store import open_ledger
from dagster_project.settings import Settings

def die(*_, **__):
    os.kill(os.getpid(), signal.SIGKILL)

count = iter(range(1000))
whole = landed.settle
def third(*args):
    whole(*args) if next(count) < 3 else die()

where, data, exports, patient = sys.argv[1:]
match where:
    case "after the ledger": module.strip_landing = die
    case "within landing": landed.settle = third
    case "within the rewriting": published.shutil.copyfile = die
    case "before the traces": module.strip_published = lambda *_: die()
    case "before the end": module.known.finish = die
settings = Settings(data_dir=Path(data), exports_dir=Path(exports))
module.forget(settings, open_ledger(settings.ledger()), clinic_in(Path(exports), "good"),
              patient, "山田", None)
"""


@pytest.mark.long
@pytest.mark.parametrize(
    "where",
    [
        "after the ledger",
        "within landing",
        "within the rewriting",
        "before the traces",
        "before the end",
    ],
)
def test_killed_anywhere_the_job_is_finished_by_the_next_run(world: World, where: str) -> None:
    settings = world.settings(MONDAY)
    done = subprocess.run(
        [sys.executable, "-c", KILLED, where, settings.data_dir, world.exports, HER],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        check=False,
    )
    assert done.returncode == -signal.SIGKILL
    engine = open_ledger(settings.ledger())
    [request] = requests(engine, "good")
    assert request.finished_at is None
    if where == "after the ledger":
        assert found(settings.data_dir)
    if where in {"within landing", "before the end"}:
        assert said(world) == 0  # asked for once more
    else:
        assert purge(settings, engine, "good")  # as the next night does by itself
    assert not purge(settings, engine, "good")
    assert found(settings.data_dir) == []
    [finished] = requests(engine, "good")
    assert finished.finished_at
    assert finished.removed == request.removed


@pytest.mark.long
def test_the_night_finishes_what_a_kill_cut_off(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    def die(*_: object) -> None:
        raise KeyboardInterrupt

    settings = world.settings(MONDAY)
    with monkeypatch.context() as patched:
        patched.setattr("dagster_project.forget.forget.strip_landing", die)
        with pytest.raises(KeyboardInterrupt):
            said(world)
    assert found(settings.data_dir)
    assert world.nightly(TUESDAY, at(TUESDAY, 2)) in {0, 3}  # no new export, so perhaps stale
    assert found(settings.data_dir) == []


def back_up(world: World) -> Path:
    """Return a folder with a backup of the ledger and the published night."""
    settings = world.settings(MONDAY)
    aside = world.folder / "backup"
    aside.mkdir()
    with closing(sqlite3.connect(settings.data_dir / "ledger.db")) as con:
        con.execute("VACUUM INTO ?", [str(aside / "ledger.db")])
    shutil.copyfile(settings.published_path("good"), aside / "warehouse.duckdb")
    return aside


def put_back_ledger(world: World, aside: Path) -> None:
    settings = world.settings(MONDAY)
    open_ledger(settings.ledger()).dispose()
    for name in ("ledger.db-wal", "ledger.db-shm"):
        (settings.data_dir / name).unlink(missing_ok=True)
    shutil.copyfile(aside / "ledger.db", settings.data_dir / "ledger.db")


def test_a_ledger_from_a_backup_of_before_does_not_bring_her_back(world: World) -> None:
    settings = world.settings(MONDAY)
    aside = back_up(world)
    assert said(world) == 0
    put_back_ledger(world, aside)
    shutil.copyfile(aside / "warehouse.duckdb", settings.published_path("good"))
    engine = open_ledger(settings.ledger())
    assert HERS in accounts(engine, "good", date.max, Script())
    assert purge(settings, engine, "good"), "as the next night, and the next send, do by themselves"
    assert found(settings.data_dir) == []
    who = read_forgotten(engine, "good", settings.forget_key_path())
    assert who.is_patient(HER)
    assert who.is_account(HERS)
    [request] = requests(engine, "good")
    assert request.finished_at
    assert request.made_by == "山田"
    assert request.removed["line_event"] == 4 + 2
    assert not purge(settings, engine, "good")
    assert said(world) == 0, "a certificate can be printed again"
    assert len(requests(engine, "good")) == 1


def test_a_request_that_is_on_the_roll_a_moment_before_the_ledger_has_it_is_one(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert said(world) == 0
    settings = world.settings(MONDAY)
    engine = open_ledger(settings.ledger())
    monkeypatch.setattr(
        "dagster_project.forget.forget.unknown_to",
        lambda roll, clinic_id, _: unknown_to(roll, clinic_id, ()),
    )
    assert not purge(settings, engine, "good")
    assert len(requests(engine, "good")) == 1


@pytest.mark.long
def test_of_a_ledger_put_back_the_next_send_writes_to_nobody_forgotten(world: World) -> None:
    aside = back_up(world)
    assert said(world) == 0
    put_back_ledger(world, aside)
    engine = open_ledger(world.settings(MONDAY).ledger())
    with writing(engine, "good") as con:  # as planned, and waiting for its window
        con.execute(intent.update().values(state="planned", batch_id=None))
        con.execute(attempt.delete())
        con.execute(batch.delete())
    assert world.send(MONDAY, at(MONDAY, 11)) == 0, world.text()
    assert world.received("good")[HERS] == 0
    with reading(engine) as con:
        assert HERS not in set(con.execute(select(intent.c.line_user_id)).scalars())


def test_a_published_night_from_a_backup_of_before_is_stripped(world: World) -> None:
    settings = world.settings(MONDAY)
    engine = open_ledger(settings.ledger())
    aside = back_up(world)
    assert not purge_older_night(settings, engine, "good"), "nobody is forgotten yet"
    assert said(world) == 0
    assert not purge_older_night(settings, engine, "good"), "it names her no more"
    shutil.copyfile(aside / "warehouse.duckdb", settings.published_path("good"))
    assert found(settings.data_dir)
    assert purge_older_night(settings, engine, "good")
    assert found(settings.data_dir) == []
    assert not purge_older_night(settings, engine, "good")


def test_the_roll_names_nobody_and_without_its_key_stops_whoever_asks(world: World) -> None:
    settings = world.settings(MONDAY)
    aside = back_up(world)
    assert said(world) == 0
    roll = roll_beside(settings.forget_key_path())
    assert roll.stat().st_mode & 0o777 == 0o600
    [line] = roll.read_text().strip().splitlines()
    assert HER not in line
    assert HERS not in line
    with roll.open("a") as file:
        file.write(line[:40])  # cut off in the writing
    assert said(world, CHILD) == 0
    put_back_ledger(world, aside)
    assert len(unknown_to(roll, "good", ())) == 2
    settings.forget_key_path().unlink()
    with pytest.raises(LostKeyError):
        purge(settings, open_ledger(settings.ledger()), "good")


def test_claims_come_through_the_door_as_if_they_had_been_stripped(tmp_path: Path) -> None:
    """Landed and then stripped, or kept out at the door: the same records stay."""
    clinic = clinic_in(ROOT / "exports", "aozora")
    folder = ROOT / "exports" / "aozora"
    as_of = date(2026, 6, 1)
    ingest_clinic(clinic, folder, tmp_path / "all", as_of)
    receipts = _rows(tmp_path / "all", "uke_receipts", "patient_no")
    patient = max(set(receipts), key=receipts.count)[0]
    bare = Forgotten("aozora", b"key")
    who = Forgotten("aozora", b"key", frozenset({bare.of_patient(patient)}))

    from dagster_project.forget.door import Door  # noqa: PLC0415

    door = Door(lambda: who)
    ingest_clinic(clinic, folder, tmp_path / "door", as_of, door)
    before = sum(len(_rows(tmp_path / "all", name, "1")) for name in DATASETS)
    strip_landing(Landing(tmp_path / "all" / "aozora"), who)
    for name in DATASETS:
        assert _rows(tmp_path / "all", name) == _rows(tmp_path / "door", name), name
    after = sum(len(_rows(tmp_path / "all", name, "1")) for name in DATASETS)
    assert door.left_out == before - after > receipts.count((patient,))
    assert not {(patient,)} & set(_rows(tmp_path / "door", "uke_receipts", "patient_no"))


def _rows(landing: Path, dataset: str, columns: str = "*") -> list[tuple[object, ...]]:
    files = landing / "aozora" / dataset / "*.parquet"
    if not list(files.parent.glob("*.parquet")):
        return []
    query = f"select {columns} from read_parquet('{files}') order by all"
    return duckdb.execute(query).fetchall()


def test_every_table_that_names_a_person_says_of_which_clinic() -> None:
    """A table added later is erased by its columns; it must only be one of a clinic."""
    for table in metadata.tables.values():
        if {"patient_id", "line_user_id"} & set(table.c.keys()):
            is_reached = table.name in RENAMED | {"link_code_patient"}
            assert is_reached or "clinic_id" in table.c, table.name
