"""What a report draws: shares as they may be shown, and nothing where there is nothing to draw.

The labels are Japanese with a short English word, and say the figure that the mark stands for.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import date

from markupsafe import Markup

from dagster_project.insight.answer_counts import Question
from dagster_project.insight.report import Course, Report
from dagster_project.insight.report_verdict import verdicts
from dagster_project.insight.results import Result
from dagster_project.insight.shares import Share, Shown

MONTHS = 12  # of a line
TAGS = 6  # lines that can still be told apart
LEFT_OUT = "送らなかった人 Holdout"

Bars = list[tuple[str, float | None]]


@dataclass(frozen=True)
class Charts:
    """The drawings of a report. What is missing from one is said by the table behind it."""

    funnels: dict[tuple[str, int | None], Markup] = field(default_factory=dict)
    uplift: Markup | None = None
    tags: Sequence[tuple[str, str]] = ()  # each line's colour, and whose it is
    months: tuple[date, date] | None = None  # the first and the last of the lines
    opened: Markup | None = None
    visited: Markup | None = None
    voice: dict[tuple[str, str], Markup] = field(default_factory=dict)


def charts_of(report: Report) -> Charts:
    """Return the drawings; without figures nothing that draws is even imported."""
    if not (report.campaigns or report.tags or report.voice):
        return Charts()
    # pygal costs a tenth of a second.
    from dagster_project.insight.charts import COLORS, bars, intervals  # noqa: PLC0415

    told = [(each.label_ja, each.uplift) for each in verdicts(report.campaign_results)]
    uplifts = [(label, found) for label, found in told if found]
    tags = most_told(report.tags)
    months = sorted({each.month for course in tags for each in course.months if each.month})
    months = months[-MONTHS:]
    return Charts(
        funnels={
            (each.pooled.name, each.pooled.step): _funnel(f"funnel-{at}", shown_of(each))
            for at, each in enumerate(report.campaigns)
        },
        uplift=intervals("uplift", uplifts) if uplifts else None,
        tags=[(color, each.pooled.label_ja) for color, each in zip(COLORS, tags, strict=False)],
        months=(months[0], months[-1]) if months else None,
        opened=_over_time("opened", tags, months, lambda each: each.opened),
        visited=_over_time("visited", tags, months, lambda each: each.visited),
        voice={
            (each.questionnaire, each.question): bars(f"voice-{at}", voice(each))
            for at, each in enumerate(report.voice)
            if voice(each)
        },
    )


def funnel(result: Result) -> Bars:
    """Return how far a campaign's messages came: planned, sent, opened, clicked, visited.

    Last who came of those left out. What is not shown has its reason for a bar.
    """
    planned = result.planned or 0
    shares: list[tuple[str, Shown]] = [
        ("開封 Opened", result.opened),
        ("クリック Clicked", result.clicked),
        ("来院 Visited", result.visited),
        (LEFT_OUT, result.holdout),
    ]
    return [
        (f"計画 Planned {planned:,}", 100.0 if planned else None),
        # What is planned on a month's last day may leave in the next.
        (f"送信 Sent {result.sent:,}", min(100.0, _rounded(result.sent, planned or result.sent))),
        *((f"{label} {shown}", _percent(shown)) for label, shown in shares),
    ]


def voice(question: Question) -> Bars:
    """Return the answers that enough people gave."""
    return [
        (f"{each.label} {each.people:,}", round(100 * each.share, 1))
        for each in question.choices
        if each.people is not None and each.share is not None
    ]


def shown_of(course: Course) -> Result:
    """Return the month's figures, those of all months where nothing left in it."""
    return course.chosen if course.chosen and course.chosen.sent else course.pooled


def most_told(tags: Sequence[Course]) -> list[Course]:
    """Return the tags with the most messages, as many as lines can be told apart."""
    return sorted(tags, key=lambda each: -each.pooled.sent)[:TAGS]


def _funnel(name: str, result: Result) -> Markup:
    from dagster_project.insight.charts import bars  # noqa: PLC0415 - see above

    found = funnel(result)
    return bars(name, found, apart={label for label, _ in found if label.startswith(LEFT_OUT)})


def _over_time(
    name: str, tags: Sequence[Course], months: Sequence[date], of: Callable[[Result], Shown]
) -> Markup | None:
    """Return a line for each tag, None without a figure."""
    series = {}
    for course in tags:
        by_month = {each.month: _percent(of(each)) for each in course.months}
        series[course.pooled.label_ja] = [by_month.get(month) for month in months]
    if all(value is None for values in series.values() for value in values):
        return None
    from dagster_project.insight.charts import lines  # noqa: PLC0415 - see above

    return lines(name, [f"{month.month}月" for month in months], series)


def _percent(shown: Shown) -> float | None:
    return float(shown.percent) if isinstance(shown, Share) else None


def _rounded(count: int, of: int) -> float:
    return round(100 * count / of, 1) if of else 0.0
