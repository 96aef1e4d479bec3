"""A campaign's waterfall: its members, falling reason by reason to those who are written to."""

from collections.abc import Sequence
from dataclasses import dataclass

from dagster_project.insight.summary import WaterfallStep

UNKNOWN, SEND = "unknown", "send"


@dataclass(frozen=True)
class Fall:
    """One reason, the patients it took, and how many were left after it."""

    reason_ja: str
    taken: int
    left: int


@dataclass(frozen=True)
class Flow:
    """How many belong to a campaign, what took whom, and who cannot be placed at all."""

    members: int
    falls: Sequence[Fall]
    sent: int
    beside: Sequence[WaterfallStep]  # no members: a missing record leaves it open


def flow_of(steps: Sequence[WaterfallStep]) -> Flow:
    """Return the flow of one campaign's reasons, in the order they are applied."""
    members = [step for step in steps if step.reason != UNKNOWN]
    left = total = sum(step.patients for step in members)
    falls = []
    for step in members:
        if step.reason != SEND:
            left -= step.patients
            falls.append(Fall(step.reason_ja, step.patients, left))
    return Flow(total, falls, left, [step for step in steps if step.reason == UNKNOWN])
