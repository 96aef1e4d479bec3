"""Why one patient has or lacks a tag, and why a message did or did not go.

Read from the published warehouse only, so that it says what the sender knew, and in
well under two seconds: no dbt and no Dagster is loaded for it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import duckdb

from dagster_project.ingest.reachability import patient_id
from dagster_project.publish import Build, build_of

HIDDEN = {"patient_id", "file_id", "line_no", "birth_date"}


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
    """One tag of one patient: `state` is has, unknown or has_not."""

    tag: str
    label_ja: str
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
    """One campaign and the patient: the one reason, and the day behind it where there is one."""

    campaign: str
    label_ja: str
    reason: str
    reason_ja: str
    because_on: date | None
    line_account: bool


@dataclass(frozen=True)
class Answer:
    """Everything that was asked about one patient."""

    build: Build
    patient_id: str
    is_listed: bool
    tags: Sequence[TagAnswer]
    campaigns: Sequence[CampaignAnswer]


def explain(
    published: Path, patient_no: str, tag: str | None, campaign: str | None, as_of: date | None
) -> Answer:
    """Return the answer as of the published day, or membership as of an earlier one.

    Of an earlier day the tags' history is known, its evidence and decisions are not.
    Raises KeyError for a tag or campaign that does not exist.
    """
    who = patient_id(patient_no.strip())
    with duckdb.connect(str(published), read_only=True) as con:
        build = build_of(con)
        day = as_of or build.as_of
        listed = con.execute("select 1 from patients_today where patient_id = ?", [who]).fetchall()
        tags = [] if campaign and not tag else _tags(con, who, tag, day, build)
        campaigns = [] if tag and not campaign else _campaigns(con, who, campaign)
        shown = campaigns if day == build.as_of else []
        return Answer(build, who, bool(listed), tags, shown)


def _tags(
    con: duckdb.DuckDBPyConnection, who: str, tag: str | None, day: date, build: Build
) -> list[TagAnswer]:
    rows = con.execute(
        "select c.tag, c.label_ja, c.rule, r.rule_version, coalesce(t.state, 'has_not'), t.since,"
        " c.fact, c.fact_filter from tag_catalog c"
        " left join meta.rule_versions r on r.tag = c.tag"
        " left join patient_tags t on t.tag = c.tag and t.patient_id = ?"
        " where ? is null or c.tag = ? order by c.family, c.tag",
        [who, tag, tag],
    ).fetchall()
    if tag and not rows:
        raise KeyError(f"no tag {tag}")
    answers = []
    for name, label, rule, version, state, since, fact, where in rows:
        spell = con.execute(
            "select held_from, held_to, gained_by_rule from tag_history where tag = ?"
            " and patient_id = ? and held_from <= ? order by held_from desc limit 1",
            [name, who, day],
        ).fetchall()
        held_from, held_to, by_rule = spell[0] if spell else (None, None, None)
        if day != build.as_of:
            holds = held_from is not None and (held_to is None or held_to > day)
            answers.append(
                TagAnswer(
                    name,
                    label,
                    rule,
                    by_rule,
                    "has" if holds else "has_not",
                    None,
                    [],
                    [],
                    held_from,
                    held_to,
                )
            )
            continue
        evidence = _evidence(con, who, name)
        seen = _seen(con, who, fact, where) if state != "has" else []
        answers.append(
            TagAnswer(name, label, rule, version, state, since, evidence, seen, held_from, held_to)
        )
    return answers


def _evidence(con: duckdb.DuckDBPyConnection, who: str, tag: str) -> list[Evidence]:
    rows = con.execute(
        "select e.table_name, coalesce(f.name, substr(e.file_id, 1, 8)), e.line_no, e.observed_on,"
        " e.value, e.threshold from tag_evidence e"
        " left join (select file_id, min(name) as name from meta.source_files group by file_id) f"
        " on f.file_id = e.file_id where e.patient_id = ? and e.tag = ?"
        # Removed by hand: there is no row in patient_tags to say so.
        " union all select 'override', 'ledger', override_id, made_on,"
        " 'removed by hand until ' || cast(expires_on as varchar), null from overrides_in_force"
        " where patient_id = ? and tag = ? and action = 'remove'",
        [who, tag, who, tag],
    ).fetchall()
    return [Evidence(*row) for row in rows]


def _seen(
    con: duckdb.DuckDBPyConnection, who: str, fact: str, where: str
) -> list[dict[str, object]]:
    """Return what the rule's fact says of a patient, without what names or finds them."""
    found = con.execute(f"select * from {fact} where patient_id = ? and ({where})", [who])
    names = [column[0] for column in found.description or []]
    return [
        {name: value for name, value in zip(names, row, strict=True) if _is_telling(name, value)}
        for row in found.fetchall()
    ]


def _is_telling(name: str, value: object) -> bool:
    return value is not None and name not in HIDDEN and not name.endswith(("file_id", "line_no"))


def _campaigns(
    con: duckdb.DuckDBPyConnection, who: str, campaign: str | None
) -> list[CampaignAnswer]:
    rows = con.execute(
        "select c.campaign, c.label_ja, coalesce(d.reason, 'not_in_segment'),"
        " coalesce(r.label_ja, '対象の条件に当てはまらない'), d.because_on,"
        " d.line_user_id is not null from campaigns c"
        " left join delivery_decisions d on d.campaign = c.campaign and d.patient_id = ?"
        " left join decision_reasons r on r.reason = d.reason"
        " where ? is null or c.campaign = ? order by c.priority",
        [who, campaign, campaign],
    ).fetchall()
    if campaign and not rows:
        raise KeyError(f"no campaign {campaign}")
    return [CampaignAnswer(*row) for row in rows]
