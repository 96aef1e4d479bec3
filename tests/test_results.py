"""Acceptance D13 and what the marts say of single messages, as the clinic reads it."""

import csv
from datetime import date, datetime, time, timedelta
from io import StringIO
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from results_tables import CAMPAIGN, Laid, numbers
from rich.console import Console

from dagster_project.insight.export_results import export_results
from dagster_project.insight.render_results import cells, render_results, results_markdown
from dagster_project.insight.results import Result, campaign_results, pooled, tag_results
from dagster_project.insight.shares import Hidden

SENT = date(2026, 5, 1)
OVER = date(2026, 6, 1)  # the first night on which thirty days are over
TOLD = numbers(1, 1200)
LEFT_OUT = numbers(2001, 2133)


def a_day(days: int) -> date:
    return SENT + timedelta(days=days)


@pytest.fixture(scope="module")
def d13(parsed: Path) -> Laid:
    """Return a warehouse with D13's numbers, and a tag that fourteen people have."""
    laid = Laid(parsed)
    laid.lay("campaigns", CAMPAIGN, {**CAMPAIGN, "campaign": "small", "tags": ",few,"})
    laid.send(SENT, TOLD)
    laid.leave_out(SENT, LEFT_OUT)
    laid.come(a_day(1), numbers(1, 70))
    laid.come(a_day(30), [*numbers(71, 132), *LEFT_OUT[:8]])
    laid.come(a_day(31), [*numbers(133, 200), *LEFT_OUT[8:30]])
    laid.come(SENT, numbers(201, 300))
    few = numbers(3001, 3014)
    laid.send(SENT, few, campaign="small", occurrence_id="small", batch_id="few")
    laid.come(a_day(2), few[:2])
    for tag, people in (("t", [*TOLD, *LEFT_OUT]), ("few", few)):
        spell = {"tag": tag, "held_from": date(2026, 1, 1)}
        laid.lay("tag_history", *({**spell, "patient_id": each} for each in people))
        laid.lay("tag_catalog", {"tag": tag, "label_ja": f"タグ {tag}"})
    unit = {"sent_on": SENT, "read_on": OVER, "is_frozen": True}
    laid.lay(
        "ledger.unit_statistics",
        {**unit, "batch_id": f"b-{SENT}", "recipients": 1200, "impressions": 804, "clicks": 168},
    )
    laid.lay("ledger.unit_statistics", {**unit, "batch_id": "few", "recipients": 14})
    blocked_at = datetime.combine(a_day(3), time(10))
    laid.lay("ledger.blocks", *({"line_user_id": f"U{n}", "blocked_at": blocked_at}
                                for n in range(1, 7)))  # fmt: skip
    laid.night(OVER)
    return laid


def of_all(results: list[Result], name: str) -> Result:
    (found,) = [each for each in pooled(results) if each.name == name]
    return found


def test_d13_the_numbers_of_a_campaign(d13: Laid) -> None:
    result = of_all(campaign_results(d13.con), "c")
    assert cells(result) == [
        ["1,200 人"],
        ["開封 67.0 %", "クリック 14.0 %", "ブロック 0.5 %"],
        ["来院 11.0 %", "送らなかった人 6.0 %"],
        ["+5.0 ポイント (+0.6〜+9.4)", "来院 約 +60", "1来院 約 60 円以下"],
    ]
    assert (result.planned, result.messages, result.cost_yen) == (1200, 1200, 3600)


def test_d13_the_numbers_of_a_tag_are_those_of_the_messages_that_stand_on_it(d13: Laid) -> None:
    campaign, tag = (
        of_all(read(d13.con), name) for read, name in ((campaign_results, "c"), (tag_results, "t"))
    )
    assert cells(tag) == cells(campaign)


def test_d13_what_line_does_not_tell_is_never_zero_and_visits_are_still_shown(d13: Laid) -> None:
    few = of_all(tag_results(d13.con), "few")
    assert cells(few) == [
        ["14 人"],
        ["開封 非公開(<20)", "クリック 非公開(<20)", "ブロック 0 %"],
        ["来院 14 %", "送らなかった人 なし"],
        ["まだ言えない"],
    ]


def test_a_month_has_a_row_of_its_own_and_a_wording_where_there_are_two(d13: Laid) -> None:
    found = [
        (each.variant, each.month, each.sent)
        for each in campaign_results(d13.con)
        if each.name == "c"
    ]
    assert found == [(None, None, 1200), (None, SENT, 1200)]


def test_the_files_say_what_the_pages_say_and_no_more(d13: Laid, tmp_path: Path) -> None:
    results = pooled(tag_results(d13.con))
    with export_results(tmp_path, "tags", "csv", results).open(encoding="utf-8-sig") as file:
        by_name = {row["name"]: row for row in csv.DictReader(file)}
    few, all_of_them = by_name["few"], by_name["t"]
    assert (few["opened_percent"], few["opened_hidden"]) == ("", "非公開(<20)")
    assert (all_of_them["opened_percent"], all_of_them["opened_hidden"]) == ("67.0", "")
    assert [all_of_them[f"uplift_{each}"] for each in ("points", "low", "high")] == [
        "5.0", "0.6", "9.4",
    ]  # fmt: skip
    parquet = pq.read_table(export_results(tmp_path, "tags", "parquet", results)).to_pylist()
    assert {row["name"]: row["visited_percent"] for row in parquet} == {"few": 14.0, "t": 11.0}
    assert {row["name"]: row["yen_per_visit"] for row in parquet} == {"few": None, "t": 60}


def test_the_terminal_and_dagster_show_the_same(d13: Laid) -> None:
    said = StringIO()
    results = pooled(campaign_results(d13.con))
    render_results(Console(file=said, width=160), "配信の結果", "配信", results)
    shown = results_markdown("配信", results)
    for text in ("67.0 %", "非公開(<20)", "+5.0 ポイント (+0.6〜+9.4)", "60 円以下"):
        assert text in said.getvalue()
        assert text in shown


@pytest.fixture
def laid(parsed: Path) -> Laid:
    """Return an empty warehouse with one campaign."""
    laid = Laid(parsed)
    laid.lay("campaigns", CAMPAIGN)
    return laid


@pytest.mark.parametrize(("people", "visited"), [(9, Hidden.TOO_FEW), (10, "20 %")])
def test_a_group_that_is_too_small_shows_no_share(
    laid: Laid, people: int, visited: Hidden | str
) -> None:
    laid.send(SENT, numbers(1, people))
    laid.come(a_day(3), ["1", "2"])
    laid.night(OVER)
    result = of_all(campaign_results(laid.con), "c")
    assert str(result.visited) == str(visited)
    assert (result.credited is None) == (people < 10)


def test_too_few_left_out_hide_the_difference_too(laid: Laid) -> None:
    """It would tell how many of nine came."""
    laid.send(SENT, TOLD)
    laid.leave_out(SENT, LEFT_OUT[:9])
    laid.come(a_day(3), [*TOLD[:600], *LEFT_OUT[:5]])
    laid.night(OVER)
    result = of_all(campaign_results(laid.con), "c")
    assert (result.holdout, result.uplift) == (Hidden.TOO_FEW, None)


def test_what_is_not_over_is_counted_apart(laid: Laid) -> None:
    laid.send(SENT, numbers(1, 20))
    laid.send(a_day(1), numbers(21, 50))
    laid.come(a_day(2), [*numbers(1, 5), *numbers(21, 40)])
    laid.night(OVER)
    result = of_all(campaign_results(laid.con), "c")
    assert (result.sent, result.pending, str(result.visited)) == (50, 30, "25 %")
    laid.night(OVER + timedelta(days=1))
    result = of_all(campaign_results(laid.con), "c")
    assert (result.pending, str(result.visited)) == (0, "50 %")


def test_a_late_arrival_changes_the_night_that_learned_of_it(laid: Laid) -> None:
    """It came on the second day, and is in the export of the fifth."""
    laid.send(SENT, ["1", "2", *numbers(11, 18)])
    laid.night(a_day(3))
    laid.hand_on("message_outcomes")
    known = {"feed": "visits", "file_id": "f", "exported_on": a_day(3), "known_on": a_day(4)}
    laid.lay("meta.source_files", known)
    laid.come(a_day(4), ["2"])
    seen = (
        "select patient_id, visited_on, visit_known_on, is_late_arrival from message_outcomes"
        " where patient_id in ('1', '2')"
    )
    laid.night(a_day(5))
    assert sorted(laid.rows(seen)) == [
        ("1", None, None, False), ("2", a_day(4), a_day(5), False),
    ]  # fmt: skip
    laid.hand_on("message_outcomes")
    laid.come(a_day(2), ["1"])
    for night in (a_day(6), a_day(7)):
        laid.night(night)
        assert sorted(laid.rows(seen)) == [
            ("1", a_day(2), a_day(6), True), ("2", a_day(4), a_day(5), False),
        ]  # fmt: skip
        laid.hand_on("message_outcomes")
    (result,) = pooled(campaign_results(laid.con))
    assert result.late_arrivals == 1


def test_a_planted_block_is_of_the_message_that_caused_it(laid: Laid) -> None:
    """Two campaigns a day apart; whoever blocks does so after the second, or days later."""
    laid.lay("campaigns", {**CAMPAIGN, "campaign": "d"})
    laid.send(SENT, numbers(1, 40))
    laid.send(a_day(1), numbers(1, 40), campaign="d")
    second = datetime.combine(a_day(1), time(10))
    before, after = second - timedelta(hours=1), second + timedelta(hours=72)
    for n in range(1, 11):
        at = before if n <= 2 else after + timedelta(minutes=n == 10)
        laid.lay("ledger.blocks", {"line_user_id": f"U{n}", "blocked_at": at})
    laid.night(OVER)
    found = {each.name: str(each.blocked) for each in pooled(campaign_results(laid.con))}
    # The tenth blocked a minute after the third day.
    assert found == {"c": "5 %", "d": "18 %"}


def test_a_person_in_two_campaigns_is_in_both_windows_and_credited_once(laid: Laid) -> None:
    laid.lay("campaigns", {**CAMPAIGN, "campaign": "d"})
    laid.send(SENT, numbers(1, 20))
    laid.send(a_day(5), numbers(1, 20), campaign="d")
    laid.come(a_day(3), numbers(1, 4))
    laid.come(a_day(8), numbers(5, 10))
    laid.night(a_day(40))
    found = {each.name: (str(each.visited), each.credited)
             for each in pooled(campaign_results(laid.con))}  # fmt: skip
    assert found == {"c": ("50 %", 4), "d": ("30 %", 6)}


def test_months_without_one_of_the_arms_are_not_compared(laid: Laid) -> None:
    """In July everybody came, and nobody had been left out yet."""
    july, august = date(2026, 7, 1), date(2026, 8, 3)
    laid.send(july, numbers(1, 200))
    laid.come(july + timedelta(days=1), numbers(1, 200))
    laid.send(august, numbers(1001, 1200))
    laid.leave_out(august, numbers(2001, 2200))
    laid.leave_out(date(2026, 6, 1), numbers(3001, 3200))
    laid.come(august + timedelta(days=1), [*numbers(1001, 1030), *numbers(2001, 2020)])
    laid.night(date(2026, 10, 1))
    result = of_all(campaign_results(laid.con), "c")
    assert str(result.holdout) == "10.0 %"
    assert result.uplift is not None
    assert round(result.uplift.points, 1) == 5.0
