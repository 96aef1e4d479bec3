"""`tagline results` and `tagline plan-holdout`, on a published file."""

from collections.abc import Callable
from datetime import date, timedelta
from io import StringIO
from pathlib import Path

import pytest
from report_tables import installed
from results_tables import CAMPAIGN, Laid, numbers
from rich.console import Console

from dagster_project.exit_codes import OK, STALE
from dagster_project.insight.holdout_command import run_plan_holdout
from dagster_project.insight.holdout_plan import holdout_plans
from dagster_project.insight.results_command import run_results
from dagster_project.insight.uplift import detectable
from dagster_project.settings import Settings

SENT = date(2026, 5, 1)
OVER = date(2026, 6, 1)


@pytest.fixture
def laid(parsed: Path) -> Laid:
    """Return two campaigns, of which one has sent in two months and the other not yet."""
    laid = Laid(parsed)
    laid.lay("campaigns", CAMPAIGN, {**CAMPAIGN, "campaign": "new", "label_ja": "新しいご案内",
                                     "priority": 2})  # fmt: skip
    april = date(2026, 4, 1)
    laid.send(april, numbers(1, 900))
    laid.leave_out(april, numbers(5001, 5100))
    laid.send(SENT, numbers(1, 500))
    laid.send(SENT, numbers(1, 300), step=2, occurrence_id="second", batch_id="second")
    laid.come(april + timedelta(days=1), [*numbers(1, 200), *numbers(5001, 5010)])
    laid.lay("delivery_decisions", *(
        {"campaign": "new", "patient_id": str(n), "reason": "send" if n <= 40 else "no_link"}
        for n in range(1, 91)
    ))  # fmt: skip
    laid.night(OVER)
    return laid


@pytest.fixture
def settings(laid: Laid, tmp_path: Path) -> Settings:
    """Return an installation of two clinics, of which one has published that night."""
    return installed(laid, tmp_path, OVER)


def said(run: Callable[[Console], int]) -> tuple[int, str]:
    text = StringIO()
    return run(Console(file=text, width=140)), text.getvalue()


def test_results_of_all_campaigns_and_of_one(settings: Settings, tmp_path: Path) -> None:
    code, text = said(lambda console: run_results(settings, ["here"], None, {}, console))
    assert code == OK
    assert "ご案内 2 回目" in text
    assert "受診のご案内" in text, "all campaigns of a purpose"
    assert "2026-04" not in text
    folders = {"csv": tmp_path / "files", "parquet": tmp_path / "files"}
    code, text = said(lambda console: run_results(settings, ["here"], "c", folders, console))
    assert code == OK
    assert "ご案内 2026-04" in text
    assert "文面" not in text, "there is only one"
    written = sorted(path.name for path in (tmp_path / "files" / "here").iterdir())
    assert written == ["campaign_results.csv", "campaign_results.parquet"]
    code, text = said(lambda console: run_results(settings, ["here"], "nobody's", {}, console))
    assert "まだ結果がありません" in text


def test_a_clinic_without_a_night_says_so(settings: Settings) -> None:
    for run in (
        lambda console: run_results(settings, [], None, {}, console),
        lambda console: run_plan_holdout(settings, [], console),
    ):
        code, text = said(run)
        assert code == STALE
        assert "there: まだ公開された夜がありません" in text


def test_a_plan_counts_on_what_was_and_assumes_the_rest(laid: Laid) -> None:
    sent, new = holdout_plans(laid.con)
    # A thousand in April, five hundred in May; the second step is of the same people.
    assert (sent.people_a_month, sent.is_measured) == (750, True)
    assert (sent.base, sent.is_base_measured) == (0.1, True)
    assert sent.points[0.1, 6] == detectable(4500, 0.1, 0.1)
    assert (new.people_a_month, new.is_measured) == (40, False)
    assert (new.base, new.is_base_measured) == (0.05, False)
    assert new.points[0.1, 1] is None
    assert new.points[0.2, 24] is not None


@pytest.mark.parametrize(("left_out", "is_measured"), [(9, False), (10, True)])
def test_a_plan_tells_no_more_of_a_few_who_were_left_out_than_the_results(
    parsed: Path, left_out: int, is_measured: bool
) -> None:
    laid = Laid(parsed)
    laid.lay("campaigns", CAMPAIGN)
    laid.send(SENT, numbers(1, 100))
    held = numbers(5001, 5000 + left_out)
    laid.leave_out(SENT, held)
    laid.come(SENT + timedelta(days=1), held[:5])
    laid.night(OVER)
    (plan,) = holdout_plans(laid.con)
    assert (plan.base, plan.is_base_measured) == ((0.5, True) if is_measured else (0.05, False))


def test_a_plan_as_it_is_read(settings: Settings) -> None:
    _, text = said(lambda console: run_plan_holdout(settings, ["here"], console))
    (row,) = [line.split() for line in text.splitlines() if "750" in line]
    shown = [f"{detectable(4500, share, 0.1):.1f}" for share in (0.1, 0.2)]
    assert " / ".join(shown) in " ".join(row)
    assert "5% (仮定)" in text
