"""What a report reads, laid in tables: a clinic that has sent, and one that has not."""

from collections.abc import Sequence
from datetime import date, datetime, time, timedelta
from pathlib import Path
from random import Random

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
    laid.lay(
        "tag_review",
        {**finding, "tag": "few", "evidence": "半年で 120 人に送り来院 0"},
        {**finding, "tag": "few", "rank": 2, "other_tag": "t", "evidence": "93.0 % 重なる"},
    )
    asked = {"questionnaire": "voice", "question": "weekday"}
    laid.lay(
        "clinic.choices",
        {**asked, "title": "診療のアンケート", "question_text": "来やすい曜日", "campaign": "late"},
    )
    laid.lay(
        "answer_results",
        {**asked, "label": "土曜", "people": 30, "share": 0.75},
        {**asked, "label": "平日の夕方", "people": None, "share": None},
    )
    laid.lay("answer_results", {**asked, "question": "words", "label": "自由記述", "people": 12,
                                "share": 1.0})  # fmt: skip
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


MONTHS = [date(2025, month, 1) for month in (10, 11, 12)] + [
    date(2026, month, 1) for month in range(1, 6)
]
# Label, tags, told and left out a month, the share who come by themselves, what is added, opened.
PLANTED = {
    "lifestyle": ("生活習慣病の定期検診", "hypertension,glucose", 160, 40, 0.10, 0.09, 0.62),
    "lapsed": ("受診間隔が空いた方へのご案内", "lapsed", 220, 25, 0.06, 0.005, 0.41),
    "vaccination": ("予防接種のお知らせ", "mr_due", 70, 0, 0.35, 0.0, 0.78),
    "screening": ("女性健診のご案内", "breast_due", 14, 0, 0.15, 0.0, 0.0),
    "followup": ("健診後フォロー", "over_threshold", 45, 12, 0.20, 0.0, 0.55),
}
LABELS = {"hypertension": "高血圧", "glucose": "血糖が基準以上", "lapsed": "受診間隔6か月以上",
          "mr_due": "MRの接種時期", "breast_due": "乳がん検診の時期",
          "over_threshold": "健診の値が基準以上"}  # fmt: skip


def eight_months(laid: Laid) -> None:
    """Lay a clinic's eight months of five campaigns, of which one brings people, and a ninth begun.

    One has nobody to be compared with, one is of fewer people than LINE shows, one is a scenario.
    """
    unused = {"finding": "never_referenced", "label_ja": "どこからも使われていない", "rank": 3,
              "owner": "院長", "to_do": "使う予定がなければ廃止してください。",
              "evidence": "使っているセグメントとモデル 0 件"}  # fmt: skip
    laid.lay("tag_review", *({**unused, "tag": tag} for tag in LABELS))
    draw = Random(1)  # noqa: S311 - the same months every time
    for tag, label in LABELS.items():
        laid.lay("tag_catalog", {"tag": tag, "label_ja": label})
    first = 1
    for priority, (name, planted) in enumerate(PLANTED.items(), 1):
        label, tags, told, left_out, base, added, opened = planted
        named = {**CAMPAIGN, "campaign": name, "label_ja": label, "priority": priority}
        laid.lay("campaigns", {**named, "tags": f",{tags},"})
        for month in [*MONTHS, JUNE]:
            people = numbers(first, first + told - 1)
            others = numbers(first + told, first + told + left_out - 1)
            first += told + left_out
            _month(laid, name, month, people, others)
            for share, arm in ((base + added, people), (base, others)):
                came = [each for each in arm if draw.random() < share] if month != JUNE else []
                if came:
                    laid.come(month + timedelta(days=1 + draw.randrange(29)), came)
            if name == "followup" and month != JUNE:
                again = {"step": 2, "occurrence_id": f"{name} 2 {month}", "batch_id": f"2 {month}"}
                laid.send(month + timedelta(days=14), people[:30], campaign=name, **again)
            for tag in tags.split(","):
                spell = {"tag": tag, "held_from": date(2025, 1, 1)}
                holders = people[:: 1 if tag != "glucose" else 2]
                laid.lay("tag_history", *({**spell, "patient_id": each} for each in holders))
            read = [round(n * (opened + draw.uniform(-0.06, 0.06))) for n in (told, told / 8)]
            unit = {"batch_id": f"{name} {month}", "recipients": told, "sent_on": month}
            if month != JUNE:
                seen = {"impressions": read[0], "clicks": read[1]} if told >= 20 else {}
                laid.lay("ledger.unit_statistics",
                         {**unit, "read_on": TONIGHT, "is_frozen": True, **seen})  # fmt: skip
            at = datetime.combine(month + timedelta(days=1), time(20))
            laid.lay("ledger.blocks", {"line_user_id": f"U{people[0]}", "blocked_at": at})


def _month(
    laid: Laid, campaign: str, day: date, people: Sequence[str], left_out: Sequence[str]
) -> None:
    what = {"campaign": campaign, "occurrence_id": f"{campaign} {day}"}
    laid.send(day, people, **what, batch_id=f"{campaign} {day}")
    if left_out:
        laid.leave_out(day, left_out, **what)
