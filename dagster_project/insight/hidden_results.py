"""Which figures of the marts of results are not shown, although LINE or the EMR tells them.

A group that is too small shows none of its figures. Nor does one that would let a small group be
reckoned from the others. What adds up, and how, is said here:

- months to all months, and wordings to all wordings; who was left out is of all wordings alone;
- of months, those that are compared with somebody left out, since an uplift tells how many came of
  them; and those in which both wordings went out, since their comparison does;
- a tag has a part of the people of the campaigns that stand on it: the rest did not hold it. Where
  there is no such rest it is their sum;
- a purpose has the people of its campaigns, who may be in several of them.
"""

from collections import defaultdict
from collections.abc import Collection, Hashable, Mapping, Sequence
from datetime import date
from typing import Any

from dagster_project.insight.suppression import hidden_parts, is_small, sums

FIGURES = ("visited", "holdout", "late_arrivals", "opened", "clicked", "blocked")
GROUPS = {
    "holdout": "holdout",
    "late_arrivals": "sent",
    "opened": "opened_of",
    "clicked": "clicked_of",
    "blocked": "messages",
}
UPLIFT = "uplift"
ALL, REST, COMPARED, OTHERS = "all", "rest", "compared", "not compared"

Row = Mapping[str, Any]
Month = date | None  # None is all months
Kinds = dict[Hashable, int]
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
            for kind in (ALL, went, (went, month in compared)):
                by_wording[variant][kind] += size
    hidden_months = _months(months, smallest)
    if None in hidden_months:
        return {*sizes}
    # The whole less one of two is the other.
    hidden_wordings = by_wording if hidden_parts(by_wording, smallest) else ()
    found: set[tuple[str | None, Month]] = {(None, month) for month in hidden_months}
    found |= {(each, None) for each in hidden_wordings}
    # Both divided at once: all of it, or nothing could be said to be safe.
    divided = {each: size for each, size in sizes.items() if None not in each}
    if found or any(is_small(size, smallest) for size in divided.values()):
        found |= {*divided}
    return found


def hidden_of_tags(
    rows: Sequence[Row],
    behind: Mapping[str, Collection[str]],
    campaigns: Sequence[Row],
    of_campaigns: Hidden,
    smallest: int,
) -> Hidden:
    """Return what tag_results may not show beside what campaign_results shows.

    `behind` are the campaigns that stand on each tag. Who was left out is shown of all months.
    """
    hidden: Hidden = set()
    own: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        own[row["tag"]].append(row)
    for tag, months in own.items():
        theirs = [row for row in _whole(campaigns) if row["campaign"] in behind.get(tag, ())]
        for figure in FIGURES:
            kinds = {row["month"]: _kinds(row, figure, theirs) for row in months}
            kinds[None] = sums(sizes for month, sizes in kinds.items() if month is not None)
            forced = _forced(kinds, figure, theirs, of_campaigns, smallest)
            found = _months(kinds, smallest, forced)
            hidden |= {((tag, None, None, month), figure) for month in found}
        (whole,) = [row for row in months if row["month"] is None]
        split = [row for row in theirs if row["month"] is None]
        rest = sum(row["compared"] for row in split) - whole["compared"]
        is_kept = any((cell(row, "campaign"), UPLIFT) in of_campaigns for row in split)
        few = _kinds(whole, "visited", []) | {REST: rest}
        if any(is_small(size, smallest) for size in few.values()) or (is_kept and rest < smallest):
            hidden.add((cell(whole, "tag"), UPLIFT))
    return hidden


def hidden_of_purposes(
    rows: Sequence[Row], campaigns: Sequence[Row], of_campaigns: Hidden, smallest: int
) -> Hidden:
    """Return what purpose_results may not show of all months; months of a purpose are not shown.

    Whom the purpose has and a campaign of it has not, and who was told twice, are groups as well.
    """
    hidden: Hidden = set()
    for row in rows:
        theirs = [each for each in _whole(campaigns) if each["purpose"] == row["purpose"]]
        theirs = [each for each in theirs if each["month"] is None]
        compared = row["compared"], [each["compared"] for each in theirs]
        others = people(row, "visited") - row["compared"]
        kept = [(cell(each, "campaign"), UPLIFT) in of_campaigns for each in theirs]
        if _tells_a_few(*compared, any(kept), smallest) or is_small(others, smallest):
            hidden.add((cell(row, "purpose"), UPLIFT))
        for figure in FIGURES:
            sizes = people(row, figure), [people(each, figure) for each in theirs]
            kept = [
                bool(people(each, figure)) and (cell(each, "campaign"), figure) in of_campaigns
                for each in theirs
            ]
            if _tells_a_few(*sizes, any(kept), smallest):
                hidden.add((cell(row, "purpose"), figure))
    return hidden


def _tells_a_few(size: int, parts: Sequence[int], has_hidden: bool, smallest: int) -> bool:
    """Return whether a purpose would tell of a few people, beside the parts that overlap in it."""
    twice = sum(parts) - size
    groups = size, twice, *(size - part for part in parts)
    return any(is_small(each, smallest) for each in groups) or (has_hidden and twice < smallest)


def _whole(campaigns: Sequence[Row]) -> list[Row]:
    return [row for row in campaigns if row["variant"] is None]


def _kinds(row: Row, figure: str, theirs: Sequence[Row]) -> Kinds:
    """Return the people of a tag in a month, and the rest of the campaigns behind it.

    Where there is no rest, the campaigns tell what the tag hides.
    """
    size = people(row, figure)
    rest = sum(people(each, figure) for each in theirs if each["month"] == row["month"]) - size
    found: Kinds = {ALL: size, (ALL, rest > 0): size, REST: max(0, rest)}
    if figure == "visited":
        found[COMPARED, rest > 0] = row["compared"]
        found[OTHERS, rest > 0] = size - row["compared"]
    return found


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
        if any(kinds.get(row["month"], {}).get(REST, 0) < smallest for row in rows):
            forced |= {row["month"] for row in rows}
    return forced


def _months(
    kinds: Mapping[Month, Kinds], smallest: int, hidden: Collection[Month] = ()
) -> set[Month]:
    whole = kinds.get(None, {})
    parts: dict[Month, Kinds] = {each: sizes for each, sizes in kinds.items() if each is not None}
    known = ALL, REST, (ALL, True)
    if None in hidden or any(is_small(whole.get(each, 0), smallest) for each in known):
        # Without the whole there is nothing to take the others from.
        small = (
            month
            for month, sizes in parts.items()
            if any(is_small(size, smallest) for size in sizes.values())
        )
        return {None, *hidden, *small}
    return hidden_parts(parts, smallest, hidden)
