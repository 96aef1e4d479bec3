"""An A/B test: how text b did beside text a, by chance or not."""

from collections.abc import Sequence
from dataclasses import dataclass

from dagster_project.insight.hidden_results import Hidden, Row, cell, people
from dagster_project.insight.suppression import is_small
from dagster_project.insight.uplift import Arm, Uplift, uplift


@dataclass(frozen=True)
class AgainstA:
    """The share of text b less that of text a, of the months in which both went out.

    A None is that it cannot be told: too few, or LINE does not say.
    """

    opened: Uplift | None
    clicked: Uplift | None
    visited: Uplift | None


def against_a(rows: Sequence[Row], hidden: Hidden, smallest: int) -> AgainstA | None:
    """Return the comparison of one campaign's step, or None where it has no two texts."""
    if not {"a", "b"} <= {row["variant"] for row in rows}:
        return None
    opened, clicked, visited = (
        _difference(rows, figure, hidden, smallest) for figure in ("opened", "clicked", "visited")
    )
    return AgainstA(opened, clicked, visited)


def _difference(rows: Sequence[Row], figure: str, hidden: Hidden, smallest: int) -> Uplift | None:
    arms = []
    for variant, other in (("b", "a"), ("a", "b")):
        own, others = ([row for row in rows if row["variant"] == each] for each in (variant, other))
        if any((cell(row, "campaign"), figure) in hidden for row in own if row["month"] is None):
            return None
        both = {row["month"] for row in others if people(row, figure)}
        months = [row for row in own if row["month"] is not None]
        compared = [row for row in months if row["month"] in both]
        arm = Arm(
            sum(people(row, figure) for row in compared), sum(row[figure] or 0 for row in compared)
        )
        # Those of the other months would be told by the difference to the whole.
        rest = sum(people(row, figure) for row in months) - arm.people
        if arm.people < smallest or is_small(rest, smallest):
            return None
        arms.append(arm)
    return uplift(*arms)
