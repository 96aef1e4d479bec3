"""The ledger's table of LINE's statistics. Instants are written as in tables.py."""

from sqlalchemy import Column, Date, Index, Integer, String, Table

from dagster_project.ledger.schema import metadata

# What LINE said of a unit on a day: the last answer of that day. Which batch it is, `batch.unit`
# says; the name itself tells nobody anything.
unit_statistic = Table(
    "unit_statistic",
    metadata,
    Column("clinic_id", String(31), primary_key=True),
    Column("unit", String(30), primary_key=True),
    Column("read_on", Date, primary_key=True),
    Column("read_at", String(32), nullable=False),
    Column("sent_on", Date, nullable=False),
    Column("through_on", Date, nullable=False),  # the last day that was asked for
    Column("impressions", Integer),  # people who opened; none where LINE does not show it
    Column("clicks", Integer),  # people who opened any link of it; none likewise
    Index("unit_statistic_by_clinic", "clinic_id", "read_on"),
)
