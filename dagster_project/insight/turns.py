"""In which order a published night shared out what the month had left, and why in that one."""

from collections.abc import Sequence
from dataclasses import dataclass

import duckdb

TURNS = """
select
    shares.turn,
    campaigns.label_ja,
    shares.step,
    shares.has_deadline,
    campaigns.priority,
    turns.given_priority,
    turns.visits_per_message,
    count(*),
    count(*) filter (not shares.is_granted)
from quota_shares as shares
join campaigns on campaigns.campaign = shares.campaign
left join campaign_turns as turns
    on turns.campaign = shares.campaign and turns.step = shares.step
group by all
order by shares.turn, campaigns.priority, campaigns.label_ja, shares.step
"""


@dataclass(frozen=True)
class Why:
    """What a message's turn goes by: its last day, what it brings, or its campaign's priority."""

    has_deadline: bool
    priority: int
    given_priority: int | None  # the one it has by its results; None where they tell nothing yet
    visits_per_message: float | None  # that would not have been

    def __str__(self) -> str:
        if self.has_deadline:
            return "最後の日が翌月を待てない"
        if self.visits_per_message is None:
            return f"優先順位 {self.priority}"
        moved = self.given_priority != self.priority
        place = f"{self.priority} → {self.given_priority}" if moved else f"{self.priority} のまま"
        return f"1通あたりの来院 {self.visits_per_message:+.2f} (優先順位 {place})"


@dataclass(frozen=True)
class Turn:
    """One campaign's step in one turn: why then, how many messages, how many have to wait."""

    turn: int
    label_ja: str
    step: int
    why: Why
    messages: int
    deferred: int


def read_turns(con: duckdb.DuckDBPyConnection) -> Sequence[Turn]:
    """Return the turns of the published warehouse that is open, the first one first."""
    return [
        Turn(turn, label, step, Why(*why), messages, deferred)
        for turn, label, step, *why, messages, deferred in con.execute(TURNS).fetchall()
    ]
