"""What sending reads of the published night, all of it at once."""

from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass
from datetime import date, time, timedelta
from pathlib import Path

import duckdb

from dagster_project.clinic import SendWindow
from dagster_project.delivery.afford import Turn
from dagster_project.delivery.gate import CameTo, Key
from dagster_project.delivery.merges import merges_in
from dagster_project.publish import Build, build_of, reading_published


@dataclass(frozen=True)
class Night:
    """What sending asks of the published night, read at once."""

    build: Build
    plan: Mapping[Key, Sequence[str]]  # the patients of each message
    told_as: Mapping[Key, str]  # which wording each message is
    turns: Mapping[Key, Turn]
    due: Set[tuple[str, str]]  # campaign and patient decided for, or only sent already
    pauses: Mapping[str, int]  # campaign -> days after a visit without an invitation
    windows: Mapping[str, SendWindow]  # of the campaigns that have hours of their own
    entries: Mapping[CameTo, date]  # in a scenario: a visit from that day on is its goal
    merged: Mapping[str, str]  # chart -> the one it was merged into
    retired: Set[str]  # campaigns with a tag that was retired since


def read_night(path: Path, retired_tags: Set[str]) -> Night:
    """Return the published night, through one connection: another build may take its place.

    Raises OtherLayoutError for one that another version of us published.
    """
    with reading_published(path) as con:
        rows = con.execute(
            "select occurrence_id, line_user_id, patient_ids, wording, quota_turn, quota_place,"
            " goes_in_parts from delivery_plan"
        ).fetchall()
        due = con.execute(
            "select campaign, patient_id from delivery_decisions"
            " where reason in ('send', 'already_this_cycle')"
        ).fetchall()
        said = con.execute(
            "select campaign, visited_within_days, sends_from, sends_until from campaigns"
        ).fetchall()
        entries = con.execute(
            "select campaign, patient_id, visits_count_from from scenario_positions"
            " where state = 'active'"
        ).fetchall()
        return Night(
            build_of(con),
            {(occurrence, user): patients.split(",") for occurrence, user, patients, *_ in rows},
            {(occurrence, user): wording for occurrence, user, _, wording, *_ in rows},
            {(row[0], row[1]): Turn(*row[4:]) for row in rows if row[4] is not None},
            set(due),
            {campaign: days for campaign, days, *_ in said},
            {name: _window(opens, closes) for name, _, opens, closes in said if opens},
            {(campaign, patient): day for campaign, patient, day in entries},
            merges_in(con),
            _standing_on(con, retired_tags) if retired_tags else set(),
        )


def came_since(night: Night, last_visits: Mapping[str, date]) -> set[CameTo]:
    """Return who came within the days a campaign gives, or since they entered its scenario."""
    came = {
        (campaign, patient)
        for campaign, days in night.pauses.items()
        for patient, day in last_visits.items()
        if day + timedelta(days=days) > night.build.as_of
    }
    reached = {
        (campaign, patient)
        for (campaign, patient), counts_from in night.entries.items()
        if last_visits.get(patient, date.min) >= counts_from
    }
    return came | reached


def _window(opens: str, closes: str) -> SendWindow:
    return SendWindow(opens=time.fromisoformat(opens), closes=time.fromisoformat(closes))


def _standing_on(con: duckdb.DuckDBPyConnection, tags: Set[str]) -> set[str]:
    rows = con.execute(
        "select distinct campaign from tag_references where campaign is not null and tag in $tags",
        {"tags": sorted(tags)},
    ).fetchall()
    return {campaign for (campaign,) in rows}
