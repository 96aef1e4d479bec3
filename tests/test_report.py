"""The page of a clinic's month: D13's figures as shown, what is masked, open, or not there yet."""

import re
from datetime import UTC, date, datetime
from io import StringIO
from pathlib import Path

import dagster as dg
import duckdb
import pytest
from click.testing import CliRunner
from clinic_builder import Row, write_clinic
from report_tables import SENT, TONIGHT, around, d13, installed
from results_tables import CAMPAIGN, Laid, numbers
from rich.console import Console

from dagster_project.assets.partitions import clinic_partitions
from dagster_project.assets.report import report_assets
from dagster_project.clinic import clinic_in, load_clinic
from dagster_project.definitions import definitions
from dagster_project.exit_codes import OK, STALE
from dagster_project.ingest import ingest_clinic
from dagster_project.insight.cli import report as report_word
from dagster_project.insight.report_command import run_report
from dagster_project.insight.report_figures import figures, tables
from dagster_project.insight.report_page import report_path, write_report
from dagster_project.insight.report_quality import read_quality
from dagster_project.insight.results import of_several
from dagster_project.insight.shares import Hidden, Share
from dagster_project.ledger.quota import note_quota
from dagster_project.ledger.store import open_ledger, writing
from dagster_project.line.replies import Quota
from dagster_project.settings import Settings

MAY, JUNE = SENT, date(2026, 6, 1)


@pytest.fixture(scope="module")
def sent(parsed: Path, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """Return an installation whose clinic has D13 behind it, and messages of this month."""
    laid = Laid(parsed)
    d13(laid)
    around(laid)
    laid.night(TONIGHT)
    settings = installed(laid, tmp_path_factory.mktemp("report"))
    with writing(open_ledger(settings.ledger()), "here") as con:
        for day, used in ((datetime(2026, 5, 31, 14, 59, tzinfo=UTC), 1214),
                          (datetime(2026, 5, 31, 15, 0, tzinfo=UTC), 40)):  # fmt: skip
            note_quota(con, "here", Quota(5000, used), day)
    return settings


def page_of(settings: Settings, month: date | None = None) -> str:
    written = write_report(settings, clinic_in(settings.exports_dir, "here"), month)
    assert written is not None
    return written[0].read_text(encoding="utf-8")


def article(page: str, campaign: str) -> str:
    """Return what the page says of one campaign."""
    (found,) = re.findall(
        rf"<article>\s*<h3>[^<]* <span[^>]*>{campaign}<.*?</article>", page, re.DOTALL
    )
    return str(found)


def rows(part: str) -> dict[str, list[str]]:
    """Return a table's figures by what they are of, in Japanese."""
    found = re.findall(r'<tr><th scope="row">(\S+) .*?</th>(.*?)</tr>', part, re.DOTALL)
    return {label: re.findall(r"<td[^>]*>(.*?)</td>", cells, re.DOTALL) for label, cells in found}


def drawn(part: str) -> str:
    """Return the words of a drawing."""
    return " ".join(re.findall(r"<text[^>]*>([^<]*)</text>", part))


def glance_of(page: str) -> tuple[list[str], list[str]]:
    """Return a month's figures, and those of the month before."""
    part = page[page.index("のまとめ") : page.index("配信ごと")]
    before = re.findall(r'<dd class="note">前月 (.*?) <span', part)
    return re.findall(r"<dd>(.*?)</dd>", part), before


def test_d13_the_numbers_of_a_campaign_and_its_interval_drawn(sent: Settings) -> None:
    page = page_of(sent, MAY)
    campaign = article(page, "c")
    said = rows(campaign)
    for label, figure in {
        "計画": "1,200 人", "送信": "1,200 人", "開封": "67.0 %", "クリック": "14.0 %",
        "ブロック": "0.5 %", "来院": "11.0 %", "送らなかった人の来院": "6.0 %",
        "費用": "3,600 円以下",
    }.items():  # fmt: skip
        assert said[label] == [figure, figure], label
    assert "+5.0 ポイント (+0.6〜+9.4)、来院 約 +60、1来院 約 60 円以下" in said["配信による差"]
    for label in ("開封 Opened 67.0 %", "来院 Visited 11.0 %", "送らなかった人 Holdout 6.0 %"):
        assert label in drawn(campaign)
    uplift = page[page.index("配信による来院の差と95 %区間") :]
    values = re.findall(r'<desc class="value">([^<]*)', uplift[: uplift.index("</figure>")])
    assert {"0.6: 1", "5: 1", "9.4: 1"} <= set(values)
    assert "生活習慣病の定期検診" in drawn(uplift[: uplift.index("</figure>")])
    assert "少人数へのご案内" not in drawn(uplift[: uplift.index("</figure>")])


def test_every_part_is_there_in_order_and_behind_each_drawing_a_table(sent: Settings) -> None:
    page = page_of(sent, MAY)
    named = ["配信で来院は増えたか", "2026年5月のまとめ", "配信ごと", "タグごとの推移",
             "見直すタグ", "患者さんの声", "データの状態", "通数"]  # fmt: skip
    found = [part.split(" <")[0] for part in re.findall(r"<h2>(.*?)</h2>", page)]
    assert [part for part in found if part in named] == named
    drawings = [part for part in page.split("<article>") if "<svg" in part]
    assert len(drawings) >= 6
    assert all("<details" in part and "<table" in part for part in drawings)


def test_what_line_does_not_tell_is_said_to_be_that_and_never_zero(sent: Settings) -> None:
    campaign = article(page_of(sent, MAY), "small")
    said = rows(campaign)
    assert said["開封"] == said["クリック"] == ["非公開(&lt;20)"] * 2
    assert said["来院"] == ["14 %"] * 2
    assert said["配信による差"] == ["まだ言えない"] * 2
    assert "開封 Opened 非公開(&lt;20)" in drawn(campaign)


def test_windows_that_are_open_are_pending(sent: Settings) -> None:
    said = rows(article(page_of(sent), "late"))
    assert said["送信"] == said["集計前"] == ["40 人"] * 2
    assert said["来院"] == ["集計前"] * 2


def test_the_month_is_tonights_or_the_one_asked_for(sent: Settings) -> None:
    may, june = page_of(sent, MAY), page_of(sent)
    assert "<title>配信の報告 2026年5月" in may
    assert "<title>配信の報告 2026年6月" in june
    said, before = glance_of(june)
    assert said == ["40 人", "集計前", "集計前", "集計前", "0 %", "40 人", "40 通", "40 人"]
    assert before == ["1,214 人", "67.0 %", "14.0 %", "134 人", "0.5 %", "1,214 通"]
    assert "2026年7月3日の夜に出そろいます" in june
    said, before = glance_of(may)
    assert said == [
        "1,214 人", "67.0 %", "14.0 %", "134 人", "0.5 %", "1,214 人", "1,214 通", "0 人",
    ]  # fmt: skip
    assert before == []
    assert "出そろいます" not in may
    assert "すべての月 (この月の送信なし)" in article(june, "c")
    for page, months in ((may, {"2026-05"}), (june, {"2026-05", "2026-06"})):
        over_time = page[page.index("タグごとの推移") : page.index("見直すタグ")]
        assert set(re.findall(r"<td>(2026-..)</td>", over_time)) == months
    march = page_of(sent, date(2026, 3, 1))
    assert "この月の配信はまだありません" in march
    assert "67.0 %" in march, "what came of all months is shown all the same"


def test_the_quota_is_that_of_the_month_in_japan(sent: Settings) -> None:
    for month, figures_of in ((MAY, ["1,214 通", "5,000 通", "3,786 通"]),
                              (JUNE, ["40 通", "5,000 通", "4,960 通", "0 通"]),
                              (date(2026, 4, 1), ["不明", "5,000 通", "不明"])):  # fmt: skip
        page = page_of(sent, month)
        part = page[page.rindex("<h2>通数") :]
        assert [
            " ".join(each.split()) for each in re.findall(r"<dd>(.*?)</dd>", part)
        ] == figures_of


def test_tags_review_voice_and_quality(sent: Settings) -> None:
    page = page_of(sent, MAY)
    over_time = page[page.index("タグごとの推移") : page.index("見直すタグ")]
    assert 'background:#0072b2"></span>高血圧' in over_time
    assert "帯状疱疹ワクチンの対象" in over_time
    assert "非公開(&lt;20)" in over_time
    assert "半年で 120 人に送り来院 0" in page
    assert "「高血圧」と 93.0 % 重なる" in page
    assert "土曜の診療 30 人" in page
    voice = page[page.index("患者さんの声") : page.index("データの状態")]
    assert "土曜 30" in drawn(voice)
    assert "平日の夕方" not in drawn(voice)
    assert "診療のアンケート: 来やすい曜日" in voice
    assert "配信「受診間隔が空いた方へのご案内」についての質問" in voice
    assert "少数のため非表示" in voice
    assert "25.0 %" in page, "59 of 236 judgements are unknown"


def test_a_tag_has_one_colour_in_both_drawings_whatever_is_hidden(
    parsed: Path, tmp_path: Path
) -> None:
    """Of the first no opening is shown; the second keeps its colour all the same."""
    laid = Laid(parsed)
    for tag, people in (("hidden", numbers(1, 100)), ("shown", numbers(101, 150))):
        laid.lay("campaigns", {**CAMPAIGN, "campaign": tag, "tags": f",{tag},"})
        laid.send(SENT, people, campaign=tag, occurrence_id=tag, batch_id=tag)
        laid.lay("tag_catalog", {"tag": tag, "label_ja": f"タグ {tag}"})
        spell = {"tag": tag, "held_from": date(2026, 1, 1)}
        laid.lay("tag_history", *({**spell, "patient_id": each} for each in people))
    read = {"sent_on": SENT, "read_on": TONIGHT, "is_frozen": True}
    laid.lay("ledger.unit_statistics",
             {**read, "batch_id": "hidden", "recipients": 100},
             {**read, "batch_id": "shown", "recipients": 50, "impressions": 30})  # fmt: skip
    laid.night(TONIGHT)
    page = page_of(installed(laid, tmp_path), MAY)
    over_time = page[page.index("タグごとの推移") : page.index("見直すタグ")]
    assert re.findall(r"background:(#\w+)\"></span>(.*?)</li>", over_time) == [
        ("#0072b2", "タグ hidden"), ("#b34700", "タグ shown"),
    ]  # fmt: skip
    for drawing, seen in (("開封の推移", {"1"}), ("来院の推移", {"0", "1"})):
        part = over_time[over_time.index(drawing) :]
        part = part[: part.index("</figure>")]
        assert "color-1 a:visited{stroke:#b34700;" in part
        dots = re.findall(r'color-(\d)"><g class="dots">', part)
        assert set(dots) == seen


def test_files_that_cannot_be_read_and_their_age(tmp_path: Path) -> None:
    monday, wednesday = date(2026, 6, 1), TONIGHT
    visits: list[Row] = [
        {"patient_no": "1", "visited_on": "2026-05-20"},
        {"patient_no": "2", "visited_on": "いつか"},
    ]
    limits = {"max_bad_rows": 1}
    folder = write_clinic(tmp_path, "here", monday, {"visits": visits}, limits=limits)
    (folder / "line_links_20260602.csv").write_bytes(b"\xff\xfe not a list")
    clinic = load_clinic(folder / "clinic.yaml")
    ingest_clinic(clinic, folder, tmp_path / "landing", wednesday)
    with duckdb.connect() as con:
        con.execute("create table tag_counts (tag text, unknown bigint, patients bigint)")
        con.execute("create table tag_catalog (tag text, label_ja text)")
        quality = read_quality(con, tmp_path / "landing", clinic, wednesday, 10)
    feeds = {each.name: (each.lag_days, each.quarantined, each.bad_rows) for each in quality.feeds}
    assert {each.name: each.label_ja for each in quality.feeds}["line_links"] == "LINE連携"
    assert feeds["visits"] == (2, 0, 1)
    assert feeds["line_links"] == (2, 1, 0)
    assert feeds["patients"] == (2, 0, 0)
    assert (quality.quarantined, quality.lag_days) == (1, 2)
    assert quality.unknown_of_all is Hidden.NOBODY


def test_what_waits_for_quota_is_said_of_this_month_alone(parsed: Path, tmp_path: Path) -> None:
    laid = Laid(parsed)
    laid.night(TONIGHT)
    waits = {"campaign": "c", "reason": "deferred_by_quota", "because_on": date(2026, 7, 1)}
    laid.lay("delivery_decisions", *(
        {**waits, "occurrence_id": "o", "line_user_id": f"U{n % 3}", "patient_id": str(n)}
        for n in range(4)
    ))  # fmt: skip
    settings = installed(laid, tmp_path)
    assert "3 通を 2026-07-01 以降に延ばしています" in page_of(settings)
    assert "延期" not in page_of(settings, MAY)


def test_both_languages_are_there_and_nothing_is_asked_of_the_network(sent: Settings) -> None:
    page = page_of(sent, MAY)
    said = {"配信で来院は増えたか": "Did the messages bring people?",
            "のまとめ": "The month at a glance", "配信ごと": "By campaign", "通数": "Quota",
            "開封": "Opened", "集計前": "Pending"}  # fmt: skip
    for japanese, english in said.items():
        assert japanese in page
        assert f'lang="en">{english}' in page
    for network in ("<script", "@import", "src=", "<link", "url(", "<!--"):
        assert network not in page
    assert not re.findall(r'href="(?!#)', page)
    assert page == page_of(sent, MAY), "the same numbers are the same bytes"


def test_what_files_and_warehouse_say_is_escaped(parsed: Path, tmp_path: Path) -> None:
    laid = Laid(parsed)
    laid.lay("campaigns", {**CAMPAIGN, "label_ja": "<b>案内</b>"})
    laid.send(SENT, numbers(1, 30))
    laid.night(TONIGHT)
    page = page_of(installed(laid, tmp_path), MAY)
    assert "<b>" not in page
    assert "&lt;b&gt;案内" in page


def test_a_clinic_that_has_sent_nothing_says_so(parsed: Path, tmp_path: Path) -> None:
    laid = Laid(parsed)
    laid.lay("campaigns", CAMPAIGN)
    laid.night(TONIGHT)
    settings = installed(laid, tmp_path)
    page = page_of(settings)
    for said in ("この月の配信はまだありません", "まだ結果がありません", "No results yet",
                 "見直すタグはありません", "まだ答えがありません"):  # fmt: skip
        assert said in page
    assert "<svg" not in page
    assert not (settings.data_dir / "pages" / "results-here").exists()


def test_the_command_writes_page_and_files_and_a_clinic_without_a_night_says_so(
    sent: Settings,
) -> None:
    text = StringIO()
    console = Console(file=text, width=200)
    assert run_report(sent, ["here"], MAY, console) == OK
    assert str(report_path(sent, "here", MAY)) in text.getvalue()
    files = sorted(path.name for path in (sent.data_dir / "pages" / "results-here").iterdir())
    assert files == [
        f"{name}.{kind}"
        for name in ("campaign_results", "purpose_results", "tag_results")
        for kind in ("csv", "parquet")
    ]
    assert run_report(sent, [], None, console) == STALE
    assert "there: まだ公開された夜がありません" in text.getvalue()


@pytest.mark.parametrize("month", ["2026-13", "2026", "May"])
def test_a_month_is_a_year_and_a_month(month: str) -> None:
    assert CliRunner().invoke(report_word, ["--month", month]).exit_code == 2


def test_dagster_gets_the_figures_that_are_shown_and_no_other(sent: Settings) -> None:
    written = write_report(sent, clinic_in(sent.exports_dir, "here"), MAY)
    assert written is not None
    found = figures(written[1])
    assert {what: number for what, number in found.items() if what.startswith("c ")} == {
        "c sent": 1200, "c pending": 0, "c opened %": 67.0, "c clicked %": 14.0, "c blocked %": 0.5,
        "c visited %": 11.0, "c holdout visited %": 6.0,
        "c uplift": 5.0, "c uplift low": 0.6, "c uplift high": 9.4,
    }  # fmt: skip
    assert "small opened %" not in found
    assert found["late pending"] == 40
    assert found["unknown %"] == 25.0
    assert found["month visits"] == 134
    assert (found["quota used"], found["quota left"]) == (1214, 3786)
    assert found["tags to review"] == 2
    assert {what: number for what, number in found.items() if what.startswith("tag ")} == {
        "tag t opened %": 67.0, "tag t visited %": 11.0, "tag few visited %": 14.0,
    }  # fmt: skip


def test_dagster_gets_the_tables_behind_them_without_what_is_too_small(sent: Settings) -> None:
    written = write_report(sent, clinic_in(sent.exports_dir, "here"), MAY)
    assert written is not None
    shown = tables(written[1])
    assert (
        "| 生活習慣病の定期検診 | 増えた: 送った人の 11.0 %、送らなかった人の 6.0 %"
        in shown["verdicts"]
    )
    assert "+5.0 ポイント (+0.6〜+9.4)" in shown["verdicts"]
    assert "| 帯状疱疹ワクチンの対象 | 14 人 | 非公開(<20) | 14 % |" in shown["tags"]
    assert "| 来やすい曜日 | 土曜 | 30 | 75.0 % |" in shown["voice"]
    assert "| 来やすい曜日 | 平日の夕方 | 少数のため非表示 |  |" in shown["voice"]


@pytest.mark.parametrize(("tonight", "is_written"), [(date(2026, 6, 7), True),
                                                    (date(2026, 6, 8), False)])  # fmt: skip
def test_an_earlier_month_is_written_again_until_a_week_after_its_last_window(
    parsed: Path, tmp_path: Path, tonight: date, is_written: bool
) -> None:
    """Its windows close after its last night; else its page would wait for them for ever."""
    laid = Laid(parsed)
    laid.lay("campaigns", CAMPAIGN)
    laid.send(SENT, numbers(1, 30))
    laid.send(date(2026, 6, 3), numbers(31, 60))
    laid.night(tonight)
    settings = installed(laid, tmp_path, tonight)
    (asset,) = report_assets(clinic_partitions(settings))
    dg.materialize([asset], partition_key="here", resources={"settings": settings})
    assert report_path(settings, "here", JUNE).exists()
    assert report_path(settings, "here", MAY).exists() == is_written


def test_the_nightly_writes_it_and_dagster_draws_numbers(sent: Settings) -> None:
    defs = definitions(sent)
    (asset,) = report_assets(clinic_partitions(sent))
    result = dg.materialize([asset], partition_key="here", resources={"settings": sent})
    (event,) = result.get_asset_materialization_events()
    metadata = event.step_materialization_data.materialization.metadata
    assert metadata["path"].value == str(report_path(sent, "here", JUNE))
    assert isinstance(metadata["verdicts"], dg.MarkdownMetadataValue)
    assert metadata["c uplift"] == dg.FloatMetadataValue(5.0)
    assert metadata["c sent"] == dg.IntMetadataValue(1200)
    nightly = defs.resolve_job_def("nightly")
    assert "results_report" in nightly.graph.node_dict


def test_several_groups_together_are_those_that_may_be_shown() -> None:
    shown = [Share(1, 10), Hidden.TOO_FEW, Share(3, 30)]
    assert of_several(shown) == Share(4, 40)
    assert of_several([Hidden.NOT_YET, Hidden.BY_LINE]) is Hidden.BY_LINE
    assert of_several([]) is Hidden.NOBODY
