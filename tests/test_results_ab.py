"""Two texts of one campaign, side by side: how much more text b was opened, clicked and came of."""

import csv
from datetime import date, timedelta
from io import StringIO
from pathlib import Path

import pytest
from report_tables import installed
from results_tables import CAMPAIGN, Laid, numbers
from rich.console import Console

from dagster_project.clinic import clinic_in
from dagster_project.insight.export_results import export_results
from dagster_project.insight.render_results import cells
from dagster_project.insight.report_page import write_report
from dagster_project.insight.results import Result, campaign_results, wordings
from dagster_project.insight.results_command import run_results
from dagster_project.insight.uplift import Arm, uplift
from dagster_project.insight.wordings import AgainstA

APRIL, MAY = date(2026, 4, 1), date(2026, 5, 1)
OVER = date(2026, 6, 1)
A, B = numbers(1, 400), numbers(1001, 1400)


@pytest.fixture
def laid(parsed: Path) -> Laid:
    """Return a campaign that went out in text a alone in April, when all came, and in May in both.

    LINE says of May that 200 of 400 opened text a, 240 of 400 text b, and nothing of clicks.
    """
    laid = Laid(parsed)
    laid.lay("campaigns", CAMPAIGN)
    before = numbers(5001, 5300)
    laid.send(APRIL, before)
    laid.come(APRIL + timedelta(days=1), before)
    for variant, told in (("a", A), ("b", B)):
        laid.send(MAY, told, variant=variant, batch_id=variant)
    laid.come(MAY + timedelta(days=3), [*A[:40], *B[:72]])
    unit = {"sent_on": MAY, "read_on": OVER, "is_frozen": True, "recipients": 400}
    for variant, impressions in (("a", 200), ("b", 240)):
        row = {**unit, "batch_id": variant, "impressions": impressions}
        laid.lay("ledger.unit_statistics", row)
    return laid


def of_b(laid: Laid) -> Result:
    laid.night(OVER)
    (found,) = [each for each in wordings(campaign_results(laid.con)) if each.variant == "b"]
    return found


def test_b_is_compared_with_a_in_the_months_in_which_both_went_out(laid: Laid) -> None:
    """In April everybody came, and heard text a: that is not what b is measured by."""
    assert of_b(laid).against_a == AgainstA(
        opened=uplift(Arm(400, 240), Arm(400, 200)),
        clicked=None,
        visited=uplift(Arm(400, 72), Arm(400, 40)),
    )
    assert cells(of_b(laid)) == [
        ["400 人"],
        ["開封 60.0 %", "クリック 非公開(<20)", "ブロック 0.0 %"],
        ["来院 18.0 %"],
        [
            "aとの差 開封 +10.0 ポイント (+3.1〜+16.9)",
            "aとの差 クリック まだ言えない",
            "aとの差 来院 +8.0 ポイント (+3.2〜+12.8)",
        ],
    ]


def test_where_b_did_worse_the_difference_is_below_zero(laid: Laid) -> None:
    laid.come(MAY + timedelta(days=5), A[40:120])
    found = of_b(laid).against_a
    assert found is not None
    assert found.visited == uplift(Arm(400, 72), Arm(400, 120))
    assert found.visited is not None
    assert found.visited.is_told
    assert found.visited.high < 0


@pytest.mark.parametrize(("came_of_b", "is_told"), [(4, False), (5, True)])
def test_of_fewer_than_five_no_difference_is_claimed(
    parsed: Path, came_of_b: int, is_told: bool
) -> None:
    laid = Laid(parsed)
    laid.lay("campaigns", CAMPAIGN)
    for variant, told in (("a", A), ("b", B)):
        laid.send(MAY, told, variant=variant, batch_id=variant)
    laid.come(MAY + timedelta(days=3), [*A[:40], *B[:came_of_b]])
    found = of_b(laid).against_a
    assert found is not None
    assert (found.visited is not None) == is_told


@pytest.mark.parametrize(("others", "is_told"), [(9, False), (10, True)])
def test_no_difference_by_which_a_small_group_could_be_reckoned(
    parsed: Path, others: int, is_told: bool
) -> None:
    """All of text a less those of May is who heard it in April."""
    laid = Laid(parsed)
    laid.lay("campaigns", CAMPAIGN)
    before = numbers(5001, 5000 + others)
    laid.send(APRIL, before)
    laid.come(APRIL + timedelta(days=1), before[:3])
    for variant, told in (("a", A), ("b", B)):
        laid.send(MAY, told, variant=variant, batch_id=variant)
    laid.come(MAY + timedelta(days=3), [*A[:40], *B[:72]])
    found = of_b(laid).against_a
    assert found is not None
    assert (found.visited is not None) == is_told


def test_a_campaign_with_one_text_compares_nothing(parsed: Path) -> None:
    laid = Laid(parsed)
    laid.lay("campaigns", CAMPAIGN)
    laid.send(MAY, A)
    laid.night(OVER)
    assert not wordings(campaign_results(laid.con))


def test_terminal_files_and_page_say_it(laid: Laid, tmp_path: Path) -> None:
    laid.night(OVER)
    results = campaign_results(laid.con)
    with export_results(tmp_path, "c", "csv", results).open(encoding="utf-8-sig") as file:
        by_row = {(row["variant"], row["month"]): row for row in csv.DictReader(file)}
    b, a = by_row["b", ""], by_row["a", ""]
    bounds = ("points", "low", "high")
    assert [b[f"visited_against_a_{each}"] for each in bounds] == ["8.0", "3.2", "12.8"]
    assert [b[f"clicked_against_a_{each}"] for each in bounds] == ["", "", ""]
    assert [a[f"visited_against_a_{each}"] for each in bounds] == ["", "", ""]
    assert b["holdout_hidden"] == "全体のみ"
    settings = installed(laid, tmp_path, OVER)
    said = StringIO()
    console = Console(file=said, width=140)
    for campaign in (None, "c"):
        run_results(settings, ["here"], campaign, {}, console)
    assert said.getvalue().count("aとの差 来院 +8.0 ポイント (+3.2〜+12.8)") == 2
    assert "文面の比較" in said.getvalue()
    written = write_report(settings, clinic_in(settings.exports_dir, "here"), MAY)
    assert written is not None
    page = written[0].read_text(encoding="utf-8")
    assert "aとの差 来院 +8.0 ポイント (+3.2〜+12.8)" in page
    assert "文面の比較" in page
