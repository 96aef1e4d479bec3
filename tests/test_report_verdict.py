"""Whether the messages brought people, in a sentence: told, or why not."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from report_tables import SENT, TONIGHT, eight_months
from results_tables import CAMPAIGN, Laid, numbers

from dagster_project.insight.report_verdict import Mark, Verdict, verdicts
from dagster_project.insight.results import campaign_results
from dagster_project.insight.uplift import detectable

TOLD, LEFT_OUT = numbers(1, 1000), numbers(2001, 2400)


@pytest.fixture
def laid(parsed: Path) -> Laid:
    laid = Laid(parsed)
    laid.lay("campaigns", CAMPAIGN)
    laid.send(SENT, TOLD)
    return laid


def verdict_of(laid: Laid) -> Verdict:
    laid.night(TONIGHT)
    (found,) = verdicts(campaign_results(laid.con))
    return found


def come(laid: Laid, told: int, left_out: int) -> None:
    laid.come(SENT + timedelta(days=3), [*TOLD[:told], *LEFT_OUT[:left_out]])


@pytest.mark.parametrize(
    ("told", "mark", "said"),
    [
        (150, Mark.MORE, "配信で増えた来院は約 50 件、1件あたり 60 円以下"),
        (50, Mark.FEWER, "配信のない場合より来院が約 50 件少ない"),
        (120, Mark.OPEN, "0 をまたぐので偶然かもしれない"),
    ],
)
def test_more_fewer_or_perhaps_chance(laid: Laid, told: int, mark: Mark, said: str) -> None:
    laid.leave_out(SENT, LEFT_OUT)
    come(laid, told, 40)
    found = verdict_of(laid)
    assert found.mark is mark
    assert said in found.ja


def test_what_may_be_chance_says_how_large_a_difference_would_be_seen(laid: Laid) -> None:
    laid.leave_out(SENT, LEFT_OUT)
    come(laid, 120, 40)
    points = detectable(1400, 400 / 1400, 0.1)
    assert points is not None
    assert (
        f"80% の見込みで見分けられるのは、約 {points:.1f} ポイントからの差" in verdict_of(laid).ja
    )


def test_a_told_one_says_both_shares_in_both_languages(laid: Laid) -> None:
    laid.leave_out(SENT, LEFT_OUT)
    come(laid, 150, 40)
    found = verdict_of(laid)
    assert found.ja.startswith(
        "送った人の 15.0 %、送らなかった人の 10.0 % が来院。差は +5.0 ポイント"
    )
    assert found.en.startswith("15.0 % of those told came, 10.0 % of those left out")


def test_nobody_to_compare_with_is_said(laid: Laid) -> None:
    come(laid, 150, 0)
    assert verdict_of(laid).ja == "送らずに比べる人がいない。"


def test_open_windows_are_said(parsed: Path) -> None:
    laid = Laid(parsed)
    laid.lay("campaigns", CAMPAIGN)
    laid.send(TONIGHT - timedelta(days=30), TOLD)
    laid.leave_out(TONIGHT - timedelta(days=30), LEFT_OUT)
    assert verdict_of(laid).ja == "来院を数える期間がまだ終わっていない。"
    laid.night(TONIGHT + timedelta(days=1))
    (found,) = verdicts(campaign_results(laid.con))
    assert found.ja == "来院した人がまだ少なく、差の幅を出せない。"


@pytest.mark.parametrize(("people", "is_said"), [(9, True), (10, False)])
def test_too_few_left_out_are_said(laid: Laid, people: int, is_said: bool) -> None:
    laid.leave_out(SENT, LEFT_OUT[:people])
    come(laid, 150, 5)
    assert (verdict_of(laid).ja == "人数が少なく比べられない。") == is_said


def test_of_a_scenario_only_the_first_step_is_judged_and_the_told_come_first(parsed: Path) -> None:
    laid = Laid(parsed)
    eight_months(laid)
    laid.night(TONIGHT)
    results = campaign_results(laid.con)
    assert {each.step for each in results if each.name == "followup"} == {1, 2}
    found = verdicts(results)
    assert [each.label_ja for each in found] == [
        "生活習慣病の定期検診", "健診後フォロー", "受診間隔が空いた方へのご案内",
        "女性健診のご案内", "予防接種のお知らせ",
    ]  # fmt: skip
    assert [each.mark for each in found] == [Mark.MORE, *[Mark.OPEN] * 4]
    later = [replace(each, step=each.step + 1 if each.step else None) for each in results]
    assert len(verdicts(later)) == len(found)
