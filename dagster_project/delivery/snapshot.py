"""What the warehouse may know of past deliveries: one row per patient and occurrence."""

from datetime import UTC, datetime

from sqlalchemy import Engine, and_, select

from dagster_project.ledger.store import reading
from dagster_project.ledger.tables import batch, intent, intent_patient

Delivery = tuple[str, str, int, str, str, str, object, datetime | None, str]


def deliveries_for_warehouse(engine: Engine, clinic_id: str) -> list[Delivery]:
    """Return the rows of `ledger.deliveries`, in its order of columns.

    The state is the batch's where there is one, but `batched` while it is under way.
    """
    query = (
        select(
            intent.c.occurrence_id,
            intent.c.campaign,
            intent.c.step,
            intent.c.line_user_id,
            intent_patient.c.patient_id,
            intent.c.state,
            intent.c.as_of,
            batch.c.state.label("batch_state"),
            batch.c.accepted_at,
            intent.c.variant,
        )
        .join(
            intent_patient,
            and_(
                intent_patient.c.occurrence_id == intent.c.occurrence_id,
                intent_patient.c.line_user_id == intent.c.line_user_id,
            ),
        )
        .outerjoin(batch, batch.c.id == intent.c.batch_id)
        .where(intent.c.clinic_id == clinic_id)
    )
    with reading(engine) as con:
        return [
            (
                row.occurrence_id,
                row.campaign,
                row.step,
                row.line_user_id,
                row.patient_id,
                _state(row.state, row.batch_state),
                row.as_of,
                _naive_utc(row.accepted_at),
                row.variant,
            )
            for row in con.execute(query)
        ]


def _state(own: str, of_batch: str | None) -> str:
    return of_batch if own == "batched" and of_batch in {"accepted", "unknown"} else own


def _naive_utc(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text).astimezone(UTC).replace(tzinfo=None) if text else None
