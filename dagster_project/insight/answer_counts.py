"""What patients answered, question by question; of a group that is too small no number."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

import duckdb

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
    rows = con.execute(QUERY).fetchall()
    return [
        Question(questionnaire, question, [Choice(*row[2:]) for row in group])
        for (questionnaire, question), group in groupby(rows, key=lambda row: (row[0], row[1]))
    ]
