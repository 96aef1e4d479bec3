"""Alerts: what a person must be told, written where it is found; carrying it is another's work."""

from datetime import datetime

from sqlalchemy import Connection, insert, select

from dagster_project.ledger.store import stamp
from dagster_project.ledger.tables import alert


def write_alert(
    con: Connection, now: datetime, clinic_id: str, kind: str, subject: str, text: str
) -> bool:
    """Write an alert within a transaction and return whether it is new.

    One of the same kind and subject is never written twice: name what happened, and when,
    in `subject`. The text is for staff and names no patient.
    """
    if is_written(con, clinic_id, kind, subject):
        return False
    row = {"clinic_id": clinic_id, "kind": kind, "subject": subject, "text": text}
    con.execute(insert(alert), [row | {"made_at": stamp(now)}])
    return True


def is_written(con: Connection, clinic_id: str, kind: str, subject: str) -> bool:
    """Return whether there is an alert of a kind about a subject."""
    same = (alert.c.clinic_id == clinic_id, alert.c.kind == kind, alert.c.subject == subject)
    return con.execute(select(alert.c.id).where(*same)).first() is not None


def alerts_since(con: Connection, clinic_id: str, moment: datetime) -> list[str]:
    """Return the texts of a clinic's alerts since an instant, the oldest first."""
    query = select(alert.c.text).where(
        alert.c.clinic_id == clinic_id, alert.c.made_at >= stamp(moment)
    )
    return list(con.execute(query.order_by(alert.c.id)).scalars())
