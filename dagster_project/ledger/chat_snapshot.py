"""The chat as the warehouse and the gate read it: four small tables of a clinic's accounts."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime

from dagster_project.conversation.events import tokyo_day
from dagster_project.conversation.fold import Account, Answer, Chosen

ChatAccount = tuple[str, bool | None, date | None]
ChatLink = tuple[str, str, str, date, str]
ChatConsent = tuple[str, str, bool, date, str, str]
ChatAnswer = tuple[str, str, str, str, str | None, str | None, str | None, date, datetime, str]


@dataclass(frozen=True)
class Chat:
    """Rows of `ledger.chat_accounts`, `chat_links`, `chat_consents` and `chat_answers`."""

    accounts: list[ChatAccount]  # line_user_id, is_following, unlinked_on
    links: list[ChatLink]  # line_user_id, patient_id, relation, linked_on, event_id
    consents: list[ChatConsent]  # line_user_id, purpose, is_granted, on_day, version, event_id
    # line_user_id, questionnaire, version, question, choice, item, value, answered_on, answered_at,
    # event_id; a row for each choice. A text of the patient's own never comes here: it is an answer
    # without a choice.
    answers: list[ChatAnswer]


NOTHING_SAID = Chat([], [], [], [])


def snapshot(accounts: Mapping[str, Account]) -> Chat:
    """Return the tables of folded accounts, in the order of their columns."""
    return Chat(
        [(user, each.is_following, each.unlinked_on) for user, each in sorted(accounts.items())],
        [
            (user, patient_id, link.relation, link.linked_on, link.event_id)
            for user, each in sorted(accounts.items())
            for patient_id, link in sorted(each.links.items())
        ],
        [
            (user, purpose, said.is_granted, said.on_day, said.version, said.event_id)
            for user, each in sorted(accounts.items())
            for purpose, said in sorted(each.consents.items())
        ],
        [
            _answer(user, *asked, said, chosen)
            for user, each in sorted(accounts.items())
            for asked, said in sorted(each.answers.items(), key=lambda item: item[0])
            for chosen in said.chosen or (None,)
        ],
    )


def _answer(
    user: str, questionnaire: str, question: str, said: Answer, chosen: Chosen | None
) -> ChatAnswer:
    at = datetime.fromtimestamp(said.at_ms / 1000, UTC)
    return (
        user,
        questionnaire,
        said.version,
        question,
        chosen.choice if chosen else None,
        chosen.item if chosen else None,
        chosen.value if chosen else None,
        tokyo_day(said.at_ms),
        at.replace(tzinfo=None),
        said.event_id,
    )
