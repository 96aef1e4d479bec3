"""All campaigns of a purpose together: a person once in a window, and bookings nobody told of."""

import csv
from datetime import date, timedelta
from io import StringIO
from pathlib import Path

import duckdb
import pytest
from clinic_builder import write_clinic
from nights import MONDAY, at, is_held_out
from report_tables import installed
from results_tables import CAMPAIGN, Laid, numbers
from rich.console import Console

from dagster_project.clinic import clinic_in, load_clinic
from dagster_project.insight.report_page import write_report
from dagster_project.insight.results import (
    Result,
    campaign_results,
    pooled,
    purpose_results,
    tag_results,
)
from dagster_project.insight.results_command import run_results
from dagster_project.insight.uplift import Arm, uplift
from dagster_project.prepare import Night, prepare
from dagster_project.publish import Build
from dagster_project.settings import Settings

SENT = date(2026, 4, 1)
OVER = date(2026, 7, 1)


def a_day(days: int) -> date:
    return SENT + timedelta(days=days)


@pytest.fixture
def laid(parsed: Path) -> Laid:
    """Return two campaigns of one purpose and one of another."""
    laid = Laid(parsed)
    others = {"campaign": "other", "purpose": "vaccine", "tags": ",u,"}
    laid.lay("campaigns", CAMPAIGN, {**CAMPAIGN, "campaign": "d"}, {**CAMPAIGN, **others})
    return laid


def of(laid: Laid, purpose: str) -> Result:
    (found,) = [each for each in purpose_results(laid.con) if each.name == purpose]
    return found


def send(laid: Laid, campaign: str, days: int, people: list[str]) -> None:
    occurrence = f"{campaign}-{days}"
    laid.send(a_day(days), people, campaign=campaign, occurrence_id=occurrence, batch_id=occurrence)


def leave_out(laid: Laid, campaign: str, days: int, people: list[str]) -> None:
    laid.leave_out(a_day(days), people, campaign=campaign, occurrence_id=f"{campaign}-{days}")


@pytest.mark.parametrize(("days", "people"), [(30, 40), (31, 80)])
def test_a_person_whom_two_campaigns_wrote_to_counts_once_in_a_window(
    laid: Laid, days: int, people: int
) -> None:
    """The second message comes on the last day of the first one's window, or a day later."""
    told = numbers(1, 40)
    send(laid, "c", 0, told)
    send(laid, "d", days, told)
    laid.come(a_day(10), told[:10])
    laid.night(OVER)
    found = of(laid, "visit")
    assert (found.sent, found.messages) == (people, 80)
    assert str(found.visited) == ("25 %" if people == 40 else "13 %")
    assert found.label_ja == "受診のご案内"


def test_another_purpose_counts_apart(laid: Laid) -> None:
    told = numbers(1, 40)
    send(laid, "c", 0, told)
    send(laid, "other", 1, told)
    laid.night(OVER)
    assert [(each.name, each.sent) for each in purpose_results(laid.con)] == [
        ("vaccine", 40), ("visit", 40),
    ]  # fmt: skip


def test_who_was_left_out_by_two_campaigns_counts_once_too(laid: Laid) -> None:
    """Of each campaign alone nothing could be told: four of its left out came."""
    told, left_out = numbers(1, 300), numbers(1001, 1060)
    for campaign, days, people, others in (
        ("c", 0, told[:200], left_out[:40]),
        ("d", 3, told[100:], left_out[20:]),
    ):
        send(laid, campaign, days, people)
        leave_out(laid, campaign, days, others)
    laid.come(a_day(10), [*told[:90], *told[-60:], *left_out[:3], *left_out[-4:]])
    laid.night(OVER)
    for each in pooled(campaign_results(laid.con)):
        assert each.uplift is None, each.name
    found = of(laid, "visit")
    assert found.uplift == uplift(Arm(300, 150), Arm(60, 7))
    assert found.uplift is not None
    assert found.uplift.is_told


def test_who_is_left_out_of_one_campaign_and_not_of_another_is_in_neither_arm(laid: Laid) -> None:
    laid.con.execute("update campaigns set holdout_below = '33333333' where campaign = 'c'")
    laid.con.execute("update campaigns set holdout_below = '80000000' where campaign = 'd'")
    people = numbers(1, 400)
    share = {each: sum(is_held_out("here", "visit", each, each_share) for each_share in (0.2, 0.5))
             for each in people}  # fmt: skip
    by_count = {count: [each for each in people if share[each] == count] for count in (0, 1, 2)}
    never, once, always = by_count[0], by_count[1], by_count[2]
    send(laid, "c", 0, [*never, *once])
    leave_out(laid, "c", 0, always)
    send(laid, "d", 1, never)
    leave_out(laid, "d", 1, [*once, *always])
    laid.come(a_day(5), [*never[::2], *once, *always[::5]])
    laid.night(OVER)
    assert of(laid, "visit").uplift == uplift(
        Arm(len(never), len(never[::2])), Arm(len(always), len(always[::5]))
    )


def test_terminal_page_and_files_show_it(laid: Laid, tmp_path: Path) -> None:
    told = numbers(1, 40)
    send(laid, "c", 0, told)
    send(laid, "d", 9, told)
    laid.come(a_day(10), told[:10])
    laid.night(OVER)
    settings = installed(laid, tmp_path, OVER)
    said = StringIO()
    run_results(settings, ["here"], None, {"csv": tmp_path}, Console(file=said, width=140))
    assert "目的の結果" in said.getvalue()
    with (tmp_path / "here/purpose_results.csv").open(encoding="utf-8-sig") as file:
        (row,) = csv.DictReader(file)
    assert (row["name"], row["sent"], row["messages"], row["visited_percent"]) == (
        "visit", "40", "80", "25.0",
    )  # fmt: skip
    part = page_of(settings)
    part = part[part.index("目的ごと") : part.index("タグごとの推移")]
    assert "受診のご案内" in part
    assert "25 %" in part
    assert (settings.data_dir / "pages/results-here/purpose_results.parquet").exists()


def page_of(settings: Settings) -> str:
    written = write_report(settings, clinic_in(settings.exports_dir, "here"), SENT)
    assert written is not None
    return written[0].read_text(encoding="utf-8")


# --- bookings -------------------------------------------------------------------------------


@pytest.mark.parametrize(("has_feed", "said"), [(True, "1"), (False, "不明")])
def test_bookings_are_unknown_without_a_feed_of_them_and_never_none(
    laid: Laid, tmp_path: Path, has_feed: bool, said: str
) -> None:
    laid.con.execute("update clinic.profile set has_appointments_feed = ?", [has_feed])
    told = numbers(1, 20)
    send(laid, "c", 0, told)
    laid.come(a_day(3), told[:4])
    laid.lay("stg_appointments", {"patient_id": "1", "scheduled_on": a_day(3), "status": "done"})
    laid.lay("tag_history", *({"tag": "t", "patient_id": each, "held_from": date(2026, 1, 1)}
                              for each in told))  # fmt: skip
    laid.night(OVER)
    for mart in (campaign_results, tag_results, purpose_results):
        for each in mart(laid.con):
            assert (each.booked, each.has_bookings) == (1 if has_feed else None, has_feed)
    for mart in ("campaign_results", "tag_results", "purpose_results"):
        ((booked,),) = laid.rows(f"select distinct booked from {mart}")
        assert booked == (1 if has_feed else None)
    row = page_of(installed(laid, tmp_path, OVER))
    row = row[row.index("うち予約") :]
    assert f'<td class="n">{said}</td>' in row[: row.index("</tr>")]


@pytest.mark.parametrize("has_feed", [True, False])
def test_the_night_knows_whether_the_clinic_exports_bookings(
    tmp_path: Path, has_feed: bool
) -> None:
    clinic = load_clinic(write_clinic(tmp_path, "here", MONDAY, {}) / "clinic.yaml")
    assert "appointments" in clinic.feeds
    if not has_feed:
        clinic.feeds.pop("appointments")
    path = tmp_path / "warehouse.duckdb"
    build = Build("here", "b", MONDAY, at(MONDAY, 2))
    prepare(path, Night(build, clinic, tmp_path / "landing", tmp_path / "none"))
    with duckdb.connect(str(path)) as con:
        found = con.execute("select has_appointments_feed from clinic.profile").fetchall()
    assert found == [(has_feed,)]
