"""Which of the files ever met count on a day: dbt's source_files says the same in SQL."""

from collections.abc import Iterable
from datetime import date

Row = dict[str, object]  # of the registry


def current_files(sightings: Iterable[Row], as_of: date) -> list[Row]:
    """Return the sightings whose records count, in order: the last one has the last word.

    Of a full dump the newest of each period counts, of a delta every one.
    """
    seen = sorted((row for row in _seen(sightings, as_of) if row["status"] == "landed"), key=order)
    dumps = [row for row in seen if row["mode"] == "full"]
    newest = {(row["feed"], row["period"]): row["sighting_id"] for row in dumps}.values()
    return [row for row in seen if row["mode"] == "delta" or row["sighting_id"] in newest]


def open_quarantines(sightings: Iterable[Row], as_of: date) -> list[Row]:
    """Return the quarantined files that no good file has replaced.

    A dump is replaced by a later one of its period. The records of a delta are nowhere
    else: only the same content, or better content under the same name, replaces it.
    """
    seen = _seen(sightings, as_of)
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


def _seen(sightings: Iterable[Row], as_of: date) -> list[Row]:
    return [row for row in sightings if exported_on(row) <= as_of]


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
