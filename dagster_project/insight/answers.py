"""What an explanation consists of: tags with their evidence, campaigns with their one reason."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from dagster_project.insight.turns import Why
from dagster_project.publish import Build


@dataclass(frozen=True)
class Evidence:
    """One record that was looked at: where it stands, what it says, against what."""

    table: str
    file: str  # name of the export, or the start of its hash
    line: int
    on: date | None
    value: str
    threshold: str | None


@dataclass(frozen=True)
class TagAnswer:
    """One tag of one patient: `state` is has, unknown, has_not, or retired of a tag that is.

    Of a past night not_held, where the history does not tell no from unknown.
    """

    tag: str
    label_ja: str
    meaning_ja: str
    rule: str
    rule_version: str | None
    state: str
    since: date | None
    evidence: Sequence[Evidence]
    seen: Sequence[dict[str, object]]  # of a tag that is not held: the fact rows its rule read
    held_from: date | None
    held_to: date | None


@dataclass(frozen=True)
class CampaignAnswer:
    """One campaign and the patient: the one reason, and the day behind it where there is one.

    `delivery` is what the ledger says became of a plan of that day, where it is known; `variant`
    which text of an A/B test is theirs, None without a test; `because_of` what the segment takes
    them for, None where they are no member, or of a past night; `turn` when the message got its
    share of what the month had left, and `why_then`, None where it asked for none and of a past
    night.
    """

    campaign: str
    label_ja: str
    reason: str
    reason_ja: str | None
    because_on: date | None
    delivery: str | None
    variant: str | None
    because_of: str | None = None
    turn: int | None = None
    why_then: Why | None = None


@dataclass(frozen=True)
class Answer:
    """Everything that was asked about one patient."""

    build: Build  # the night that answers
    is_past: bool  # whether a later one has been published
    patient_id: str
    is_listed: bool
    tags: Sequence[TagAnswer]
    campaigns: Sequence[CampaignAnswer]
    words: Mapping[str, str]  # what staff call the tags and items that evidence names
