"""The same questions of a day gone by: who held a tag by which rule, what was decided, what left.

The night that stood on that day answers: the last one published up to it. The history
keeps who held a tag and what was decided; records that were looked at it does not, and
`tagline replay` builds such a night again.
"""

from datetime import date, datetime

import duckdb

from dagster_project.insight.answers import CampaignAnswer, Evidence, TagAnswer
from dagster_project.publish import Build

EDITED = "(その後に変更。今は / edited since, now) "


def night_of(con: duckdb.DuckDBPyConnection, clinic_id: str, day: date) -> Build:
    """Return the night that stood on a day. Raises KeyError where none is on record."""
    try:
        rows = con.execute(
            "select build_id, as_of, built_at from meta.nights where as_of <= ?"
            " order by as_of desc limit 1",
            [day],
        ).fetchall()
    except duckdb.CatalogException:
        rows = []  # an older version published it
    if not rows:
        raise KeyError(f"{day} に公開されていた夜の記録がありません / no published night on record")
    build_id, as_of, built_at = rows[0]
    return Build(clinic_id, build_id, as_of, datetime.fromisoformat(built_at))


def past_tags(
    con: duckdb.DuckDBPyConnection, who: str, tag: str | None, night: date
) -> list[TagAnswer]:
    """Return the tags of a patient as a past night had them."""
    rows = con.execute(
        "select c.tag, c.label_ja, c.description, c.rule, max_by(r.rule_version, r.on_day),"
        " n.rule_version"
        " from tag_catalog c left join meta.rule_versions n on n.tag = c.tag"
        " left join meta.rule_history r on r.tag = c.tag and r.on_day <= $night"
        " where $tag is null or c.tag = $tag"
        " group by c.family, c.tag, c.label_ja, c.description, c.rule, n.rule_version"
        " order by c.family, c.tag",
        {"night": night, "tag": tag},
    ).fetchall()
    spells = con.execute(
        "select tag, held_from, held_to from tag_history where patient_id = $who"
        " and held_from <= $night order by held_from",
        {"who": who, "night": night},
    ).fetchall()
    last = {name: (held_from, held_to) for name, held_from, held_to in spells}
    by_hand = _overrides(con, who, night)
    answers = []
    for name, label, meaning, rule, version, version_now in rows:
        held_from, held_to = last.get(name, (None, None))
        note = "" if version == version_now else EDITED
        holds = held_from is not None and (held_to is None or held_to > night)
        answers.append(
            TagAnswer(
                tag=name,
                label_ja=label,
                meaning_ja=f"{note}{meaning}",
                rule=f"{note}{rule}",
                rule_version=version,
                state="has" if holds else "not_held",
                since=None,
                evidence=by_hand.get(name, []),
                seen=[],
                held_from=held_from,
                held_to=held_to,
            )
        )
    return answers


def past_campaigns(
    con: duckdb.DuckDBPyConnection, who: str, campaign: str | None, night: date
) -> list[CampaignAnswer]:
    """Return what a past night decided of a patient, and what became of what it planned."""
    rows = con.execute(
        "select c.campaign, c.label_ja, coalesce(e.reason, 'not_in_segment'), r.label_ja,"
        " e.because_on, d.state, case when c.b_from is not null then d.variant end"
        " from campaigns c"
        " left join (select campaign, reason, because_on from decision_events"
        " where patient_id = $who and on_day <= $night"
        # A scenario that moves on leaves one step and is at the next on the same day.
        " qualify row_number() over (partition by campaign"
        " order by on_day desc, reason = 'not_in_segment', step desc) = 1) e"
        " on e.campaign = c.campaign"
        " left join decision_reasons r on r.reason = e.reason"
        " left join (select campaign, max(state) as state, max(variant) as variant"
        " from stg_deliveries"
        " where patient_id = $who and as_of = $night group by campaign) d"
        " on d.campaign = c.campaign"
        " where $campaign is null or c.campaign = $campaign order by c.priority, c.campaign",
        {"who": who, "night": night, "campaign": campaign},
    ).fetchall()
    return [CampaignAnswer(*row) for row in rows]


def _overrides(con: duckdb.DuckDBPyConnection, who: str, night: date) -> dict[str, list[Evidence]]:
    """Return what was set by hand and in force, as the night itself knew it; the newest counts."""
    rows = con.execute(
        "select tag, id, made_on, action, expires_on from ledger.overrides"
        " where patient_id = $who and known_on <= $night and made_on <= $night"
        " and expires_on >= $night and (withdrawal_known_on is null"
        " or withdrawal_known_on > $night or withdrawn_on > $night) order by made_on, id",
        {"who": who, "night": night},
    ).fetchall()
    said = {"add": "added by hand until", "remove": "removed by hand until"}
    return {
        tag: [Evidence("override", "ledger", number, made_on, f"{said[action]} {until}", None)]
        for tag, number, made_on, action, until in rows
    }
