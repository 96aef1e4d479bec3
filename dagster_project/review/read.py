"""What a clinic's published night says of its tags, as `tag_review` has it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import duckdb

from dagster_project.publish import Build, build_of


@dataclass(frozen=True)
class ReviewFinding:
    """One thing about one tag: the numbers, whose it is, what to do, and until when it is kept."""

    tag: str
    label: str
    finding: str
    finding_label: str
    rank: int  # the gravest has the smallest
    other_tag: str | None
    owner: str
    evidence: str
    to_do: str
    kept_until: date | None

    @property
    def said(self) -> str:
        """Return the numbers, with the other tag they speak of where there is one."""
        return f"{self.other_tag} と {self.evidence}" if self.other_tag else self.evidence


@dataclass(frozen=True)
class Proposal:
    """A tag that many patients wish for, and nobody has written yet."""

    tag: str
    label: str
    people: int
    first_on: date
    last_on: date


@dataclass(frozen=True)
class Review:
    """The findings of one published night, the gravest first; those that are kept among them."""

    build: Build
    findings: Sequence[ReviewFinding]
    proposals: Sequence[Proposal]

    @property
    def open(self) -> list[ReviewFinding]:
        """Return what nobody has decided to keep."""
        return [each for each in self.findings if each.kept_until is None]

    @property
    def kept(self) -> list[ReviewFinding]:
        """Return what was decided to stay as it is, for now."""
        return [each for each in self.findings if each.kept_until is not None]


def read_review(published: Path) -> Review | None:
    """Return what is published, None before a clinic's first night.

    Raises duckdb.Error where an older Tagline published it, without a review.
    """
    if not published.exists():
        return None
    with duckdb.connect(str(published), read_only=True) as con:
        return review_of(con)


def review_of(con: duckdb.DuckDBPyConnection) -> Review:
    """Return the review of a published warehouse that is open."""
    rows = con.execute(
        "select r.tag, c.label_ja, r.finding, r.label_ja, r.rank, r.other_tag, r.owner,"
        " r.evidence, r.to_do, r.kept_until from tag_review r"
        " join tag_catalog c on c.tag = r.tag"
        " order by r.rank, r.measured desc, r.tag, r.other_tag"
    ).fetchall()
    wishes = con.execute(
        "select proposed_tag, label_ja, people, first_on, last_on from proposed_tags"
        " order by people desc, proposed_tag"
    ).fetchall()
    findings = [ReviewFinding(*row) for row in rows]
    return Review(build_of(con), findings, [Proposal(*row) for row in wishes])
