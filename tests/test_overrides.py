"""Acceptance D5, overrides: a tag by hand, with reason and last day, that lapses by itself."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

import dagster as dg
import pytest
from click.testing import CliRunner
from clinic_builder import Row, user
from ledgers import database_on
from nights import World, at
from rich.console import Console
from sqlalchemy import Engine, func, select

from dagster_project.cli import main
from dagster_project.insight.ask import ask
from dagster_project.ledger.overrides import (
    OverrideError,
    Wish,
    lapse,
    lapsed_on,
    make,
    overrides_for_warehouse,
    overrides_of,
    withdraw,
)
from dagster_project.ledger.store import open_ledger
from dagster_project.ledger.tables import audit
from dagster_project.overrides import commands
from dagster_project.overrides.commands import Why
from dagster_project.overrides.known import Known
from dagster_project.overrides.old_tags import read_old_tags
from dagster_project.runner import open_instance
from dagster_project.simulator import RunningSimulator

TUESDAY, LAST, AFTER = date(2026, 9, 29), date(2026, 9, 30), date(2026, 10, 1)
LATER = date(2026, 12, 31)
REASON = "本人の申し出: 糖尿病の治療は他院"
ILL, NO_BIRTH_DATE, IMPORTED, CHILD, BACK, NEXT_DAY, VANISHING = (
    "8",
    "5",
    "7",
    "9",
    "10",
    "11",
    "12",
)
OLD_TAGS = (
    "診察券番号,表示名,タグ\r\n00007,山田,高血圧\r\n００９,鈴木,0～5歳\r\n7,山田,hypertension\r\n"
)
Tags = dict[tuple[str, str], tuple[object, ...]]


def rows(day: date) -> dict[str, list[Row]]:
    """Thirty women of 36; one is ill, one has no birth date; from the second day two have LINE."""
    patients: list[Row] = [
        {"patient_no": f"{n:05}", "birth_date": "1990-03-02"} for n in range(1, 31)
    ]
    patients[int(NO_BIRTH_DATE) - 1] = {"patient_no": NO_BIRTH_DATE, "birth_date": ""}
    if day > TUESDAY:
        del patients[int(VANISHING) - 1]
    seen = [{"patient_no": p["patient_no"], "visited_on": "2026-09-24"} for p in patients]
    return {
        "patients": patients,
        "visits": seen,
        "conditions": [{"patient_no": ILL, "code": "8833421", "started_on": "2026-04-03"}],
        "line_links": [
            {"line_user_id": user(int(who)), "patient_no": who}
            for who in (ILL, IMPORTED)
            if day > TUESDAY
        ],
    }


@dataclass(frozen=True)
class Lived:
    """One world that has lived from the day before to the day after, and what it showed."""

    world: World
    tags: dict[date, Tags]
    said: dict[date, str]
    received: dict[date, int]
    explained: str

    @property
    def engine(self) -> Engine:
        return open_ledger(self.world.settings(AFTER).ledger())

    def audited(self, kind: str) -> list[tuple[str, str]]:
        query = select(audit.c.subject, audit.c.detail).where(audit.c.kind == kind)
        with self.engine.connect() as con:
            return [(row.subject, row.detail) for row in con.execute(query.order_by(audit.c.id))]


def tags(world: World) -> Tags:
    found = world.published(
        "here",
        "select patient_id, tag, state, since, evidence_table, evidence_file_id,"
        " evidence_line_no, evidence_on, evidence_value from patient_tags",
    )
    return {(str(who), str(tag)): tuple(rest) for who, tag, *rest in found}


def by_hand(world: World, day: date, action: str, who: str, tag: str, until: date) -> None:
    settings, why = world.settings(day), Why(REASON, until, "受付 佐藤")
    done = commands.change(settings, None, action, who, tag, why, world._console())  # type: ignore[arg-type]
    assert done == 0, world.text()


@pytest.fixture(scope="module")
def lived(parsed: Path, line: RunningSimulator, tmp_path_factory: pytest.TempPathFactory) -> Lived:
    line.state.channels.clear()
    world = World(tmp_path_factory.mktemp("overrides") / "world", line, parsed)
    shown: dict[date, Tags] = {}
    said: dict[date, str] = {}
    received: dict[date, int] = {}

    def night(day: date) -> None:
        world.write("here", day, rows(day))
        world.said.clear()
        assert world.nightly(day) == 0, world.text()
        shown[day], said[day] = tags(world), world.text()
        received[day] = sum(world.received("here").values())

    night(TUESDAY)
    by_hand(world, TUESDAY, "remove", "0008", "高血圧", LAST)
    by_hand(world, TUESDAY, "remove", NO_BIRTH_DATE, "age_0_5", LATER)
    by_hand(world, TUESDAY, "add", BACK, "hypertension", LATER)
    by_hand(world, AFTER, "add", NEXT_DAY, "diabetes", LATER)
    by_hand(world, TUESDAY, "add", VANISHING, "diabetes", LATER)
    assert commands.withdraw(world.settings(TUESDAY), 3, "院長", world._console()) == 0
    csv = world.folder / "old_tags.csv"
    csv.write_bytes(OLD_TAGS.encode("cp932"))
    why = Why("旧ツールから", LAST, "佐藤")
    settings, console = world.settings(TUESDAY), world._console()
    assert commands.import_old_tags(settings, "here", csv, why, console) == 0, world.text()
    by_hand(world, TUESDAY, "add", ILL, "sex_female", LATER)
    night(LAST)
    world.said.clear()
    for who in (ILL, IMPORTED):
        settings = world.settings(LAST)
        assert ask(settings, [], who, "hypertension", None, None, world._console()) == 0
    explained = world.text()
    night(AFTER)
    night(AFTER)
    return Lived(world, shown, said, received, explained)


def test_d5_what_staff_removed_stays_removed_to_its_last_day_and_is_back_the_day_after(
    lived: Lived,
) -> None:
    held = (ILL, "hypertension")
    assert lived.tags[TUESDAY][held][0] == "has"
    assert held not in lived.tags[LAST]
    assert lived.tags[AFTER][held] == lived.tags[TUESDAY][held]
    spells = lived.world.published(
        "here",
        "select held_from, held_to from tag_history where tag = 'hypertension'"
        f" and patient_id = '{ILL}' order by 1",
    )
    assert spells == [(TUESDAY, LAST), (AFTER, None)]


def test_d5_it_lapses_with_one_line_in_the_audit_however_often_the_night_runs(
    lived: Lived,
) -> None:
    first = overrides_of(lived.engine, "here")[0]
    assert (first.lapsed_on, first.expires_on) == (AFTER, LAST)
    assert lived.audited("override_lapsed") == [
        ("override 1", "remove hypertension, patient 8, until 2026-09-30, lapsed on 2026-10-01"),
        ("override 6", "add hypertension, patient 7, until 2026-09-30, lapsed on 2026-10-01"),
        ("override 7", "add age_0_5, patient 9, until 2026-09-30, lapsed on 2026-10-01"),
    ]
    assert "期限が切れた手入力のタグ: 3 件" in lived.said[AFTER]
    assert "期限が切れた" not in lived.said[LAST]


def test_what_cannot_be_told_can_be_removed_as_well(lived: Lived) -> None:
    assert lived.tags[TUESDAY][NO_BIRTH_DATE, "age_0_5"][0] == "unknown"
    for day in (LAST, AFTER):
        assert (NO_BIRTH_DATE, "age_0_5") not in lived.tags[day]
        assert lived.tags[day][NO_BIRTH_DATE, "age_6_15"][0] == "unknown"


def test_an_imported_tag_is_had_with_the_ledger_as_its_evidence_and_never_the_reason(
    lived: Lived,
) -> None:
    why = ("override", "ledger", 6, TUESDAY, "added by hand until 2026-09-30")
    assert lived.tags[LAST][IMPORTED, "hypertension"] == ("has", TUESDAY, *why)
    assert lived.tags[LAST][CHILD, "age_0_5"][:2] == ("has", TUESDAY)
    assert (IMPORTED, "hypertension") not in lived.tags[AFTER]
    assert (CHILD, "age_0_5") not in lived.tags[AFTER]
    carried = lived.world.published("here", "select * from ledger.overrides")
    assert len(carried) == 8
    assert "他院" not in str([carried, lived.tags, lived.audited("override_made")])


def test_by_hand_outweighs_the_rule_also_where_they_agree(lived: Lived) -> None:
    """Otherwise a tag would change hands without anybody seeing when its rule changes."""
    for day in (LAST, AFTER):
        assert lived.tags[day][ILL, "sex_female"][:3] == ("has", TUESDAY, "override")
    gained = "select on_day, event from tag_events where tag = 'sex_female' and patient_id = '8'"
    assert lived.world.published("here", gained) == [(TUESDAY, "gained")]


def test_the_night_tells_dagster_how_many_lapsed(lived: Lived) -> None:
    instance = open_instance(lived.world.settings(AFTER))
    event = instance.get_latest_materialization_event(dg.AssetKey("morning_plan"))
    assert event is not None
    assert event.asset_materialization is not None
    assert event.asset_materialization.metadata["overrides_lapsed"].value == 0


def test_it_decides_who_is_written_to(lived: Lived) -> None:
    """Of the two with LINE, the ill one was removed by hand and the other added."""
    assert lived.received[LAST] == 1
    assert set(lived.world.received("here")) == {user(int(IMPORTED))}


def test_it_counts_from_the_day_it_was_made_and_not_when_withdrawn(lived: Lived) -> None:
    assert (NEXT_DAY, "diabetes") not in lived.tags[LAST]
    assert lived.tags[AFTER][NEXT_DAY, "diabetes"][:2] == ("has", AFTER)
    assert not [key for day in lived.tags for key in lived.tags[day] if key[0] == BACK
                and key[1] == "hypertension"]  # fmt: skip
    assert lived.audited("override_withdrawn") == [
        ("override 3", "add hypertension, patient 10, until 2026-12-31, by 院長")
    ]


def test_a_patient_who_vanished_takes_the_override_along(lived: Lived) -> None:
    assert not [key for key in lived.tags[LAST] if key[0] == VANISHING]


def test_explain_tells_who_was_touched_by_hand(lived: Lived) -> None:
    assert "removed by hand until 2026-09-30 2026-09-29 [override ledger:1]" in lived.explained
    assert "added by hand until 2026-09-30 2026-09-29 [override ledger:6]" in lived.explained


def command(lived: Lived, monkeypatch: pytest.MonkeyPatch, *words: str) -> tuple[int, str]:
    monkeypatch.setenv("TAGLINE_DATA_DIR", str(lived.world.folder / "data"))
    monkeypatch.setenv("TAGLINE_EXPORTS_DIR", str(lived.world.exports))
    # A narrow terminal folds cells, and the width is read when the module is loaded.
    monkeypatch.setattr("dagster_project.overrides.cli.console", Console(width=250))
    done = CliRunner().invoke(main, ["override", *words, "--as-of", str(AFTER)])
    return done.exit_code, done.output


def test_the_list_says_who_what_why_until_when_and_what_has_lapsed(
    lived: Lived, monkeypatch: pytest.MonkeyPatch
) -> None:
    code, said = command(lived, monkeypatch, "list", "--clinic", "here")
    assert code == 0
    lines = {line.split()[0]: line for line in said.splitlines() if line.strip()[:1].isdecimal()}
    assert "高血圧 (hypertension)" in lines["1"]
    assert "外す" in lines["1"]
    assert REASON in lines["1"]
    assert "受付 佐藤" in lines["1"]
    assert "失効 2026-10-01" in lines["1"]
    assert "有効" in lines["2"]
    assert "取消 2026-09-29" in lines["3"]


FULL = {"--reason": "電話で確認", "--until": "2026-10-31", "--by": "佐藤"}


@pytest.mark.parametrize(
    ("patient", "tag", "changed", "expected"),
    [
        ("8", "hypertension", {"--reason": None}, "needs a reason: --reason TEXT"),
        ("8", "hypertension", {"--reason": " 　 "}, "needs a reason: --reason TEXT"),
        ("8", "hypertension", {"--until": None}, "--until YYYY-MM-DD, 2027-11-05 at the latest"),
        ("8", "hypertension", {"--until": "2026-09-30"}, "choose a day from 2026-10-01 to"),
        ("8", "hypertension", {"--until": "2027-11-06"}, "to 2027-11-05"),
        ("8", "hypertension", {"--by": " "}, "needs a name: --by NAME"),
        ("8", "hypertention", {}, "perhaps hypertension"),
        ("99", "hypertension", {}, "patient 99 is not in the published list of here"),
        ("8", "hypertension", {"--clinic": "there"}, "no clinic there; there: here"),
    ],
)
def test_d5_it_is_rejected_and_the_answer_says_what_to_do(
    lived: Lived,
    monkeypatch: pytest.MonkeyPatch,
    patient: str,
    tag: str,
    changed: dict[str, str | None],
    expected: str,
) -> None:
    before = overrides_of(lived.engine, "here")
    options = [word for pair in {**FULL, **changed}.items() if pair[1] for word in pair if word]
    code, said = command(lived, monkeypatch, "remove", patient, tag, *options)
    assert code == 1
    assert expected in said
    assert overrides_of(lived.engine, "here") == before


KNOWN = Known(
    frozenset({"1", "2"}),
    {"hypertension": "高血圧", "age_0_5": "0〜5歳", "old": "重複", "new": "重複"},
)


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (
            "番号,タグ\n1,高血圧\n",
            "line 1, header: found '番号, タグ', expected one column 診察券番号",
        ),
        (
            "patient_no,tag,タグ\n1,x,y\n",
            "line 1, header: found 'tag and タグ', expected one column",
        ),
        ("", "line 1, header: found 'an empty file'"),
        ("patient_no,tag\n", "found 'a header and no row'"),
        ("patient_no,tag\n\n1,高血糖\n", "line 3, tag: found '高血糖', expected a tag's name"),
        ("patient_no,tag\n1,重複\n", "expected one tag, by name: old or new"),
        (
            "診察券番号,タグ\n003,高血圧\n",
            "line 2, 診察券番号: found '003', expected a 診察券番号 of",
        ),
        ("patient_no,tag\n,高血圧\n", "line 2, patient_no: found ''"),
        ("patient_no,tag\n1,高血圧,2\n", "line 2, row: found '3 cells', expected 2"),
        ('patient_no,tag\n1,"高血圧\n', "found 'a broken quotation'"),
    ],
)
def test_an_import_names_line_column_found_and_expected(
    tmp_path: Path, content: str, expected: str
) -> None:
    for encoding in ("utf-8", "cp932", "utf-8-sig"):
        path = tmp_path / "old.csv"
        path.write_bytes(content.encode(encoding))
        _, errors = read_old_tags(path, KNOWN)
        assert len(errors) == 1
        assert expected in str(errors[0])


def test_an_import_in_no_known_encoding_names_the_line(tmp_path: Path) -> None:
    path = tmp_path / "old.csv"
    path.write_bytes(b"patient_no,tag\n1,\xff\xfe\n")
    assert "line 2: found 'byte 0xFF', expected text in cp932" in str(
        read_old_tags(path, KNOWN)[1][0]
    )


def test_one_wrong_row_and_nothing_is_imported(
    lived: Lived, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    before = overrides_of(lived.engine, "here")
    path = tmp_path / "old.csv"
    path.write_text("patient_no,tag\n1,高血圧\n99,高血圧\n2,高血糖\n", encoding="utf-8-sig")
    options = [word for pair in FULL.items() for word in pair]
    code, said = command(lived, monkeypatch, "import", str(path), *options)
    assert code == 1
    assert "old.csv: line 3, patient_no: found '99'" in said
    assert "old.csv: line 4, tag: found '高血糖'" in said
    assert "nothing was imported" in said
    assert overrides_of(lived.engine, "here") == before


@pytest.fixture
def engine(server: str | None, tmp_path: Path) -> Iterator[Engine]:
    if server is None:
        yield open_ledger(f"sqlite:///{tmp_path / 'ledger.db'}")
        return
    with database_on(server) as url:
        opened = open_ledger(url)
        yield opened
        opened.dispose()


def wish(who: str = "1", until: date | None = LAST, **changes: str) -> Wish:
    return Wish(**{  # type: ignore[arg-type]
        "patient_id": who, "tag": "t", "action": "add", "reason": "r", "made_by": "b",
        "expires_on": until, **changes,
    })  # fmt: skip


def test_all_wishes_or_none(engine: Engine) -> None:
    with pytest.raises(OverrideError):
        make(engine, "here", [wish("1"), wish("2", None)], TUESDAY, at(TUESDAY, 9))
    assert overrides_of(engine, "here") == []
    assert make(engine, "here", [wish("1"), wish("2")], TUESDAY, at(TUESDAY, 9)).ids == [1, 2]
    assert len(overrides_of(engine, "here")) == 2
    assert overrides_of(engine, "there") == []


def test_the_same_again_is_not_made_twice_unless_another_came_between(engine: Engine) -> None:
    def asked(action: str) -> int:
        return len(make(engine, "here", [wish(action=action)], TUESDAY, at(TUESDAY, 9)).ids)

    assert [asked(action) for action in ("add", "add", "remove", "add", "add")] == [1, 0, 1, 1, 0]


def test_the_last_day_may_be_today_and_400_days_away(engine: Engine) -> None:
    far = TUESDAY + timedelta(days=400)
    days = [TUESDAY, far]
    made = make(engine, "here", [wish(until=d) for d in days], TUESDAY, at(TUESDAY, 9))
    assert len(made.ids) == 2
    for day in (TUESDAY - timedelta(days=1), far + timedelta(days=1)):
        with pytest.raises(OverrideError):
            make(engine, "here", [wish(until=day)], TUESDAY, at(TUESDAY, 9))


def test_several_nights_at_once_lapse_each_override_once(engine: Engine) -> None:
    make(engine, "here", [wish(str(n)) for n in range(20)], TUESDAY, at(TUESDAY, 9))
    make(engine, "there", [wish("1")], TUESDAY, at(TUESDAY, 9))
    withdraw(engine, 1, "b", LAST, at(LAST, 9))
    assert lapse(engine, "here", LAST, at(LAST, 2)) == 0
    together = threading.Barrier(4, timeout=20)

    def night(_: int) -> int:
        together.wait()
        return lapse(engine, "here", AFTER, at(AFTER, 2))

    with ThreadPoolExecutor(4) as pool:
        assert sum(pool.map(night, range(4))) == 19
    assert lapsed_on(engine, "here", AFTER) == 19
    query = select(func.count()).where(audit.c.kind == "override_lapsed")
    with engine.connect() as con:
        assert con.execute(query).scalar_one() == 19
    assert {o.lapsed_on for o in overrides_of(engine, "there")} == {None}


def test_only_what_is_in_force_can_be_withdrawn(engine: Engine) -> None:
    make(engine, "here", [wish("1"), wish("2")], TUESDAY, at(TUESDAY, 9))
    assert withdraw(engine, 1, "b", LAST, at(LAST, 9)).withdrawn_on == LAST
    for number, by, word in ((1, "b", "withdrawn on"), (3, "b", "no override 3"), (2, " ", "name")):
        with pytest.raises(OverrideError, match=word):
            withdraw(engine, number, by, LAST, at(LAST, 9))
    with pytest.raises(OverrideError, match="ended on 2026-09-30"):
        withdraw(engine, 2, "b", AFTER, at(AFTER, 9))
    assert overrides_for_warehouse(engine, "here")[0] == (
        1, "1", "t", "add", TUESDAY, LAST, LAST
    )  # fmt: skip
