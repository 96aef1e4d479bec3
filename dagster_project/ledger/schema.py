"""What all tables of the ledger share."""

from sqlalchemy import MetaData

metadata = MetaData()
REASON_LENGTH = 80
