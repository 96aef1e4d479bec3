"""Which figures of the marts of results are not shown, although LINE or the EMR tells them.

A group that is too small shows none of its figures. Nor does one that would let a small group be
reckoned from the others. What adds up, and how, is said here:

- months to all months, and wordings to all wordings; who was left out is of all wordings alone;
- of months, those that are compared with somebody left out, since an uplift tells how many came of
  them; and those in which both wordings went out, since their comparison does;
- a tag or a purpose is a part of the campaigns behind it: the rest of them held the tag no more, or
  were counted in an earlier window. Where there is no such rest it is their sum.
"""

from collections import defaultdict
from collections.abc import Collection, Hashable, Mapping, Sequence
from datetime import date
from typing import Any

from dagster_project.insight.suppression import hidden_parts, is_small

FIGURES = ("visited", "holdout", "late_arrivals", "opened", "clicked", "blocked")
GROUPS = {
    "holdout": "holdout",
    "late_arrivals": "sent",
    "opened": "opened_of",
    "clicked": "clicked_of",
    "blocked": "messages",
}
UPLIFT = "uplift"
ALL, COMPARED, OTHERS = "all", "compared", "not compared"
REST, REST_COMPARED, REST_OTHERS = "rest", "rest, compared", "rest, not compared"

Row = Mapping[str, Any]
Month = date | None  # None is all months
Kinds = Mapping[Hashable, int]
# What a row is of: a campaign, its step and its wording, or a tag or a purpose; and the month.
Cell = tuple[str, int | None, str | None, Month]
Hidden = set[tuple[Cell, str]]  # of a row, a figure


def cell(row: Row, name: str) -> Cell:
    """Return what a row of a mart is of; `name` is the column that names it."""
    return row[name], row.get("step"), row.get("variant"), row["month"]


def people(row: Row, figure: str) -> int:
    """Return of how many people, or messages, a figure of a row is."""
    if figure == "visited":
        return int(row["sent"] - row["pending"])
    return int(row[GROUPS[figure]] or 0)


def hidden_of_campaigns(rows: Sequence[Row], smallest: int) -> Hidden:
    """Return what campaign_results may not show."""
    hidden: Hidden = set()
    steps: dict[tuple[str, int], list[Row]] = defaultdict(list)
    for row in rows:
        steps[row["campaign"], row["step"]].append(row)
        compared = row["compared"], people(row, "visited") - row["compared"]
        if any(is_small(each, smallest) for each in compared):
            hidden.add((cell(row, "campaign"), UPLIFT))
    for (campaign, step), own in steps.items():
        for figure in FIGURES:
            found = _of_step(own, figure, smallest)
            hidden |= {((campaign, step, *each), figure) for each in found}
    return hidden


def _of_step(rows: Sequence[Row], figure: str, smallest: int) -> set[tuple[str | None, Month]]:
    sizes = {
        (row["variant"], row["month"]): people(row, figure)
        for row in rows
        # Who was left out was left out of all wordings, and is shown of them together.
        if figure != "holdout" or row["variant"] is None
    }
    wordings = sorted({variant for variant, _ in sizes if variant is not None})
    compared = {row["month"] for row in rows if row["compared"] and row["variant"] is None}
    months: dict[Month, Kinds] = {}
    by_wording: dict[str, dict[Hashable, int]] = {each: defaultdict(int) for each in wordings}
    for (variant, month), size in sizes.items():
        went = tuple(each for each in wordings if sizes.get((each, month)))
        if variant is None:
            kinds = ALL, went, month in compared, (went, month in compared)
            months[month] = dict.fromkeys(kinds, size)
        elif month is not None:
            by_wording[variant][ALL] += size
            by_wording[variant][went] += size
    hidden_months = _months(months, smallest)
    if None in hidden_months:
        return {*sizes}
    hidden_wordings = hidden_parts(by_wording, smallest)
    found: set[tuple[str | None, Month]] = {(None, month) for month in hidden_months}
    found |= {(each, None) for each in hidden_wordings}
    # Both divided at once: all of it, or nothing could be said to be safe.
    divided = {each: size for each, size in sizes.items() if None not in each}
    if found or any(is_small(size, smallest) for size in divided.values()):
        found |= {*divided}
    return found


def hidden_of_parts(
    rows: Sequence[Row],
    name: str,
    behind: Mapping[str, Collection[str]],
    campaigns: Sequence[Row],
    of_campaigns: Hidden,
    smallest: int,
) -> Hidden:
    """Return what tag_results or purpose_results may not show, beside what campaign_results shows.

    `behind` are the campaigns of each tag or purpose.
    """
    hidden: Hidden = set()
    own: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        own[row[name]].append(row)
    for each, months in own.items():
        theirs = [
            row
            for row in campaigns
            if row["campaign"] in behind.get(each, ()) and row["variant"] is None
        ]
        for figure in FIGURES:
            kinds = {row["month"]: _kinds(row, figure, theirs) for row in months}
            forced = _forced(kinds, figure, theirs, of_campaigns, smallest)
            hidden |= {
                ((each, None, None, month), figure) for month in _months(kinds, smallest, forced)
            }
            if figure == "visited":
                hidden |= {
                    ((each, None, None, month), UPLIFT)
                    for month, sizes in kinds.items()
                    if any(is_small(size, smallest) for size in sizes.values())
                }
    return hidden


def _kinds(row: Row, figure: str, theirs: Sequence[Row]) -> Kinds:
    """Return the people of a tag or purpose in a month, and the rest of the campaigns behind it."""
    same = [each for each in theirs if each["month"] == row["month"]]
    size = people(row, figure)
    rest = sum(people(each, figure) for each in same) - size
    if figure != "visited":
        return {ALL: size, REST: max(0, rest)}
    rest_compared = sum(each["compared"] for each in same) - row["compared"]
    return {
        ALL: size,
        COMPARED: row["compared"],
        OTHERS: max(0, size - row["compared"]),
        REST: max(0, rest),
        REST_COMPARED: max(0, rest_compared),
        REST_OTHERS: max(0, rest - rest_compared),
    }


def _forced(
    kinds: Mapping[Month, Kinds],
    figure: str,
    theirs: Sequence[Row],
    of_campaigns: Hidden,
    smallest: int,
) -> set[Month]:
    """Return the months in which a campaign's hidden figure could be reckoned from the sum.

    What a campaign hides together is hidden together here too.
    """
    together: dict[tuple[str, int], list[Row]] = defaultdict(list)
    for row in theirs:
        if (cell(row, "campaign"), figure) in of_campaigns and people(row, figure):
            together[row["campaign"], row["step"]].append(row)
    forced: set[Month] = set()
    for rows in together.values():
        if any(_has_no_rest(kinds.get(row["month"], {}), row, figure, smallest) for row in rows):
            forced |= {row["month"] for row in rows}
    return forced


def _has_no_rest(kinds: Kinds, row: Row, figure: str, smallest: int) -> bool:
    rests = [REST]
    if figure == "visited" and row["compared"]:
        rests.append(REST_COMPARED)
    if figure == "visited" and row["compared"] < people(row, figure):
        rests.append(REST_OTHERS)
    return any(kinds.get(each, 0) < smallest for each in rests)


def _months(
    kinds: Mapping[Month, Kinds], smallest: int, hidden: Collection[Month] = ()
) -> set[Month]:
    whole = kinds.get(None, {})
    parts: dict[Month, Kinds] = {each: sizes for each, sizes in kinds.items() if each is not None}
    if None in hidden or any(is_small(whole.get(each, 0), smallest) for each in (ALL, REST)):
        # Without the whole there is nothing to take the others from.
        small = (
            month
            for month, sizes in parts.items()
            if any(is_small(size, smallest) for size in sizes.values())
        )
        return {None, *hidden, *small}
    return hidden_parts(parts, smallest, hidden)
