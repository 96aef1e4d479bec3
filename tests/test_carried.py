"""What a night knows: what had arrived by then, and since which night each thing is known."""

from collections.abc import Sequence
from datetime import date, timedelta
from pathlib import Path

import duckdb
import pyarrow.parquet as pq
import pytest
from ingest_builder import HEADER, ROW, TODAY, Exports, patients
from nights import at

from dagster_project.prepare import Night, prepare, settings_version
from dagster_project.publish import Build
from dagster_project.rules import Rules

TOMORROW = TODAY + timedelta(days=1)
AFTER = TODAY + timedelta(days=2)
GOOD = f"{HEADER}\n{ROW}\n"
Override = tuple[object, ...]


def override(number: int, made_on: date, withdrawn_on: date | None = None) -> Override:
    return (number, "12", "t", "add", made_on, AFTER, withdrawn_on)


def night(
    exports: Exports,
    day: date,
    overrides: Sequence[Override] = (),
    rules: dict[str, str] | None = None,
    build_id: str = "b",
) -> None:
    """Land, prepare, and take what was prepared for published."""
    exports.land(day)
    work, published = exports.root / "work.duckdb", exports.root / "published.duckdb"
    given = Night(
        Build("clinic", build_id, day, at(day, 2)),
        exports.clinic(),
        exports.root / "landing",
        published,
        Rules(rules or {}, {}),
        overrides=overrides,
    )
    prepare(work, given)
    work.replace(published)


def said(exports: Exports, query: str) -> list[tuple[object, ...]]:
    with duckdb.connect(str(exports.root / "published.duckdb")) as con:
        return con.execute(query).fetchall()


FILES = "select name, known_on from meta.source_files order by all"


def test_a_file_is_known_from_the_night_that_first_counted_it(tmp_path: Path) -> None:
    exports = patients(tmp_path, mode="delta")
    exports.write("patients_20260601.csv", GOOD)
    night(exports, TODAY)
    # It comes after the night, is read the same day, and stands for an earlier one.
    exports.write("patients_20260530.csv", GOOD.replace("0012", "0013"))
    exports.land(TODAY)
    assert said(exports, FILES) == [("patients_20260601.csv", TODAY)]
    for day in (TOMORROW, AFTER):
        night(exports, day)
        assert said(exports, FILES) == [
            ("patients_20260530.csv", TOMORROW),
            ("patients_20260601.csv", TODAY),
        ]


def test_the_same_day_built_again_counts_what_has_come_in_between(tmp_path: Path) -> None:
    exports = patients(tmp_path, mode="delta")
    exports.write("patients_20260601.csv", GOOD)
    night(exports, TODAY, [override(1, TODAY)], {"t": "v1"}, "first")
    exports.write("patients_20260530.csv", GOOD.replace("0012", "0013"))
    night(exports, TODAY, [override(1, TODAY), override(2, TODAY)], {"t": "v2"}, "second")
    assert {known_on for _, known_on in said(exports, FILES)} == {TODAY}
    assert said(exports, "select id, known_on from ledger.overrides") == [(1, TODAY), (2, TODAY)]
    assert said(exports, "select as_of, build_id from meta.nights") == [(TODAY, "second")]
    assert said(exports, "select * from meta.rule_history") == [("t", "v2", TODAY)]


def test_an_earlier_night_sees_nothing_that_was_read_later(tmp_path: Path) -> None:
    """Of the files themselves, whatever day is in their name."""
    exports = patients(tmp_path, mode="delta")
    exports.write("patients_20260530.csv", GOOD)
    exports.land(TOMORROW)
    (exports.folder / "patients_20260530.csv").unlink()
    night(exports, TODAY)
    assert said(exports, FILES) == []
    night(exports, TOMORROW)
    assert said(exports, FILES) == [("patients_20260530.csv", TOMORROW)]


def test_a_registry_from_before_there_was_such_a_column_still_reads(tmp_path: Path) -> None:
    exports = patients(tmp_path)
    exports.write("patients_20260601.csv", GOOD)
    exports.land(TODAY)
    for path in (exports.landing / "files").iterdir():
        pq.write_table(pq.read_table(path).drop_columns(["known_on"]), path)
    night(exports, TODAY)
    assert said(exports, FILES) == [("patients_20260601.csv", TODAY)]
    (row,) = exports.registry()
    assert (row["known_on"], row["first_seen_as_of"]) == (None, TODAY)


def test_an_override_and_its_end_are_known_from_the_next_night(tmp_path: Path) -> None:
    exports = patients(tmp_path)
    exports.write("patients_20260601.csv", GOOD)
    query = "select id, known_on, withdrawal_known_on from ledger.overrides order by id"
    night(exports, TODAY, [override(1, TODAY)])
    assert said(exports, query) == [(1, TODAY, None)]
    night(exports, TOMORROW, [override(1, TODAY, TODAY), override(2, TODAY)])
    first, second = (1, TODAY, TOMORROW), (2, TOMORROW, None)
    assert said(exports, query) == [first, second]
    night(exports, AFTER, [override(1, TODAY, TODAY), override(2, TODAY)])
    assert said(exports, query) == [first, second]


def test_the_history_of_rules_has_a_row_for_each_change_alone(tmp_path: Path) -> None:
    exports = patients(tmp_path)
    exports.write("patients_20260601.csv", GOOD)
    night(exports, TODAY, rules={"t": "v1", "u": "v1"})
    night(exports, TOMORROW, rules={"t": "v2", "u": "v1"})
    night(exports, AFTER, rules={"t": "v1", "new": "v1"})
    assert said(exports, "select * from meta.rule_history order by on_day, tag") == [
        ("t", "v1", TODAY),
        ("u", "v1", TODAY),
        ("t", "v2", TOMORROW),
        ("new", "v1", AFTER),
        ("t", "v1", AFTER),
    ]
    assert said(exports, "select as_of from meta.nights order by 1") == [
        (TODAY,), (TOMORROW,), (AFTER,)
    ]  # fmt: skip


def test_what_an_older_version_published_is_carried_on_as_far_as_it_goes(tmp_path: Path) -> None:
    exports = patients(tmp_path)
    exports.write("patients_20260601.csv", GOOD)
    night(exports, TODAY, [override(1, TODAY)])
    with duckdb.connect(str(exports.root / "published.duckdb")) as con:
        con.execute("drop table meta.nights").fetchall()
        con.execute("drop table meta.rule_history").fetchall()
        con.execute("alter table ledger.overrides drop column known_on").fetchall()
        con.execute("alter table ledger.overrides drop column withdrawal_known_on").fetchall()
    night(exports, TOMORROW, [override(1, TODAY)])
    assert said(exports, "select id, known_on from ledger.overrides") == [(1, TODAY)]
    assert said(exports, "select as_of from meta.nights") == [(TOMORROW,)]


@pytest.mark.parametrize(
    ("changes", "is_same"),
    [
        ({"name": "別の名前"}, True),
        ({"calendar": {"closed_weekdays": ["mon"]}}, True),
        ({"departments": {"内科": "09"}}, False),
        ({"default_department": "内科"}, False),
        ({"limits": {"min_confirm_months": 3}}, False),
    ],
)
def test_the_version_of_a_clinics_settings_is_of_what_tags_are_made_of(
    tmp_path: Path, changes: dict[str, object], *, is_same: bool
) -> None:
    exports = patients(tmp_path)
    before = settings_version(exports.clinic())
    exports.more.update(changes)
    assert (settings_version(exports.clinic()) == before) is is_same
