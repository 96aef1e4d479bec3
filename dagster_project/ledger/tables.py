"""The ledger's tables. Instants are ISO text in UTC, so that every database sorts them alike.

An intent is one person's one message of one occurrence: its primary key is the
promise that nobody gets an occurrence twice. A batch is the frozen request that
carries up to 500 intents; an attempt is one answer to a try, and is only ever added.
`tries` counts what may have left, so a batch with fewer attempts than tries was cut
off in between and may have arrived.
"""

from sqlalchemy import (
    Column,
    Date,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    String,
    Table,
    Text,
)

from dagster_project.ledger.schema import REASON_LENGTH, metadata

intent = Table(
    "intent",
    metadata,
    Column("occurrence_id", String(200), primary_key=True),
    Column("line_user_id", String(40), primary_key=True),
    Column("clinic_id", String(31), nullable=False),
    Column("campaign", String(80), nullable=False),
    Column("step", Integer, nullable=False),
    Column("purpose", String(20), nullable=False),
    Column("priority", Integer, nullable=False),
    Column("content_version", String(16), nullable=False),
    # of an A/B test; without one, and before there were any, a
    Column("variant", String(1), nullable=False, server_default="a"),
    Column("as_of", Date, nullable=False),
    Column("build_id", String(60), nullable=False),
    # planned | skipped | expired | batched | rejected
    Column("state", String(12), nullable=False),
    Column("reason", String(REASON_LENGTH)),
    Column("batch_id", String(36), ForeignKey("batch.id")),
    Column("changed_at", String(32), nullable=False),
    # A year's intents are counted, and one day's found, from this index alone.
    Index("intent_by_clinic", "clinic_id", "state", "as_of", "batch_id"),
    Index("intent_by_batch", "batch_id"),
)

intent_patient = Table(
    "intent_patient",
    metadata,
    Column("occurrence_id", String(200), primary_key=True),
    Column("line_user_id", String(40), primary_key=True),
    Column("patient_id", String(40), primary_key=True),
)

batch = Table(
    "batch",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("occurrence_id", String(200), nullable=False),
    Column("clinic_id", String(31), nullable=False),
    Column("campaign", String(80), nullable=False),
    Column("priority", Integer, nullable=False),
    Column("recipients", Integer, nullable=False),
    Column("retry_key", String(36), nullable=False, unique=True),
    Column("body", LargeBinary, nullable=False),
    Column("sha256", String(64), nullable=False),
    Column("unit", String(30), nullable=False),
    # frozen | sending | accepted | rejected | unknown | expired
    Column("state", String(12), nullable=False),
    Column("reason", String(REASON_LENGTH)),
    Column("frozen_at", String(32), nullable=False),
    Column("first_try_at", String(32)),
    Column("not_after", String(32), nullable=False),
    Column("tries", Integer, nullable=False),
    Column("accepted_at", String(32)),
    Column("accepted_request_id", String(REASON_LENGTH)),
    Index("batch_by_clinic", "clinic_id", "state"),
)

attempt = Table(
    "attempt",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("batch_id", String(36), ForeignKey("batch.id"), nullable=False, index=True),
    Column("at", String(32), nullable=False),
    Column("kind", String(20), nullable=False),
    Column("status", Integer),
    Column("request_id", String(REASON_LENGTH)),
    Column("detail", Text),
)

sender = Table(
    "sender",
    metadata,
    Column("clinic_id", String(31), primary_key=True),
    Column("holder", String(60), nullable=False),
    Column("until", String(32), nullable=False),
)

# A tag that staff add to, or take from, one patient: only with a reason and a last day.
override = Table(
    "override",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("clinic_id", String(31), nullable=False, index=True),
    Column("patient_id", String(40), nullable=False),
    Column("tag", String(80), nullable=False),
    Column("action", String(6), nullable=False),  # add | remove
    Column("reason", Text, nullable=False),
    Column("made_by", Text, nullable=False),
    Column("made_on", Date, nullable=False),
    Column("expires_on", Date, nullable=False),
    Column("withdrawn_on", Date),
    Column("lapsed_on", Date),
)

# What became of a tag at its review, for every clinic: kept as it is until a day (one row for each
# thing found), merged into another, or retired. The newest decision on a tag counts.
tag_decision = Table(
    "tag_decision",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("tag", String(80), nullable=False),
    Column("action", String(6), nullable=False),  # keep | merge | retire
    Column("finding", String(40)),
    Column("other_tag", String(80)),
    Column("into_tag", String(80)),
    Column("reason", Text, nullable=False),
    Column("made_by", Text, nullable=False),
    Column("made_on", Date, nullable=False),
    Column("kept_until", Date),
)

# What was done by hand, and what ended by itself. Rows are only added, and go when they are old.
audit = Table(
    "audit",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("at", String(32), nullable=False),
    Column("clinic_id", String(31), nullable=False, index=True),
    Column("kind", String(40), nullable=False),
    Column("subject", String(80), nullable=False),
    Column("detail", Text),
)

# What must not be sent, from when until when, and who says so: all of a clinic (`stop` by a person,
# `breaker` by the sender itself) or what a `veto` names. The clinic `*` is every clinic.
hold = Table(
    "hold",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("clinic_id", String(31), nullable=False),
    Column("kind", String(10), nullable=False),  # stop | breaker | veto
    Column("subject", String(80), nullable=False),  # patient P or campaign C, all otherwise
    Column("reason", Text, nullable=False),
    Column("made_by", Text, nullable=False),
    Column("made_at", String(32), nullable=False),
    Column("ended_by", Text),
    Column("ended_reason", Text),
    Column("ended_at", String(32)),
    Index("hold_in_force", "clinic_id", "ended_at"),
)

# Who approved what a campaign says, on which business day. Rows are only ever added.
approval = Table(
    "approval",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("clinic_id", String(31), nullable=False, index=True),
    Column("campaign", String(80), nullable=False),
    Column("content_version", String(16), nullable=False),
    Column("as_of", Date, nullable=False),
    Column("made_by", Text, nullable=False),
    Column("made_at", String(32), nullable=False),
)

# Who approved how many people a campaign is for, although a check of that size had failed, on which
# business day and of which night. Rows are only ever added.
audience_approval = Table(
    "audience_approval",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("clinic_id", String(31), nullable=False, index=True),
    Column("campaign", String(80), nullable=False),
    Column("as_of", Date, nullable=False),
    Column("build_id", String(60), nullable=False),
    Column("members", Integer, nullable=False),
    Column("made_by", Text, nullable=False),
    Column("made_at", String(32), nullable=False),
)

# What a person decided of a batch nobody knows the fate of. A resend is a new occurrence.
dead_letter = Table(
    "dead_letter",
    metadata,
    Column("batch_id", String(36), ForeignKey("batch.id"), primary_key=True),
    Column("clinic_id", String(31), nullable=False, index=True),
    Column("decision", String(6), nullable=False),  # resend | drop
    Column("occurrence_id", String(200)),  # of the resend
    Column("reason", Text, nullable=False),
    Column("made_by", Text, nullable=False),
    Column("made_at", String(32), nullable=False),
)

# What LINE answered of the month's quota, each time it was asked. Rows are only ever added.
quota_reading = Table(
    "quota_reading",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("clinic_id", String(31), nullable=False),
    Column("read_at", String(32), nullable=False),
    Column("monthly_limit", Integer),  # none where LINE has no cap
    Column("used", Integer, nullable=False),
    Index("quota_reading_by_clinic", "clinic_id", "read_at"),
)

# What a person must be told. `sent_at` is for whatever carries it to them.
alert = Table(
    "alert",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("clinic_id", String(31), nullable=False, index=True),
    Column("kind", String(40), nullable=False),
    Column("subject", String(80), nullable=False),
    Column("text", Text, nullable=False),
    Column("made_at", String(32), nullable=False),
    Column("raised_at", String(32)),  # when it was handed to those who carry it
)
