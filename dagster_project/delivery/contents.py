"""Each content once before LINE's own validation, which sends nothing and costs nothing.

What LINE refuses there it would refuse of a send as well, and for everybody in it for good: the
campaign waits instead, and no other with it.
"""

from collections.abc import Iterable
from datetime import datetime

from sqlalchemy import Engine

from dagster_project.delivery.channel import Validating
from dagster_project.ledger.alerts import write_alert
from dagster_project.ledger.approvals import Content
from dagster_project.ledger.content_checks import note_check
from dagster_project.ledger.store import writing
from dagster_project.ledger.waits import REFUSED
from dagster_project.line.wordings import PLAIN, Wordings, wording
from dagster_project.settings import TOKYO


def check_contents(
    engine: Engine,
    clinic_id: str,
    channel: Validating,
    contents: Iterable[Content],
    messages: Wordings,
    now: datetime,
) -> None:
    """Have LINE look at contents, keep what it says, and tell staff of each it refuses.

    Raises ConnectionError or PermissionError when LINE does not say; what it said of the others
    before is kept.
    """
    day = now.astimezone(TOKYO).date()
    for campaign, version in sorted(contents):
        refusal = _refusal(channel, messages, version)
        with writing(engine, clinic_id) as con:
            note_check(con, clinic_id, (campaign, version), refusal, now)
            if refusal:
                text = f"{day}: {refused(campaign, refusal)}"
                write_alert(con, now, clinic_id, REFUSED, f"{day} {campaign}"[:80], text)


def refused(campaign: str, refusal: str) -> str:
    """Return what staff are told of a content that LINE would refuse."""
    return f"{campaign} の文面をLINEが受け付けません ({refusal})。この配信だけを止めています"


def _refusal(channel: Validating, messages: Wordings, version: str) -> str | None:
    """Return the first text of a content that LINE refuses, by its file, and what it names."""
    keys = {key.partition("/")[2] or PLAIN for key in messages if key.partition("/")[0] == version}
    for variant in sorted(keys):
        said = channel.refusal_of(wording(messages, version, variant, 1))
        if said is not None:
            name = "message.json" if variant == PLAIN else f"message.{variant}.json"
            return f"{name}: {said}"
    return None
