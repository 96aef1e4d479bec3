"""Which contents of a clinic wait for somebody's approval.

A campaign that declares `approval: required` needs one for each day it is sent, anywhere. Sending
live, every content that LINE has never accepted from this clinic needs one too, once: what is
new or was changed is looked at by a second person before a patient reads it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import yaml
from sqlalchemy import Connection

from dagster_project.ledger.approvals import Content, approved, sent_before
from dagster_project.line.wordings import versions


@dataclass(frozen=True)
class Campaign:
    """What a campaign's yml says of approving it, and the versions of what it says now."""

    contents: Sequence[Content]  # one, or of an A/B test two
    owner: str | None
    is_required: bool


def campaigns_in(campaigns_dir: Path) -> Mapping[str, Campaign]:
    """Return the campaigns by name. Raises MessageError or KeyError for one that is no campaign."""
    return {
        name: _campaign(
            campaigns_dir / name / f"seg_{name}.yml",
            [(name, version) for version in by_variant.values()],
        )
        for name, by_variant in versions(campaigns_dir).items()
    }


def waiting(
    con: Connection,
    clinic_id: str,
    campaigns: Mapping[str, Campaign],
    as_of: date,
    *,
    is_live: bool,
) -> set[str]:
    """Return the campaigns whose present content may not leave on a day before an approval.

    A campaign waits as a whole for each of its variants.
    """
    today = approved(con, clinic_id, as_of)
    known = approved(con, clinic_id) | sent_before(con, clinic_id)
    return {
        name
        for name, each in campaigns.items()
        if (each.is_required and not today.issuperset(each.contents))
        or (is_live and not known.issuperset(each.contents))
    }


def _campaign(path: Path, contents: Sequence[Content]) -> Campaign:
    said = yaml.safe_load(path.read_text(encoding="utf-8"))["models"][0]["config"]["meta"]
    declared = said["campaign"]
    # Whatever is written there, nobody writes it to have nothing approved.
    return Campaign(contents, declared.get("owner"), "approval" in declared)
