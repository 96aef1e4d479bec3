"""What patients answered, question by question; of a group that is too small no number."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

import duckdb

from dagster_project.insight.results import smallest_group
from dagster_project.insight.suppression import is_small

QUERY = (
    "select questionnaire, question, label, people, share from answer_results"
    " where tag is null order by questionnaire, question, people desc nulls last, label"
)


@dataclass(frozen=True)
class Choice:
    """One answer, how many gave it and their share from 0 to 1; None where they are too few."""

    label: str
    people: int | None
    share: float | None


@dataclass(frozen=True)
class Question:
    """One question and its answers, the most frequent first."""

    questionnaire: str
    question: str
    choices: Sequence[Choice]


def answer_counts(con: duckdb.DuckDBPyConnection) -> list[Question]:
    """Return the questions of a published night that anybody answered."""
    rows, smallest = con.execute(QUERY).fetchall(), smallest_group(con)
    return [
        Question(questionnaire, question, _kept([Choice(*row[2:]) for row in group], smallest))
        for (questionnaire, question), group in groupby(rows, key=lambda row: (row[0], row[1]))
    ]


def _kept(choices: Sequence[Choice], smallest: int) -> list[Choice]:
    """Return the answers, the least of those shown hidden too while the others are too few.

    How many answered can be told from any share, and so can how many gave a hidden answer.
    """
    shown = [(each.people, each.share) for each in choices if each.people and each.share]
    if not shown or len(shown) == len(choices):
        return [*choices]
    answered = round(shown[0][0] / shown[0][1])
    while shown and is_small(answered - sum(people for people, _ in shown), smallest):
        shown.pop()
    few = (Choice(each.label, None, None) for each in choices[len(shown) :])
    return [*choices[: len(shown)], *few]
