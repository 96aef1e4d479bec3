"""The chat as the warehouse and the gate read it: three small tables of a clinic's accounts."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from dagster_project.conversation.fold import Account

ChatAccount = tuple[str, bool | None, date | None]
ChatLink = tuple[str, str, str, date, str]
ChatConsent = tuple[str, str, bool, date, str, str]


@dataclass(frozen=True)
class Chat:
    """Rows of `ledger.chat_accounts`, `ledger.chat_links` and `ledger.chat_consents`."""

    accounts: list[ChatAccount]  # line_user_id, is_following, unlinked_on
    links: list[ChatLink]  # line_user_id, patient_id, relation, linked_on, event_id
    consents: list[ChatConsent]  # line_user_id, purpose, is_granted, on_day, version, event_id


NOTHING_SAID = Chat([], [], [])


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
    )
