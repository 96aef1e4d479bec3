"""Decisions on tags at their review: kept as they are until a day, merged or retired.

A tag belongs to the repository and not to a clinic, so a decision counts for every clinic
of the ledger. Nothing is ever changed or taken back: the newest decision on a tag counts.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Literal

from sqlalchemy import Engine, func, insert, select

from dagster_project.ledger.audit import write_audit
from dagster_project.ledger.store import reading, writing
from dagster_project.ledger.tables import tag_decision

EVERY_CLINIC = "*"
KEPT = "keep"
Action = Literal["keep", "merge", "retire"]
Found = tuple[str | None, str | None]  # a finding, and the other tag where there is one


class DecisionError(Exception):
    """A decision that cannot be recorded; the message says what to do."""


@dataclass(frozen=True)
class Decision:
    """What somebody decided of a tag; `found` are the findings a tag is kept in spite of."""

    tag: str
    action: Action
    reason: str
    made_by: str
    into_tag: str | None = None
    kept_until: date | None = None
    found: Sequence[Found] = ((None, None),)

    @property
    def said(self) -> str:
        """Return what the audit tells of it; the reason stays in its own row."""
        into = f" into {self.into_tag}" if self.into_tag else ""
        until = f" until {self.kept_until}" if self.kept_until else ""
        return f"{self.action} {self.tag}{into}{until}"


@dataclass(frozen=True)
class Recorded:
    """One row of the ledger: a decision, for one finding where it was kept."""

    id: int
    tag: str
    action: Action
    finding: str | None
    other_tag: str | None
    into_tag: str | None
    reason: str
    made_by: str
    made_on: date
    kept_until: date | None


def decide(engine: Engine, decision: Decision, made_on: date, now: datetime) -> None:
    """Record a decision. Raises DecisionError without a reason, a name, or a day in reach."""
    if not decision.reason.strip():
        raise DecisionError("a decision needs a reason: --reason TEXT (理由を書いてください)")
    if not decision.made_by.strip():
        raise DecisionError("a decision needs a name: --by NAME (記入者を書いてください)")
    if decision.kept_until and decision.kept_until <= made_on:
        raise DecisionError(
            f"--until {decision.kept_until} is not after {made_on} (期日は明日以降にしてください)"
        )
    rows = [
        {
            "tag": decision.tag,
            "action": decision.action,
            "finding": finding,
            "other_tag": other_tag,
            "into_tag": decision.into_tag,
            "reason": decision.reason.strip(),
            "made_by": decision.made_by.strip(),
            "made_on": made_on,
            "kept_until": decision.kept_until,
        }
        for finding, other_tag in decision.found
    ]
    with writing(engine, EVERY_CLINIC) as con:
        con.execute(insert(tag_decision), rows)
        said = f"{decision.said}, by {decision.made_by.strip()}"
        write_audit(con, now, EVERY_CLINIC, "tag_decided", f"tag {decision.tag}", said)


def decisions(engine: Engine) -> list[Recorded]:
    """Return everything ever decided, the oldest first."""
    with reading(engine) as con:
        rows = con.execute(select(tag_decision).order_by(tag_decision.c.id)).mappings()
        return [Recorded(**row) for row in rows]


def retired(engine: Engine, as_of: date) -> Mapping[str, Recorded]:
    """Return the tags that are retired or merged on a day, each with the decision."""
    newest = (
        select(func.max(tag_decision.c.id))
        .where(tag_decision.c.made_on <= as_of)
        .group_by(tag_decision.c.tag)
    )
    rows = select(tag_decision).where(tag_decision.c.id.in_(newest), tag_decision.c.action != KEPT)
    with reading(engine) as con:
        found = [
            Recorded(**row) for row in con.execute(rows.order_by(tag_decision.c.tag)).mappings()
        ]
    return {each.tag: each for each in found}


def decisions_for_warehouse(engine: Engine) -> list[tuple[object, ...]]:
    """Return the rows of `ledger.tag_decisions`, in its order of columns, without the reasons."""
    return [
        (d.id, d.tag, d.action, d.finding, d.other_tag, d.into_tag, d.made_on, d.kept_until)
        for d in decisions(engine)
    ]
