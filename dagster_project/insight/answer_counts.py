"""What patients answered, question by question; of a group that is too small no number."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

import duckdb

from dagster_project.insight.results import smallest_group
from dagster_project.insight.suppression import is_small

# What a questionnaire and its question are called is the clinic's; one that it asks no more has
# kept its answers alone, and so has a question without choices.
QUERY = """
with titles as (
    select questionnaire, max(title) as title, max(campaign) as campaign
    from clinic.choices group by questionnaire
), texts as (
    select questionnaire, question, max(question_text) as text
    from clinic.choices group by questionnaire, question
)
select
    answers.questionnaire, answers.question, titles.title, texts.text, campaigns.label_ja,
    answers.label, answers.people, answers.share
from answer_results as answers
left join titles on titles.questionnaire = answers.questionnaire
left join texts
    on texts.questionnaire = answers.questionnaire and texts.question = answers.question
left join campaigns on campaigns.campaign = titles.campaign
where answers.tag is null
order by answers.questionnaire, answers.question, people desc nulls last, answers.label
"""


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
    title: str | None  # as patients read it; None where the clinic asks it no more
    text: str | None
    campaign_ja: str | None  # the campaign it was asked after
    choices: Sequence[Choice]


def answer_counts(con: duckdb.DuckDBPyConnection) -> list[Question]:
    """Return the questions of a published night that anybody answered."""
    rows, smallest = con.execute(QUERY).fetchall(), smallest_group(con)
    return [
        Question(
            questionnaire,
            question,
            title,
            text,
            campaign,
            _kept([Choice(*row[5:]) for row in group], smallest),
        )
        for (questionnaire, question, title, text, campaign), group in groupby(
            rows, key=lambda row: row[:5]
        )
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
