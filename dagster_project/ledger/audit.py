"""The audit: one line for each thing that was done by hand or ended by itself.

Only added to, but for lines past their days (retention.py).
"""

from datetime import datetime

from sqlalchemy import Connection, insert

from dagster_project.ledger.store import stamp
from dagster_project.ledger.tables import audit


def write_audit(
    con: Connection, now: datetime, clinic_id: str, kind: str, subject: str, detail: str
) -> None:
    """Add a line, within the transaction that does what it tells of."""
    line = {"at": stamp(now), "clinic_id": clinic_id, "kind": kind}
    con.execute(insert(audit), [{**line, "subject": subject, "detail": detail}])
