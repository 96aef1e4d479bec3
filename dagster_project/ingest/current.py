"""Which of the files ever met count on a day: dbt's source_files says the same in SQL."""

from collections.abc import Iterable
from datetime import date

Row = dict[str, object]  # of the registry


def current_files(sightings: Iterable[Row], as_of: date) -> list[Row]:
    """Return the sightings whose records count, in order: the last one has the last word.

    Of a full dump the newest of each period counts, of a delta every one.
    """
    landed = (row for row in sightings if row["status"] == "landed" and is_known(row, as_of))
    seen = sorted(landed, key=order)
    dumps = [row for row in seen if row["mode"] == "full"]
    newest = {(row["feed"], row["period"]): row["sighting_id"] for row in dumps}.values()
    return [row for row in seen if row["mode"] == "delta" or row["sighting_id"] in newest]


def open_quarantines(sightings: Iterable[Row], as_of: date) -> list[Row]:
    """Return the quarantined files that no good file has replaced.

    A dump is replaced by a later one of its period. The records of a delta are nowhere
    else: only the same content, or better content under the same name, replaces it.
    """
    seen = [row for row in sightings if exported_on(row) <= as_of]
    landed = [row for row in seen if row["status"] == "landed"]
    return [
        row
        for row in seen
        if row["status"] == "quarantined" and not any(_replaces(good, row) for good in landed)
    ]


def exported_on(row: Row) -> date:
    """Return the day a sighting's content stands for."""
    return date.fromisoformat(str(row["exported_on"]))


def order(row: Row) -> tuple[date, int, str, int]:
    """Return the sort key of sightings: the last word on one day is the last name's newest.

    Arrival decides only between contents of one name, so that files landed on other nights,
    or in another order, give the same tags. A copy with a number after its name is newer.
    """
    name = str(row["name"])
    return exported_on(row), len(name), name, arrival(row)


def arrival(row: Row) -> int:
    """Return the number a sighting was given when it was met."""
    return int(str(row["arrival"]))


def is_known(row: Row, as_of: date) -> bool:
    """Return whether what a file says stands for a day that has come, and had been read by then."""
    return exported_on(row) <= as_of and known_on(row) <= as_of


def known_on(row: Row) -> date:
    """Return the business day a sighting was read on as the registry has it."""
    return date.fromisoformat(str(row["known_on"] or row["first_seen_as_of"]))


def _replaces(good: Row, bad: Row) -> bool:
    if good["feed"] != bad["feed"]:
        return False
    if good["file_id"] == bad["file_id"]:
        return True
    is_of_same = good["name"] == bad["name"] or (
        bad["mode"] == "full" and good["period"] == bad["period"]
    )
    is_later = (exported_on(good), arrival(good)) > (exported_on(bad), arrival(bad))
    return is_of_same and is_later
