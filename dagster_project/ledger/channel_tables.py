"""The ledger's tables of what LINE said of a channel and of texts before they are sent.

Instants are written as in tables.py.
"""

from sqlalchemy import Column, Index, Integer, String, Table, Text

from dagster_project.ledger.schema import metadata

# What LINE's validation said of a content, each time it was asked; the newest counts, and is asked
# for again only where it was a refusal. Rows are only ever added.
content_check = Table(
    "content_check",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("clinic_id", String(31), nullable=False),
    Column("campaign", String(80), nullable=False),
    Column("content_version", String(16), nullable=False),
    Column("checked_at", String(32), nullable=False),
    Column("refusal", Text),  # none where LINE would take it
    Index("content_check_by_clinic", "clinic_id", "campaign", "content_version"),
)

# What the last look before the window found of a clinic's channel; the next one takes its place.
preflight = Table(
    "preflight",
    metadata,
    Column("clinic_id", String(31), primary_key=True),
    Column("position", Integer, primary_key=True),
    Column("what", String(20), nullable=False),
    Column("level", String(10), nullable=False),
    Column("said", Text, nullable=False),
    Column("looked_at", String(32), nullable=False),
)
