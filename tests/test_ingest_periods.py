"""Which dump replaces which: the newest of all, or where a file holds a month, of that month."""

from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest
from clinic_builder import COLUMNS, clinic_yaml, user, write_clinic
from ingest_builder import PATIENTS, TODAY, Exports
from nights import derive, up_to

from dagster_project.clinic import load_clinic
from dagster_project.ingest import ingest_clinic
from dagster_project.ingest.current import Row, current_files
from dagster_project.ingest.landing import Landing
from dagster_project.ingest.reachability import reachable

HEADER = "patient_no,visited_on,department,status\n"
MONTHLY: dict[str, Any] = {
    "files": "visits_{month}.csv",
    "format": "csv",
    "mode": "full",
    "encoding": "utf-8",
    "records": [{"dataset": "visits", "columns": {c: c for c in COLUMNS["visits"]}}],
}
LINKS: dict[str, Any] = {
    "files": "links_{date}.csv",
    "format": "csv",
    "mode": "full",
    "encoding": "utf-8",
    "records": [{"dataset": "line_links", "columns": {c: c for c in COLUMNS["line_links"]}}],
}


def visits(*days: str) -> str:
    return HEADER + "".join(f"1,{day},内科,completed\n" for day in days)


def links(*consents: tuple[int, str]) -> str:
    """Return a link list: each patient with what was agreed to."""
    rows = [f"{user(n)},{n},self,2026-01-05,following,{said},2026-01-05,v1" for n, said in consents]
    return "\n".join([",".join(COLUMNS["line_links"]), *rows])


@pytest.fixture
def monthly(tmp_path: Path) -> Exports:
    return Exports(tmp_path, {"visits": MONTHLY})


def current(exports: Exports, as_of: date = TODAY) -> list[tuple[str, int]]:
    return [(row["name"], row["rows"]) for row in current_files(exports.registry(), as_of)]


def test_each_month_has_its_dump_and_a_new_one_replaces_that_month_alone(monthly: Exports) -> None:
    monthly.write("visits_202604.csv", visits("2026-04-01", "2026-04-02"))
    monthly.write("visits_202605.csv", visits("2026-05-01"))
    monthly.land()
    assert [row["period"] for row in monthly.registry()] == ["202604", "202605"]
    assert current(monthly) == [("visits_202604.csv", 2), ("visits_202605.csv", 1)]
    # April corrected in June is still April: it comes before May and instead of the old April.
    monthly.write("visits_202604.csv", visits("2026-04-01", "2026-04-02", "2026-04-03"))
    tomorrow = TODAY + timedelta(days=1)
    monthly.land(tomorrow)
    assert current(monthly, tomorrow) == [("visits_202604.csv", 3), ("visits_202605.csv", 1)]
    assert current(monthly) == [("visits_202604.csv", 2), ("visits_202605.csv", 1)]


@pytest.mark.parametrize("changes", [{"files": "visits_{date}.csv"}, {"mode": "delta"}])
def test_only_a_full_dump_named_after_a_month_has_a_period(
    tmp_path: Path, changes: dict[str, str]
) -> None:
    exports = Exports(tmp_path, {"visits": {**MONTHLY, **changes}})
    exports.write("visits_20260401.csv", visits("2026-04-01"))
    exports.write("visits_202604.csv", visits("2026-04-01", "2026-04-02"))
    exports.land()
    assert [row["period"] for row in exports.registry()] == [""]


def test_a_list_of_patients_or_links_replaces_the_last_one_whatever_month_it_is_called_after(
    tmp_path: Path,
) -> None:
    lists = {**PATIENTS, "files": "patients_{month}.csv"}
    exports = Exports(tmp_path, {"patients": lists, "links": {**LINKS, "files": "l_{month}.csv"}})
    row = "1,,女,1970/3/2,"
    for month in ("202604", "202605"):
        exports.write(f"patients_{month}.csv", f"患者番号,氏名,性別,生年月日,メモ\n{row}\n")
        row += "\n2,,女,1970/3/2,"
    exports.write("l_202604.csv", links((1, "visit"), (2, "visit")))
    exports.write("l_202605.csv", links((1, "visit")))
    exports.land()
    assert current(exports) == [("l_202605.csv", 1), ("patients_202605.csv", 2)]
    # A link that was cut in May does not live on in April's list.
    assert reachable(exports.root / "landing", exports.clinic(), TODAY) == {(user(1), "1", "visit")}


@pytest.mark.parametrize(
    ("name", "first_seen", "day"),
    [
        ("visits_202604.csv", date(2026, 5, 2), date(2026, 4, 30)),
        ("visits_202602.csv", date(2026, 5, 2), date(2026, 2, 28)),
        ("visits_202605.csv", date(2026, 5, 31), date(2026, 5, 31)),
        ("visits_202605.csv", date(2026, 5, 20), date(2026, 5, 20)),
        ("visits_202606.csv", date(2026, 5, 20), date(2026, 5, 20)),
    ],
)
def test_a_month_stands_for_its_last_day_or_while_it_lasts_for_the_day_the_file_was_met(
    monthly: Exports, name: str, first_seen: date, day: date
) -> None:
    monthly.write(name, visits("2026-04-01"))
    monthly.land(first_seen)
    monthly.land(first_seen + timedelta(days=40))
    (row,) = monthly.registry()
    assert row["exported_on"] == day
    assert current(monthly, first_seen) == [(name, 1)]


def test_a_month_that_grows_from_night_to_night_is_read_every_night(monthly: Exports) -> None:
    for day in (2, 9, 30):
        written = [f"2026-06-{n:02}" for n in range(1, day)]
        monthly.write("visits_202606.csv", visits(*written))
        monthly.land(date(2026, 6, day))
        assert current(monthly, date(2026, 6, day)) == [("visits_202606.csv", day - 1)]
    # Asked again about an earlier night, that night's file is the answer.
    assert current(monthly, date(2026, 6, 9)) == [("visits_202606.csv", 8)]


def test_a_consent_withdrawn_in_a_second_export_of_the_day_is_withdrawn(tmp_path: Path) -> None:
    exports = Exports(tmp_path, {"links": LINKS})
    for said in ("visit", "", "visit", "survey"):
        exports.write("links_20260601.csv", links((1, said)))
        exports.land()
        found = reachable(tmp_path / "landing", exports.clinic(), TODAY) or set()
        assert {purpose for _, _, purpose in found} == {said} - {""}


def test_who_is_reachable_is_unknown_while_the_last_link_list_cannot_be_read(
    tmp_path: Path,
) -> None:
    exports = Exports(tmp_path, {"links": LINKS})
    exports.write("links_20260601.csv", links((1, "visit")))
    exports.land()
    exports.write("links_20260601.csv", links((1, "visit"), (2, "everything")))
    exports.land()
    assert reachable(tmp_path / "landing", exports.clinic(), TODAY) is None


def test_a_consent_dated_tomorrow_is_none_today(tmp_path: Path) -> None:
    exports = Exports(tmp_path, {"links": LINKS})
    said = links((1, "visit")).replace("visit,2026-01-05", "visit,2026-06-02")
    exports.write("links_20260601.csv", said)
    exports.land()
    assert reachable(tmp_path / "landing", exports.clinic(), TODAY) == set()
    tomorrow = TODAY + timedelta(days=1)
    assert reachable(tmp_path / "landing", exports.clinic(), tomorrow) != set()


def test_a_link_list_of_a_feed_that_was_renamed_counts_no_longer(tmp_path: Path) -> None:
    before = Exports(tmp_path, {"links": LINKS})
    before.write("links_20260601.csv", links((1, "visit"), (2, "visit")))
    before.land()
    after = Exports(tmp_path, {"friends": {**LINKS, "files": "friends_{date}.csv"}})
    after.write("friends_20260602.csv", links((1, "visit")))
    after.land(date(2026, 6, 2))
    found = reachable(tmp_path / "landing", after.clinic(), date(2026, 6, 2))
    assert found == {(user(1), "1", "visit")}


# --- The same through dbt -------------------------------------------------------------------


LAST = date(2026, 6, 2)
NIGHTS: list[tuple[date, dict[str, list[str]]]] = [
    (date(2026, 5, 20), {"202604": ["2026-04-01", "2026-04-02"], "202605": ["2026-05-10"]}),
    (date(2026, 6, 1), {"202604": ["2026-04-01"], "202605": ["2026-05-10", "2026-05-28"]}),
    (LAST, {"202606": ["2026-06-01"]}),
    (LAST, {"202606": ["2026-06-02"]}),  # a second export of one day
]


@pytest.fixture(scope="module")
def built(
    parsed: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[duckdb.DuckDBPyConnection, list[Row]]]:
    """Return a clinic with a dump of visits per month, built, and its registry."""
    root = tmp_path_factory.mktemp("periods")
    deltas = {"observations", "conditions"}
    feeds = {**dict(clinic_yaml("monthly", deltas)["feeds"]), "visits": MONTHLY}
    for night, (as_of, months) in enumerate(NIGHTS):
        bmi = {"patient_no": "1", "observed_on": "2026-05-01", "item": "bmi", "value": 20 + night}
        code = {"patient_no": "1", "code": "8833421", "started_on": "2026-05-01"}
        outcome = "cured" if night == 3 else "continued"
        rows = {
            "patients": [{"patient_no": "1"}],
            "conditions": [{**code, "outcome": outcome}],
            "observations": [bmi],
        }
        folder = write_clinic(root / "exports", "monthly", as_of, rows, feeds=feeds)
        for month, days in months.items():
            (folder / f"visits_{month}.csv").write_text(visits(*days), encoding="utf-8")
        clinic = load_clinic(folder / "clinic.yaml")
        ingest_clinic(clinic, folder, root / "data" / "landing", as_of)
    staging = up_to("stg_visits", "stg_conditions")
    with derive(folder, root / "data", LAST, parsed, staging) as con:
        yield con, Landing(root / "data" / "landing" / "monthly").sightings()


def test_dbt_counts_the_newest_dump_of_every_month(
    built: tuple[duckdb.DuckDBPyConnection, list[Row]],
) -> None:
    con, _ = built
    found = con.execute("select visited_on from stg_visits order by all").fetchall()
    days = ["2026-04-01", "2026-05-10", "2026-05-28", "2026-06-02"]
    assert [str(day) for (day,) in found] == days


def test_dbt_takes_the_last_export_of_a_day_for_its_last_word(
    built: tuple[duckdb.DuckDBPyConnection, list[Row]],
) -> None:
    con, _ = built
    assert con.execute("select outcome from stg_conditions").fetchall() == [("cured",)]


def test_dbt_and_the_gate_agree_on_which_files_count_and_in_which_order(
    built: tuple[duckdb.DuckDBPyConnection, list[Row]],
) -> None:
    con, sightings = built
    query = "select file_id from source_files where is_current order by precedence"
    (*said,) = (file_id for (file_id,) in con.execute(query).fetchall())
    last = {row["file_id"]: n for n, row in enumerate(current_files(sightings, LAST))}
    assert said == sorted(last, key=lambda file_id: last[file_id])
    assert len(said) > len(COLUMNS)
