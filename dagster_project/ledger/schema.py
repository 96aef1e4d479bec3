"""What all tables of the ledger share, and how an older ledger comes to have all of them."""

from sqlalchemy import Connection, MetaData, inspect
from sqlalchemy.schema import CreateColumn

metadata = MetaData()
REASON_LENGTH = 80


def bring_up_to_date(con: Connection) -> None:
    """Make the tables, columns and indexes a ledger does not have yet; no row of it is changed.

    So a column that is added to a table may be null in the rows before it, or has a server default.
    """
    metadata.create_all(con)
    there = inspect(con).get_multi_columns()
    quoted = con.dialect.identifier_preparer.format_table
    for table in metadata.sorted_tables:
        known = {column["name"] for column in there[None, table.name]}
        for column in table.columns:
            if column.name not in known:
                column_sql = CreateColumn(column).compile(dialect=con.dialect)
                con.exec_driver_sql(f"ALTER TABLE {quoted(table)} ADD COLUMN {column_sql}")
        for index in table.indexes:
            index.create(con, checkfirst=True)
