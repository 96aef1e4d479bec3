"""The ledger's tables of the chat: events, link codes, who was forgotten, which staff are told.

Instants are written as in tables.py.
"""

from sqlalchemy import BigInteger, Column, ForeignKey, Index, Integer, String, Table, Text

from dagster_project.ledger.schema import metadata

# What LINE told of an account, kept before LINE is answered. Rows are only added; see retention.py.
line_event = Table(
    "line_event",
    metadata,
    Column("clinic_id", String(31), primary_key=True),
    Column("event_id", String(60), primary_key=True),
    Column("at_ms", BigInteger, nullable=False),
    Column("kind", String(40), nullable=False),
    Column("line_user_id", String(40), nullable=False),
    Column("said", Text, nullable=False),
    Column("code_digest", String(64)),  # of the link code the message consists of
    Column("received_at", String(32), nullable=False),
    Column("message_id", String(40)),  # LINE's, of a message and of the event that takes it back
    Index("line_event_by_account", "clinic_id", "line_user_id", "code_digest"),
    Index("line_event_by_code", "clinic_id", "code_digest", "line_user_id"),
)

# A code handed over at reception; only its digest is kept.
link_code = Table(
    "link_code",
    metadata,
    Column("digest", String(64), primary_key=True),
    Column("clinic_id", String(31), nullable=False, index=True),
    Column("relation", String(20), nullable=False),  # to the charts that have none of their own
    Column("issued_ms", BigInteger, nullable=False),
    Column("expires_ms", BigInteger, nullable=False),
)

link_code_patient = Table(
    "link_code_patient",
    metadata,
    Column("digest", String(64), ForeignKey("link_code.digest"), primary_key=True),
    Column("patient_id", String(40), primary_key=True),
    Column("relation", String(20)),  # to this chart, where it is not the code's
)

# A person or an account that is forgotten: keyed hashes, and nothing that names anybody.
forgotten = Table(
    "forgotten",
    metadata,
    Column("clinic_id", String(31), primary_key=True),
    Column("hash", String(33), primary_key=True),
    Column("key_id", String(16), nullable=False),  # of the key it was made with
    Column("forgotten_ms", BigInteger, nullable=False),
)

# What was asked for and how far it came; `removed` is counts by kind, as JSON.
forgetting = Table(
    "forgetting",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("clinic_id", String(31), nullable=False, index=True),
    Column("hash", String(33), nullable=False),
    Column("made_by", Text, nullable=False),
    Column("reason", Text),
    Column("began_at", String(32), nullable=False),
    Column("finished_at", String(32)),
    Column("removed", Text, nullable=False),
)

# What staff are to be told at once, a row for each way of telling. Sent when `sent_at` is set.
staff_alert = Table(
    "staff_alert",
    metadata,
    Column("clinic_id", String(31), primary_key=True),
    Column("alert_id", String(100), primary_key=True),
    Column("target", String(10), primary_key=True),  # webhook | mail | line
    Column("kind", String(40), nullable=False),
    Column("text", Text, nullable=False),
    Column("raised_at", String(32), nullable=False),
    Column("tries", Integer, nullable=False),
    Column("next_try_at", String(32), nullable=False),
    Column("sent_at", String(32)),
    Index("staff_alert_waiting", "clinic_id", "sent_at", "next_try_at"),
)
