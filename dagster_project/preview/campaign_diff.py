"""One campaign before and after: who is in its segment, who is written to, how much a month."""

from collections.abc import Sequence
from dataclasses import dataclass

import duckdb

MONTHS = {"month": 1, "half_year": 6, "year": 12}
CYCLE_JA = {"month": "毎月", "half_year": "半年", "year": "年"}
MEMBERS = "standing = 'member'"  # not those of whom it cannot be told
# Whoever is written to once a cycle: tonight, already in this cycle, or on another day because
# a more urgent message takes tonight's place, the month is full for the person or the clinic, or
# the clinic is closed.
REACHED = (
    "reason in ('send', 'already_this_cycle', 'other_message_today', 'cap', 'quiet_or_closed',"
    " 'deferred_by_quota')"
)


@dataclass(frozen=True)
class Side:
    """A campaign as one of the two sets of rules has it."""

    label_ja: str
    cycle: str
    tags: Sequence[str]
    members: int
    accounts: int  # LINE accounts that are written to once a cycle

    def messages_a_month(self) -> float:
        """Return the messages a month, if every account is written to once a cycle."""
        return self.accounts / MONTHS.get(self.cycle, 12)


@dataclass(frozen=True)
class CampaignDiff:
    """A campaign before and after; a side is None where there is no such campaign."""

    campaign: str
    before: Side | None
    after: Side | None
    joined: int
    left: int
    now_sent: int
    no_longer_sent: int
    told_another: int  # LINE accounts that an A/B test gives the other of the two texts

    @property
    def label_ja(self) -> str:
        """Return the name staff know it by."""
        side = self.after or self.before
        return side.label_ja if side else self.campaign

    @property
    def segment(self) -> str:
        """Return the model that says who is in it."""
        return f"seg_{self.campaign}"

    @property
    def extra_a_month(self) -> float:
        """Return how many messages a month more, or fewer, there would be."""
        before, after = (
            each.messages_a_month() if each else 0 for each in (self.before, self.after)
        )
        return after - before

    @property
    def is_changed(self) -> bool:
        """Return whether anybody would be treated differently."""
        people = self.joined + self.left + self.now_sent + self.no_longer_sent + self.told_another
        return people > 0 or self.extra_a_month != 0

    def uses(self, tag: str) -> bool:
        """Return whether the campaign stands on a tag, by the old rules or the new."""
        return any(tag in side.tags for side in (self.before, self.after) if side)


def campaign_diffs(con: duckdb.DuckDBPyConnection, database: str) -> list[CampaignDiff]:
    """Return every campaign of either side, by name."""
    before, after = _sides(con, "published"), _sides(con, database)
    rows = con.execute(
        "select campaign, count(distinct patient_id) filter (b.campaign is null),"
        " count(distinct patient_id) filter (a.campaign is null),"
        " count(distinct patient_id) filter"
        " (a.outcome = 'send' and b.outcome is distinct from 'send'),"
        " count(distinct patient_id) filter"
        " (b.outcome = 'send' and a.outcome is distinct from 'send'),"
        " count(distinct a.line_user_id) filter"
        " (a.line_user_id = b.line_user_id and a.variant <> b.variant)"
        f" from (from {database}.main.delivery_decisions where {MEMBERS}) a"
        f" full join (from published.main.delivery_decisions where {MEMBERS}) b"
        " using (campaign, step, patient_id)"
        " group by campaign"
    ).fetchall()
    counts = {campaign: numbers for campaign, *numbers in rows}
    return [
        CampaignDiff(name, before.get(name), after.get(name), *counts.get(name, (0, 0, 0, 0, 0)))
        for name in sorted(before.keys() | after.keys())
    ]


def _sides(con: duckdb.DuckDBPyConnection, database: str) -> dict[str, Side]:
    rows = con.execute(
        "select c.campaign, any_value(c.label_ja), any_value(c.cycle), any_value(c.tags),"
        " count(distinct d.patient_id),"
        f" count(distinct d.line_user_id) filter (d.{REACHED})"
        f" from {database}.main.campaigns c left join {database}.main.delivery_decisions d"
        f" on d.campaign = c.campaign and d.{MEMBERS} group by c.campaign"
    ).fetchall()
    return {
        campaign: Side(label, cycle, tags.strip(",").split(","), members, accounts)
        for campaign, label, cycle, tags, members, accounts in rows
    }
