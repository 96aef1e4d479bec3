"""What goes out this morning, read from the published warehouse, the ledger and the messages."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
from sqlalchemy import Engine, func, select

from dagster_project.checks.audience import out_of_band
from dagster_project.insight.flow import Flow, flow_of
from dagster_project.insight.share import Share, read_share
from dagster_project.insight.standing import asks_for_approval, asks_for_people, held_back
from dagster_project.insight.summary import WaterfallStep, read_published
from dagster_project.insight.turns import Turn, read_turns
from dagster_project.insight.why import reasons
from dagster_project.ledger.preflight import Look, last_look
from dagster_project.ledger.store import reading
from dagster_project.ledger.tables import batch, intent
from dagster_project.line.messages import Message, MessageError
from dagster_project.line.wordings import PLAIN, wording, wordings_of
from dagster_project.publish import Build, reading_published

WAITING = {"planned", "frozen", "sending"}
Told = tuple[str, str, int]  # variant, wording, patients


@dataclass(frozen=True)
class Recipient:
    """One account's message: the patients it is for, by id, and why each."""

    patients: Sequence[tuple[str, Sequence[str]]]  # patient id, why: a line each
    text: int  # its place among the campaign's texts


@dataclass(frozen=True)
class Text:
    """One text a campaign sends this morning, word for word, and how many accounts get it."""

    messages: Sequence[Message]
    accounts: int
    variant: str | None  # of an A/B test


@dataclass(frozen=True)
class Campaign:
    """One campaign this morning."""

    name: str
    label_ja: str
    priority: int
    hours: str | None  # its own, where it has any
    tags: Sequence[tuple[str, int]]  # label, patients to be written to who have it
    flow: Flow
    recipients: Sequence[Recipient]
    texts: Sequence[Text]
    trouble: str | None  # why the text shown is not the one planned


@dataclass(frozen=True)
class Morning:
    """A clinic's morning."""

    build: Build
    as_of: date
    campaigns: Sequence[Campaign]
    failed_checks: Sequence[tuple[str, str, str]]  # check, what it is about, severity
    fates: Sequence[tuple[str, str | None, int]]  # of today's plan: state, reason, accounts
    held_back: Sequence[str]  # stops and vetoes in force, a line each
    used: int  # messages of ours that LINE took this month
    limit: int | None
    share: Share  # of what LINE said the month has left
    turns: Sequence[Turn]  # in which it was shared out
    look: Look  # at the channel, before the window

    @property
    def is_stale(self) -> bool:
        """Return whether the published night is not the business day's own."""
        return self.build.as_of != self.as_of

    @property
    def accounts(self) -> int:
        """Return how many messages are planned."""
        return sum(len(each.recipients) for each in self.campaigns)

    @property
    def waiting(self) -> int:
        """Return how many messages of today's plan have not left."""
        return sum(accounts for state, _, accounts in self.fates if state in WAITING)

    @property
    def left(self) -> int | None:
        """Return how many messages the month has left, by the ledger's own count."""
        return None if self.limit is None else max(0, self.limit - self.used)


def read_morning(
    published: Path,
    engine: Engine,
    campaigns_dir: Path,
    as_of: date,
    limit: int | None,
    *,
    is_live: bool = False,
) -> Morning | None:
    """Return a clinic's morning, None before its first night.

    Live, what LINE never took from this clinic is said to wait for an approval as well.
    Raises OtherLayoutError for a night that another version of us published.
    """
    night = read_published(published)
    if night is None:
        return None
    with reading_published(published) as con:
        failed = con.execute(
            "select v.check_name, coalesce(k.label_ja, c.label_ja, v.subject), v.severity"
            " from checks.verdicts v left join tag_catalog k on v.scope = 'tag'"
            " and k.tag = v.subject left join campaigns c on v.scope = 'campaign'"
            " and c.campaign = v.subject where not v.is_passed order by all"
        ).fetchall()
        campaigns = [
            _campaign(con, campaigns_dir, name, label, place, hours, tags, night.waterfall)
            for name, label, place, hours, tags in con.execute(
                "select campaign, label_ja, priority, sends_from || '〜' || sends_until, tags"
                " from campaigns order by priority, campaign"
            ).fetchall()
        ]
        share, turns = read_share(con), read_turns(con)
    fates, used = _ledger(engine, night.build)
    held = held_back(engine, night.build.clinic_id)
    held += [asks_for_people(*each) for each in out_of_band(published).items()]
    planned = {each.name: (each.label_ja, len(each.recipients)) for each in campaigns}
    planned = {name: said for name, said in planned.items() if said[1]}
    held += asks_for_approval(engine, night.build, campaigns_dir, planned, is_live=is_live)
    look = last_look(engine, night.build.clinic_id)
    return Morning(
        night.build, as_of, campaigns, failed, fates, held, used, limit, share, turns, look
    )


def _campaign(
    con: duckdb.DuckDBPyConnection,
    campaigns_dir: Path,
    name: str,
    label: str,
    place: int,
    hours: str | None,
    tags: str,
    waterfall: Sequence[WaterfallStep],
) -> Campaign:
    listed = [tag for tag in tags.split(",") if tag]
    plan = con.execute(
        "select patient_ids, wording, variant, content_version from delivery_plan"
        " where campaign = ?"
        " order by all",
        [name],
    ).fetchall()
    why = reasons(con, name, listed)
    told = [(variant, wording, len(who.split(","))) for who, wording, variant, _ in plan]
    planned = {(variant, version) for _, _, variant, version in plan}
    texts, places, trouble = _content(campaigns_dir / name, told, planned)
    recipients = [
        Recipient([(who, why.get(who, [])) for who in row[0].split(",")], place)
        for row, place in zip(plan, places, strict=True)
    ]
    counted = con.execute(
        "select k.label_ja, count(*) from delivery_decisions d"
        " join patient_tags t on t.patient_id = d.patient_id and t.state = 'has'"
        " join tag_catalog k on k.tag = t.tag"
        " where d.campaign = ? and d.outcome = 'send' and list_contains(?, t.tag)"
        " group by k.label_ja order by 2 desc, 1",
        [name, listed],
    ).fetchall()
    flow = flow_of([step for step in waterfall if step.campaign == name])
    return Campaign(name, label, place, hours, counted, flow, recipients, texts, trouble)


def _content(
    folder: Path, told: Sequence[Told], planned: set[tuple[str, str]]
) -> tuple[list[Text], list[int], str | None]:
    """Return the texts of these messages, and which each of them is told."""
    try:
        versions, said = wordings_of(folder)
    except MessageError as error:
        return [], [0] * len(told), f"文面を読めません: {error}"
    # Of a campaign that writes to nobody this morning its plain text is shown.
    shown = sorted({*told}) or [(variant, PLAIN, 1) for variant in versions]
    cases = {
        each: (each[0], wording(said, versions.get(each[0], versions["a"]), *each[1:]))
        for each in shown
    }
    different: list[tuple[str, list[Message]]] = []
    for words in cases.values():
        if words not in different:
            different.append(words)
    places = [different.index(cases[each]) for each in told]
    texts = [
        Text(words, places.count(at), variant if len(versions) > 1 else None)
        for at, (variant, words) in enumerate(different)
    ]
    if not planned <= versions.items():
        changed = "計画のあとに文面が変わりました。下の文面は計画したものではありません。"
        return texts, places, changed
    return texts, places, None


def _ledger(engine: Engine, build: Build) -> tuple[list[tuple[str, str | None, int]], int]:
    """Return today's intents by fate, and the people LINE took this month (from our own count)."""
    state = func.coalesce(batch.c.state, intent.c.state)
    reason = func.coalesce(batch.c.reason, intent.c.reason)
    fates = (
        select(state, reason, func.count())
        .outerjoin_from(intent, batch, batch.c.id == intent.c.batch_id)
        .where(intent.c.clinic_id == build.clinic_id, intent.c.as_of == build.as_of)
        .group_by(state, reason)
        .order_by(state, reason)
    )
    used = (
        select(func.count())
        .select_from(intent)
        .join(batch, batch.c.id == intent.c.batch_id)
        .where(
            intent.c.clinic_id == build.clinic_id,
            intent.c.as_of >= build.as_of.replace(day=1),
            batch.c.state.in_(("accepted", "unknown")),
        )
    )
    with reading(engine) as con:
        rows: Sequence[Any] = con.execute(fates).all()
        return [(str(s), r, int(n)) for s, r, n in rows], int(con.execute(used).scalar_one())
