"""The review as the catalogue shows it: one heading a finding, one line a tag, clinics together."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from dagster_project.ledger.tag_decisions import KEPT, Recorded
from dagster_project.review.read import Review
from dagster_project.review.render import ACTIONS


@dataclass(frozen=True)
class Flagged:
    """One tag under a finding: whose it is, and what the numbers are at which clinics."""

    tag: str
    label: str
    owner: str
    numbers: dict[str, list[str]]  # what they say, and the clinics they say it of


@dataclass(frozen=True)
class Group:
    """One finding with what to do, and the tags it is made of."""

    label: str
    to_do: str
    flagged: Sequence[Flagged]


@dataclass(frozen=True)
class Decided:
    """One decision as people read it."""

    on: date
    tag: str
    label: str
    what: str
    by: str


def groups(reviews: Sequence[Review]) -> list[Group]:
    """Return what is open at any clinic, the gravest finding first."""
    found: dict[tuple[int, str, str], dict[str, Flagged]] = {}
    for review in reviews:
        for each in review.open:
            group = found.setdefault((each.rank, each.finding_label, each.to_do), {})
            flagged = Flagged(each.tag, each.label, each.owner.strip(), {})
            numbers = group.setdefault(each.tag, flagged).numbers
            numbers.setdefault(each.said, []).append(review.build.clinic_id)
    return [
        Group(label, to_do, list(group.values()))
        for (_, label, to_do), group in sorted(found.items(), key=lambda each: each[0])
    ]


def decided(decisions: Sequence[Recorded], labels: Mapping[str, str]) -> list[Decided]:
    """Return what was decided, the newest first; of a tag that was kept, once for all of it."""
    found: dict[Decided, None] = {}
    for each in reversed(decisions):
        into = f" ({labels.get(each.into_tag, each.into_tag)} へ)" if each.into_tag else ""
        until = f" ({each.kept_until} まで)" if each.action == KEPT and each.kept_until else ""
        what = f"{ACTIONS[each.action]}{into}{until}"
        label = labels.get(each.tag, each.tag)
        found[Decided(each.made_on, each.tag, label, what, each.made_by)] = None
    return list(found)
