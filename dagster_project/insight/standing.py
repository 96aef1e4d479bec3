"""What stands in the way of sending, by whose word: for the summary and `tagline status`."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from rich.console import Console
from sqlalchemy import Engine

from dagster_project.checks.audience import out_of_band
from dagster_project.delivery.approval import campaigns_in, waiting
from dagster_project.delivery.gate import HOLDS_JA
from dagster_project.ledger.alerts import alerts_since
from dagster_project.ledger.approvals import awaiting_approval
from dagster_project.ledger.dead_letters import DeadLetter, undecided
from dagster_project.ledger.holds import Hold, in_force
from dagster_project.ledger.store import reading
from dagster_project.line.messages import MessageError
from dagster_project.publish import Build


@dataclass(frozen=True)
class Standing:
    """What holds a clinic's messages back, what waits for a person, what one was told of lately."""

    holds: Sequence[Hold]
    vetoes: Sequence[Hold]
    awaiting: Mapping[str, int]  # campaigns that wait for an approval, with their people
    out_of_band: Mapping[str, int]  # campaigns held for how many they are for
    letters: Sequence[DeadLetter]
    alerts: Sequence[str]


def read_standing(engine: Engine, published: Path, clinic_id: str, now: datetime) -> Standing:
    """Return what stands in the way of a clinic's sending, as the ledger has it now."""
    with reading(engine) as con:
        return Standing(
            in_force(con, clinic_id, "stop", "breaker"),
            in_force(con, clinic_id, "veto"),
            awaiting_approval(con, clinic_id),
            out_of_band(published),
            undecided(con, clinic_id),
            alerts_since(con, clinic_id, now - timedelta(days=1)),
        )


def held_back(engine: Engine, clinic_id: str) -> list[str]:
    """Return a line for each stop, tripped breaker and veto in force."""
    with reading(engine) as con:
        holds = in_force(con, clinic_id, "stop", "breaker")
        vetoes = in_force(con, clinic_id, "veto")
    return [f"{HOLDS_JA[each.kind]}: {each.said}" for each in holds] + [
        f"差し止め中: {each.subject_ja}: {each.said}" for each in vetoes
    ]


def asks_for_people(campaign: str, people: int) -> str:
    """Return what a campaign waits for that is held for how many it is for."""
    command = f"tagline approve {campaign} --people {people} --by 承認者"
    return (
        f"人数が検査の帯の外: {campaign} 対象 {people} 人 (確かめて `{command}`、もう一度 nightly)"
    )


def asks_for_approval(
    engine: Engine,
    build: Build,
    campaigns_dir: Path,
    planned: Mapping[str, tuple[str, int]],
    *,
    is_live: bool,
) -> list[str]:
    """Return a line for each planned campaign (label, people) that waits for an approval.

    A text nobody can read is said where it is shown; its campaign asks for nothing yet.
    """
    try:
        campaigns = campaigns_in(campaigns_dir)
    except MessageError:
        return []
    with reading(engine) as con:
        waits = waiting(con, build.clinic_id, campaigns, build.as_of, is_live=is_live)
    return [_awaits(name, *planned[name]) for name in planned if name in waits]


def _awaits(campaign: str, label: str, people: int) -> str:
    return f"承認待ち: {label} {people} 人 (`tagline approve {campaign} --by 承認者`)"


def render_standing(console: Console, standing: Standing) -> None:
    """Print a line for each thing that stands in the way; nothing when the way is free."""
    for each in standing.holds:
        line = f"{HOLDS_JA[each.kind]}: {each.said}"
        console.print(line, style="bold red", markup=False, highlight=False, soft_wrap=True)
    lines = [f"差し止め中: {each.subject_ja}: {each.said}" for each in standing.vetoes]
    lines += [_awaits(name, name, people) for name, people in standing.awaiting.items()]
    lines += [asks_for_people(*each) for each in standing.out_of_band.items()]
    if standing.letters:
        people = sum(each.recipients for each in standing.letters)
        lines.append(f"届いたか不明: {people} 人、判断待ち (`tagline retry`)")
    for line in lines:
        console.print(line, style="yellow", markup=False, highlight=False, soft_wrap=True)
    for text in standing.alerts:
        console.print(f"警告: {text}", style="red", markup=False, highlight=False, soft_wrap=True)
