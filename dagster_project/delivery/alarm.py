"""What staff are told of a channel that cannot be used: each thing once a business day."""

from datetime import datetime

from sqlalchemy import Connection

from dagster_project.ledger.alerts import write_alert
from dagster_project.settings import TOKYO

UNAUTHORIZED = "LINEがトークンを拒みました。新しいものが要ります"
CLOCK = "この機械の時計がLINEと5分より多くずれています。合わせるまで何も送りません"
NO_UNITS = "今月の集計単位が尽き、届いたかを確かめられません。足りない分は来月まで送りません"


def tell(con: Connection, clinic_id: str, what: str, said: str, now: datetime) -> None:
    """Write an alert about a clinic's channel, unless there is one of its kind today."""
    day = now.astimezone(TOKYO).date()
    write_alert(con, now, clinic_id, what, str(day), f"{day}: {said}")
