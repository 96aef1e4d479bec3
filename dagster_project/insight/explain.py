"""Why one patient has or lacks a tag, and why a message did or did not go.

Read from the published warehouse only, so that it says what the sender knew, and in
well under two seconds: no dbt and no Dagster is loaded for it.
"""

from datetime import date
from pathlib import Path

import duckdb

from dagster_project.ingest.reachability import patient_id
from dagster_project.insight.answers import Answer, CampaignAnswer, Evidence, TagAnswer
from dagster_project.insight.explain_past import night_of, past_campaigns, past_tags
from dagster_project.insight.source_files import files_of, named
from dagster_project.insight.turns import Why
from dagster_project.publish import build_of, reading_published

HIDDEN = {"patient_id", "file_id", "line_no", "birth_date"}


def explain(
    published: Path, patient_no: str, tag: str | None, campaign: str | None, as_of: date | None
) -> Answer:
    """Return the answer as of the published day, or as the night of an earlier day had it.

    Raises KeyError for a tag or campaign that does not exist, or a day of which there is no
    record, and OtherLayoutError for a night that another version of us published.
    """
    who = patient_id(patient_no.strip())
    with reading_published(published) as con:
        build = build_of(con)
        is_past = as_of is not None and as_of < build.as_of
        listed = con.execute("select 1 from patients_today where patient_id = ?", [who]).fetchall()
        if as_of is not None and is_past:
            build = night_of(con, build.clinic_id, as_of)
            tags = past_tags(con, who, tag, build.as_of)
            campaigns = past_campaigns(con, who, campaign, build.as_of)
        else:
            tags, campaigns = _tags(con, who, tag), _campaigns(con, who, campaign)
        words = con.execute(
            "select tag, label_ja from tag_catalog"
            " union all select item, label_ja from observation_items"
        ).fetchall()
    if tag and not tags:
        raise KeyError(f"no tag {tag}")
    if campaign and not campaigns:
        raise KeyError(f"no campaign {campaign}")
    # Asked for one of the two alone, the other is left out.
    shown_tags = tags if tag or not campaign else []
    shown_campaigns = campaigns if campaign or not tag else []
    return Answer(build, is_past, who, bool(listed), shown_tags, shown_campaigns, words=dict(words))


def _tags(con: duckdb.DuckDBPyConnection, who: str, tag: str | None) -> list[TagAnswer]:
    rows = con.execute(
        "select c.tag, c.label_ja, c.description, c.rule, r.rule_version, coalesce(t.state,"
        " case when c.retired_on is null then 'has_not' else 'retired' end), t.since,"
        " c.fact, c.fact_filter from tag_catalog c"
        " left join meta.rule_versions r on r.tag = c.tag"
        " left join patient_tags t on t.tag = c.tag and t.patient_id = ?"
        " where ? is null or c.tag = ? order by c.family, c.tag",
        [who, tag, tag],
    ).fetchall()
    evidence, spells = _evidence(con, who, tag), _last_spells(con, who)
    answers = []
    for name, label, meaning, rule, version, state, since, fact, where in rows:
        held_from, held_to = spells.get(name, (None, None))
        answers.append(
            TagAnswer(
                tag=name,
                label_ja=label,
                meaning_ja=meaning,
                rule=rule,
                rule_version=version,
                state=state,
                since=since,
                evidence=evidence.get(name, []),
                seen=[] if state in {"has", "retired"} else _seen(con, who, fact, where),
                held_from=held_from,
                held_to=held_to,
            )
        )
    return answers


def _evidence(
    con: duckdb.DuckDBPyConnection, who: str, tag: str | None
) -> dict[str, list[Evidence]]:
    """Return the records behind each tag, the decisive one first, then the newest."""
    rows = con.execute(
        f"select e.tag, e.table_name, {named('e')}, e.line_no,"
        f" e.observed_on, e.value, e.threshold from tag_evidence e{files_of('e')}"
        " where e.patient_id = $who and ($tag is null or e.tag = $tag)"
        " order by e.is_decisive desc, e.observed_on desc, e.line_no",
        {"who": who, "tag": tag},
    ).fetchall()
    # Removed by hand: there is no row in patient_tags to say so.
    rows += con.execute(
        "select tag, 'override', 'ledger', override_id, made_on,"
        " 'removed by hand until ' || cast(expires_on as varchar), null from overrides_in_force"
        " where patient_id = ? and action = 'remove'",
        [who],
    ).fetchall()
    found: dict[str, list[Evidence]] = {}
    for name, *record in rows:
        found.setdefault(name, []).append(Evidence(*record))
    return found


def _last_spells(
    con: duckdb.DuckDBPyConnection, who: str
) -> dict[str, tuple[date | None, date | None]]:
    rows = con.execute(
        "select tag, held_from, held_to from tag_history where patient_id = ? order by held_from",
        [who],
    ).fetchall()
    return {name: (held_from, held_to) for name, held_from, held_to in rows}


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
        " r.label_ja, d.because_on, null, case when c.b_from is not null then d.variant end,"
        " case when d.standing = 'member' then coalesce(d.evidence, '') end,"
        " d.quota_turn, s.has_deadline, c.priority, t.given_priority, t.visits_per_message"
        " from campaigns c"
        " left join delivery_decisions d on d.campaign = c.campaign and d.patient_id = ?"
        " left join decision_reasons r on r.reason = d.reason"
        " left join quota_shares s on d.quota_turn is not null"
        " and s.occurrence_id = d.occurrence_id and s.line_user_id = d.line_user_id"
        " left join campaign_turns t on t.campaign = s.campaign and t.step = s.step"
        " where ? is null or c.campaign = ? order by c.priority",
        [who, campaign, campaign],
    ).fetchall()
    return [
        # Without a turn there is no why either.
        CampaignAnswer(*(*row[:9], None if row[8] is None else Why(*row[9:])))
        for row in rows
    ]
