"""One tag before and after: who gains it, who loses it, and who stands nearest to the border."""

import hmac
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from hashlib import sha256

import duckdb

from dagster_project.preview.changes import Change

EXAMPLES = 3
# The number of an evidence value or threshold: "sbp_mmhg 138.0 mmHg", ">= 130.0", "5 visit days".
NUMBER = r"(?:^| )(-?[0-9]+(?:\.[0-9]+)?)(?: |$)"


@dataclass(frozen=True)
class Example:
    """One patient at the border, under a pseudonym: what was read, against what, of which day."""

    pseudonym: str
    value: str
    threshold: str
    on: date | None


@dataclass(frozen=True)
class TagDiff:
    """How many people a tag gains, loses and keeps, and some at its border."""

    tag: str
    label_ja: str
    change: Change
    version_before: str | None
    version_after: str | None
    gained: int
    lost: int
    kept: int
    unknown_before: int
    unknown_after: int
    gained_examples: Sequence[Example]  # by the new rule
    lost_examples: Sequence[Example]  # by the old rule
    warnings: Sequence[str] = ()  # what a review would say of its members, with the numbers

    @property
    def is_idle(self) -> bool:
        """Return whether the rule was edited and nobody is judged differently by it."""
        moved = self.gained + self.lost + abs(self.unknown_after - self.unknown_before)
        return self.change == "edited" and moved == 0


def count_tags(
    con: duckdb.DuckDBPyConnection, database: str, tags: Sequence[str]
) -> Mapping[str, Sequence[int]]:
    """Return gained, lost, kept, unknown before and unknown after of each of the tags."""
    rows = con.execute(
        "select coalesce(a.tag, b.tag), count(*) filter (a.state = 'has' and"
        " b.state is distinct from 'has'), count(*) filter (b.state = 'has' and"
        " a.state is distinct from 'has'), count(*) filter (a.state = 'has' and b.state = 'has'),"
        " count(*) filter (b.state = 'unknown'), count(*) filter (a.state = 'unknown')"
        f" from (from {database}.main.patient_tags where tag in $tags) a"
        " full join (from published.main.patient_tags where tag in $tags) b"
        " on b.tag = a.tag and b.patient_id = a.patient_id group by all",
        {"tags": list(tags)},
    ).fetchall()
    return {tag: counts for tag, *counts in rows}


def warnings(
    con: duckdb.DuckDBPyConnection, database: str, labels: Mapping[str, str]
) -> dict[str, list[str]]:
    """Return what the members of each tag say against it, by the rules of the review."""
    rows = con.execute(
        f"select tag, other_tag, evidence from {database}.main.tag_member_findings order by all"
    ).fetchall()
    found: dict[str, list[str]] = {}
    for tag, other, evidence in rows:
        if other is None:
            found.setdefault(tag, []).append(evidence)
            continue
        for one, another in ((tag, other), (other, tag)):
            said = f"{labels.get(another, another)} ({another}) と {evidence}"
            found.setdefault(one, []).append(said)
    return found


def examples(
    con: duckdb.DuckDBPyConnection, tag: str, holding: str, lacking: str, key: bytes
) -> list[Example]:
    """Return those who hold a tag in one database and not in the other, nearest to the border.

    Nearest by the number in the evidence where it has one, else the most recent.
    """
    value, threshold = (
        f"try_cast(regexp_extract({column}, '{NUMBER}', 1) as double)"
        for column in ("evidence_value", "evidence_threshold")
    )
    rows = con.execute(
        "select patient_id, coalesce(evidence_value, ''), coalesce(evidence_threshold, ''),"
        f" evidence_on from {holding}.main.patient_tags as held"
        f" anti join (from {lacking}.main.patient_tags where tag = $tag and state = 'has') as other"
        " on other.patient_id = held.patient_id where held.tag = $tag and held.state = 'has'"
        f" order by abs({value} - {threshold}) nulls last, evidence_on desc nulls last, patient_id"
        f" limit {EXAMPLES}",
        {"tag": tag},
    ).fetchall()
    return [Example(pseudonym(who, key), *rest) for who, *rest in rows]


def pseudonym(patient_id: str, key: bytes) -> str:
    """Return eight hex digits that stand for a patient in this one report.

    The key is drawn anew for each report and kept nowhere: a patient number is so short
    that whoever had the key could try them all.
    """
    return hmac.new(key, patient_id.encode(), sha256).hexdigest()[:8]
