"""The catalogue as one page that needs no network and no script."""

from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path

from dagster_project.authoring.catalog import Family
from dagster_project.authoring.catalog_counts import ClinicCount
from dagster_project.authoring.catalog_review import Decided, Group
from dagster_project.authoring.sparkline import sparkline
from dagster_project.authoring.words import SENSITIVITIES, STATES
from dagster_project.pages import render_page


def _days_back(count: ClinicCount) -> list[int]:
    """Return how many days before the last one each change of the rule came."""
    return [(count.as_of - day).days for day in count.rule_changed_on]


def render_catalog(
    families: Sequence[Family],
    as_of: date,
    review: Sequence[Group] = (),
    decisions: Sequence[Decided] = (),
    retired: Mapping[str, date] | None = None,
) -> str:
    """Return the page; everything that a file or a warehouse says is escaped.

    `retired` are the tags that nobody has any more, each with its day.
    """
    return render_page(
        Path(__file__).with_name("catalog.html.j2"),
        families=families,
        review=review,
        decisions=decisions,
        retired=retired or {},
        as_of=as_of,
        total=sum(len(family.entries) for family in families),
        sparkline=sparkline,
        days_back=_days_back,
        states=STATES,
        sensitivities=SENSITIVITIES,
    )
