"""A report's figures as plain numbers, for whatever draws them over nights."""

from collections.abc import Mapping

from dagster_project.insight.report import Report
from dagster_project.insight.results import Result, pooled
from dagster_project.insight.shares import Share, Shown


def figures(report: Report) -> dict[str, float | int]:
    """Return each campaign's figures of all months by name; what is not shown has none."""
    found: dict[str, float | int] = {}
    for each in pooled(report.campaign_results):
        step = f" {each.step}" if each.step and each.step > 1 else ""
        found |= {f"{each.name}{step} {what}": number for what, number in _of(each).items()}
    unknown = _percent(report.quality.unknown_of_all)
    found |= {"quarantined files": report.quality.quarantined}
    return found if unknown is None else found | {"unknown %": unknown}


def _of(result: Result) -> Mapping[str, float | int]:
    shares = {
        "opened %": result.opened,
        "clicked %": result.clicked,
        "blocked %": result.blocked,
        "visited %": result.visited,
        "holdout visited %": result.holdout,
    }
    shown = {what: _percent(share) for what, share in shares.items()}
    effect = result.uplift
    if effect:
        bounds = {"uplift": effect.points, "uplift low": effect.low, "uplift high": effect.high}
        shown |= {what: round(points, 1) for what, points in bounds.items()}
    counts = {"sent": result.sent, "pending": result.pending}
    return counts | {what: number for what, number in shown.items() if number is not None}


def _percent(shown: Shown) -> float | None:
    return float(shown.percent) if isinstance(shown, Share) else None
