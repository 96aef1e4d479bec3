"""A report's figures for Dagster: numbers that it draws over nights, and tables to be read."""

from collections.abc import Mapping, Sequence

from dagster_project.insight.report import Report
from dagster_project.insight.report_charts import most_told
from dagster_project.insight.report_verdict import verdicts
from dagster_project.insight.results import Result, pooled
from dagster_project.insight.shares import Hidden, Share, Shown

Numbers = dict[str, float | int]


def figures(report: Report) -> Numbers:
    """Return the page's figures by name; what is not shown there has none here.

    Campaigns and tags are of all months, so that one night can be drawn beside another.
    """
    found: Numbers = {}
    for each in pooled(report.campaign_results):
        step = f" {each.step}" if each.step and each.step > 1 else ""
        found |= {f"{each.name}{step} {what}": number for what, number in _of(each).items()}
    for course in most_told(report.tags):
        shares = {"opened %": course.pooled.opened, "visited %": course.pooled.visited}
        found |= _shown({f"tag {course.pooled.name} {what}": of for what, of in shares.items()})
    return found | _month(report) | _quota(report) | _quality(report)


def tables(report: Report) -> dict[str, str]:
    """Return what the page says in words and tables, as Markdown by name; only what there is.

    Dagster's column for it is narrow.
    """
    told = [
        [each.label_ja, f"{each.mark.ja}: {each.ja}"] for each in verdicts(report.campaign_results)
    ]
    answers = [
        [each.text or each.question, choice.label, *_answer(choice.people, choice.share)]
        for each in report.voice
        for choice in each.choices
    ]
    tags = [
        [each.label_ja, f"{each.sent:,} 人", str(each.opened), str(each.visited)]
        for each in pooled(report.tag_results)
    ]
    found = {
        "verdicts": (["配信", "来院は"], told),
        "tags": (["タグ", "送信", "開封", "来院"], tags),
        "voice": (["質問", "答え", "人数", "割合"], answers),
    }
    return {name: _table(heads, rows) for name, (heads, rows) in found.items() if rows}


def _of(result: Result) -> Numbers:
    found = {"sent": result.sent, "pending": result.pending} | _shown(
        {
            "opened %": result.opened,
            "clicked %": result.clicked,
            "blocked %": result.blocked,
            "visited %": result.visited,
            "holdout visited %": result.holdout,
        }
    )
    effect = result.uplift
    if effect:
        bounds = {"uplift": effect.points, "uplift low": effect.low, "uplift high": effect.high}
        found |= {what: round(points, 1) for what, points in bounds.items()}
    return found


def _month(report: Report) -> Numbers:
    glance = report.glance
    if glance is None:
        return {}
    found: Numbers = {
        "month planned": glance.planned,
        "month sent": glance.sent,
        "month messages": glance.messages,
        "month pending": glance.pending,
    }
    if glance.credited is not None:
        found["month visits"] = glance.credited
    shares = {"opened": glance.opened, "clicked": glance.clicked, "blocked": glance.blocked}
    return found | _shown({f"month {what} %": of for what, of in shares.items()})


def _quota(report: Report) -> Numbers:
    said = {
        "quota used": report.said.used if report.said else None,
        "quota left": report.left,
        "quota deferred": report.quota.deferred if report.quota else None,
    }
    return {what: number for what, number in said.items() if number is not None}


def _quality(report: Report) -> Numbers:
    counts = {
        "quarantined files": report.quality.quarantined,
        "tags to review": len(report.review.open),
    }
    return counts | _shown({"unknown %": report.quality.unknown_of_all})


def _shown(shares: Mapping[str, Shown]) -> Numbers:
    return {
        what: float(share.percent) for what, share in shares.items() if isinstance(share, Share)
    }


def _answer(people: int | None, share: float | None) -> list[str]:
    if people is None or share is None:
        return [str(Hidden.TOO_FEW), ""]
    return [f"{people:,}", f"{100 * share:.1f} %"]


def _table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    # What a clinic calls a thing may hold the sign that parts two cells.
    cells = [[each.replace("|", "\\|") for each in row] for row in rows]
    lines = [heads, ["---"] * len(heads), *cells]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
