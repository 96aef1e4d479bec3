"""Charts that were merged into another: what was said of the one holds for the other."""

from collections.abc import Mapping

import duckdb


def merges_in(con: duckdb.DuckDBPyConnection) -> dict[str, str]:
    """Return the chart that each merged one is in now, as a published night has it."""
    rows = con.execute("select patient_id, into_patient_id from stg_patient_merges").fetchall()
    return dict(rows)


def named_today(subject: str, merged: Mapping[str, str]) -> str:
    """Return what the subject of a veto is called now, by the number of the chart that stays."""
    scope, _, which = subject.partition(" ")
    return f"{scope} {merged.get(which, which)}" if scope == "patient" else subject
