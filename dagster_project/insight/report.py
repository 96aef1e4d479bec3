"""What a clinic's month came to, as its report shows it: read from the night that is published.

Every count and share of messages is as `results.py` shows it. A month is that of sending, and its
figures are those known today: a window that is still open is waited for, not counted.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from sqlalchemy import Engine

from dagster_project.clinic import Clinic
from dagster_project.insight.answer_counts import Question, answer_counts
from dagster_project.insight.report_glance import Glance, glance_of, months_renewed
from dagster_project.insight.report_quality import Quality, read_quality
from dagster_project.insight.results import (
    Result,
    campaign_results,
    pooled,
    purpose_results,
    smallest_group,
    tag_results,
    wordings,
)
from dagster_project.insight.share import Share as Quota
from dagster_project.insight.share import read_share
from dagster_project.ledger.quota import last_answer
from dagster_project.ledger.store import reading
from dagster_project.line.replies import Quota as Answer
from dagster_project.publish import Build, build_of, reading_published
from dagster_project.review.read import Review, review_of
from dagster_project.settings import Settings


@dataclass(frozen=True)
class Course:
    """One campaign's step, or one tag: of all months, of the report's, and month by month."""

    pooled: Result
    months: Sequence[Result]  # the oldest first, up to the report's
    chosen: Result | None  # of the report's month; None where nothing was planned or sent in it
    wordings: Sequence[Result]  # of an A/B test, all months


@dataclass(frozen=True)
class Report:
    """A clinic's month."""

    build: Build
    month: date  # its first day
    glance: Glance | None  # None where nothing was planned or sent in it
    month_before: Glance | None
    renewed: Sequence[date]  # earlier months of which tonight knows more, by their first days
    campaign_results: Sequence[Result]  # of all months and wordings
    purpose_results: Sequence[Result]
    tag_results: Sequence[Result]
    campaigns: Sequence[Course]
    tags: Sequence[Course]
    review: Review
    voice: Sequence[Question]
    quality: Quality
    said: Answer | None  # what LINE last said in that month of its quota
    quota: Quota | None  # how tonight shared it out; None of a month that is over
    own_limit: int | None
    tag_labels: Mapping[str, str]

    @property
    def limit(self) -> int | None:
        """Return how many messages the month has by LINE and by the clinic's own limit."""
        limits = [self.own_limit, self.said.limit if self.said else None]
        return min((each for each in limits if each is not None), default=None)

    @property
    def left(self) -> int | None:
        """Return how many messages that leaves; None without a limit or an answer of LINE."""
        if self.limit is None or self.said is None:
            return None
        return max(0, self.limit - self.said.used)


def read_report(
    settings: Settings, engine: Engine, clinic: Clinic, month: date | None
) -> Report | None:
    """Return a clinic's month, by default that of its published night; None before the first.

    Raises OtherLayoutError for a night that another version of us published.
    """
    path = settings.published_path(clinic.clinic_id)
    if not path.exists():
        return None
    with reading_published(path) as con:
        build = build_of(con)
        first = (month or build.as_of).replace(day=1)
        of_campaigns, of_tags = campaign_results(con), tag_results(con)
        campaigns = _courses(of_campaigns, first)
        with reading(engine) as ledger:
            said = last_answer(ledger, clinic.clinic_id, first)
        return Report(
            build=build,
            month=first,
            glance=glance_of(con, of_campaigns, first),
            month_before=glance_of(con, of_campaigns, (first - timedelta(days=1)).replace(day=1)),
            renewed=months_renewed(con, build.as_of),
            campaign_results=of_campaigns,
            purpose_results=purpose_results(con),
            tag_results=of_tags,
            campaigns=campaigns,
            tags=_courses(of_tags, first),
            review=review_of(con),
            voice=answer_counts(con),
            quality=read_quality(
                con, settings.landing_dir(), clinic, build.as_of, smallest_group(con)
            ),
            said=said,
            quota=read_share(con) if first == build.as_of.replace(day=1) else None,
            own_limit=clinic.line.monthly_limit,
            tag_labels=dict(con.execute("select tag, label_ja from tag_catalog").fetchall()),
        )


def _courses(results: Sequence[Result], month: date) -> list[Course]:
    courses = []
    for whole in pooled(results):
        of_both = [each for each in results if (each.name, each.step) == (whole.name, whole.step)]
        own = [each for each in of_both if each.variant is None]
        months = [each for each in reversed(own) if each.month and each.month <= month]
        chosen = next((each for each in months if each.month == month), None)
        courses.append(Course(whole, months, chosen, wordings(of_both)))
    return courses
