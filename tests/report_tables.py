"""What a report reads, laid in tables: a clinic that has sent, and one that has not."""

from datetime import date, datetime, time, timedelta
from pathlib import Path

from clinic_builder import write_clinic
from results_tables import CAMPAIGN, Laid, numbers

from dagster_project.publish import LAYOUT
from dagster_project.settings import Settings

SENT = date(2026, 5, 1)
JUNE = date(2026, 6, 2)
TONIGHT = date(2026, 6, 3)  # the thirty days of May are over, those of June are not


def d13(laid: Laid) -> None:
    """Lay D13's numbers: a campaign, who was left out of it, and a tag that fourteen people have.

    A second campaign's messages went out in June, and their windows are open.
    """
    laid.lay(
        "campaigns",
        {**CAMPAIGN, "label_ja": "生活習慣病の定期検診"},
        {**CAMPAIGN, "campaign": "small", "label_ja": "少人数へのご案内", "tags": ",few,"},
        {**CAMPAIGN, "campaign": "late", "label_ja": "受診間隔が空いた方へのご案内", "tags": ",t,"},
    )
    told, left_out, few = numbers(1, 1200), numbers(2001, 2133), numbers(3001, 3014)
    laid.send(SENT, told)
    laid.leave_out(SENT, left_out)
    laid.come(SENT + timedelta(days=3), [*told[:132], *left_out[:8]])
    laid.send(SENT, few, campaign="small", occurrence_id="small", batch_id="few")
    laid.come(SENT + timedelta(days=2), few[:2])
    laid.send(JUNE, numbers(4001, 4040), campaign="late", occurrence_id="late", batch_id="late")
    for tag, label, people in (
        ("t", "高血圧", [*told, *numbers(4001, 4040)]),
        ("few", "帯状疱疹ワクチンの対象", few),
    ):
        laid.lay("tag_catalog", {"tag": tag, "label_ja": label})
        spell = {"tag": tag, "held_from": date(2026, 1, 1)}
        laid.lay("tag_history", *({**spell, "patient_id": each} for each in people))
    unit = {"sent_on": SENT, "read_on": TONIGHT, "is_frozen": True}
    laid.lay(
        "ledger.unit_statistics",
        {**unit, "batch_id": f"b-{SENT}", "recipients": 1200, "impressions": 804, "clicks": 168},
        {**unit, "batch_id": "few", "recipients": 14},
    )
    blocked_at = datetime.combine(SENT + timedelta(days=2), time(10))
    laid.lay(
        "ledger.blocks", *({"line_user_id": f"U{n}", "blocked_at": blocked_at} for n in range(1, 7))
    )


def around(laid: Laid) -> None:
    """Lay what is not of messages: what cannot be told, what to review, what was answered."""
    laid.lay("tag_counts", {"tag": "t", "unknown": 59, "patients": 118})
    laid.lay("tag_counts", {"tag": "few", "unknown": 0, "patients": 118})
    finding = {"finding": "brings_nobody", "label_ja": "配信しても来院がない", "rank": 1,
               "measured": 0, "owner": "佐藤", "to_do": "送り先か文面を見直す"}  # fmt: skip
    laid.lay("tag_review", {**finding, "tag": "few", "evidence": "半年で 120 人に送り来院 0"})
    asked = {"questionnaire": "voice", "question": "来やすい曜日"}
    laid.lay(
        "answer_results",
        {**asked, "label": "土曜", "people": 30, "share": 0.75},
        {**asked, "label": "平日の夕方", "people": None, "share": None},
    )
    wish = {"proposed_tag": "wish_saturday", "label_ja": "土曜の診療", "people": 30}
    laid.lay("proposed_tags", {**wish, "first_on": SENT, "last_on": TONIGHT})


def installed(laid: Laid, folder: Path, as_of: date = TONIGHT) -> Settings:
    """Return an installation whose clinic `here` has published that night, `there` none."""
    settings = Settings(
        data_dir=folder / "data", exports_dir=folder / "exports", business_day=as_of
    )
    for clinic_id in ("here", "there"):
        write_clinic(settings.exports_dir, clinic_id, as_of, {})
    laid.lay("clinic.contact_policy", {"max_messages_a_day": 1})
    laid.con.execute(
        "update meta.build set clinic_id = 'here', build_id = 'b', built_at = $at,"
        " layout = $layout",
        {"at": f"{as_of}T02:00:00+09:00", "layout": LAYOUT},
    )
    laid.publish(settings.published_path("here"))
    return settings
