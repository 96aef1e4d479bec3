"""The report as one page that needs no network and no script, the files beside it, and where."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import date
from pathlib import Path

from dagster_project.clinic import Clinic
from dagster_project.insight.export_results import export_results
from dagster_project.insight.render_results import booked, effect, interval, name_of
from dagster_project.insight.report import Report, read_report
from dagster_project.insight.report_charts import MONTHS, charts_of, most_told, shown_of
from dagster_project.insight.report_verdict import Mark, mark_of, verdicts
from dagster_project.insight.results import Result
from dagster_project.insight.shares import Hidden
from dagster_project.ledger.store import open_ledger
from dagster_project.pages import render_page
from dagster_project.settings import Settings

FIRST = 5  # tags of a finding that are shown unasked


def write_report(
    settings: Settings, clinic: Clinic, month: date | None = None
) -> tuple[Path, Report] | None:
    """Write a clinic's month and the files beside it; None before its first night.

    Returns the page's path and what it says. The files are of all months; of a clinic that has
    sent nothing there are none.
    """
    report = read_report(settings, open_ledger(settings.ledger()), clinic, month)
    if report is None:
        return None
    path = report_path(settings, clinic.clinic_id, report.month)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(render_report(report, clinic.name), encoding="utf-8")
    files = {
        "campaign_results": report.campaign_results,
        "purpose_results": report.purpose_results,
        "tag_results": report.tag_results,
    }
    for name, results in files.items():
        for kind in ("csv", "parquet") if results else ():
            export_results(path.parent / f"results-{clinic.clinic_id}", name, kind, results)
    return path, report


def report_path(settings: Settings, clinic_id: str, month: date) -> Path:
    """Return where a clinic's report of a month is written."""
    return settings.data_dir.resolve() / "pages" / f"report-{clinic_id}-{month:%Y-%m}.html"


def render_report(report: Report, clinic_name: str) -> str:
    """Return the page; everything that a file or a warehouse says is escaped."""
    return render_page(
        Path(__file__).with_name("report.html.j2"),
        report=report,
        clinic_name=clinic_name,
        charts=charts_of(report),
        verdicts=verdicts(report.campaign_results),
        marks=Mark,
        mark_of=mark_of,
        shown_of=shown_of,
        title_of=title_of,
        effect=effect,
        interval=interval,
        table=table,
        first=FIRST,
        drawn=most_told(report.tags),
        months=MONTHS,
    )


def title_of(result: Result) -> str:
    """Return the campaign or tag and its step, without the month."""
    return name_of(replace(result, month=None))


def late(result: Result) -> str:
    """Return how many visits the exports told of late, where it may be said."""
    return str(Hidden.TOO_FEW) if result.late_arrivals is None else f"{result.late_arrivals:,}"


def table(results: Sequence[Result]) -> list[tuple[str, str, list[str]]]:
    """Return the rows behind a funnel: what in Japanese, in English, and each result's figure."""
    rows: list[tuple[str, str, Callable[[Result], object]]] = [
        ("計画", "Planned", lambda each: f"{each.planned or 0:,} 人"),
        ("送信", "Sent", lambda each: f"{each.sent:,} 人"),
        ("通数", "Messages", lambda each: f"{each.messages:,} 通"),
        ("開封", "Opened", lambda each: each.opened),
        ("クリック", "Clicked", lambda each: each.clicked),
        ("ブロック", "Blocked", lambda each: each.blocked),
        ("集計前", "Pending", lambda each: f"{each.pending:,} 人"),
        ("来院", "Visited", lambda each: each.visited),
        ("うち予約", "Booked", booked),
        ("遅れて届いた来院", "Late arrivals", late),
        ("送らなかった人の来院", "Holdout visited", lambda each: each.holdout),
        ("配信による差", "Uplift", lambda each: "、".join(effect(each))),
        ("費用", "Cost, at most", lambda each: f"{each.cost_yen:,} 円以下"),
    ]
    return [(label, words, [str(of(each)) for each in results]) for label, words, of in rows]
