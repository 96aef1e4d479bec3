"""Why planned messages wait although the window is open: each campaign for one reason."""

from collections.abc import Mapping

from sqlalchemy import Connection, and_, update

from dagster_project.ledger.tables import intent

BEFORE_WINDOW = "before_own_window"  # its turn comes today
AFTER_WINDOW = "after_own_window"
AWAITING = "awaiting_approval"
REFUSED = "content_refused"  # by LINE's validation
UNCHECKED = "content_unchecked"  # LINE has not said yet
WAITS = (BEFORE_WINDOW, AFTER_WINDOW, AWAITING, REFUSED, UNCHECKED)


def say_what_waits(con: Connection, clinic_id: str, waits: Mapping[str, str]) -> None:
    """Let the ledger say of each planned message whether its campaign waits, and why."""
    mine = and_(intent.c.clinic_id == clinic_id, intent.c.state == "planned")
    ended = and_(intent.c.reason.in_(WAITS), intent.c.campaign.not_in(waits))
    con.execute(update(intent).where(mine, ended).values(reason=None))
    for campaign, reason in waits.items():
        theirs = and_(mine, intent.c.campaign == campaign)
        con.execute(update(intent).where(theirs).values(reason=reason))
