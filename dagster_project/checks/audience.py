"""Campaigns held for the number of people they are for: what a person may answer for."""

from collections.abc import Mapping
from pathlib import Path

import duckdb

OUT_OF_BAND = Path(__file__).with_name("sql") / "out_of_band.sql"


def out_of_band(published: Path) -> Mapping[str, int]:
    """Return the campaigns a published night holds for their size alone, with their people.

    Empty before the first night, and of a night that an older version of us published.
    """
    if not published.exists():
        return {}
    with duckdb.connect(str(published), read_only=True) as con:
        try:
            return dict(con.execute(OUT_OF_BAND.read_text(encoding="utf-8")).fetchall())
        except duckdb.BinderException:
            return {}
