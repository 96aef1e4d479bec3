"""An explanation in Japanese, and the same in English."""

from collections.abc import Mapping

from rich.console import Console
from rich.markup import escape

from dagster_project.authoring.words import (
    COLUMNS,
    evidence_in_japanese,
    threshold_in_japanese,
)
from dagster_project.insight.answers import Answer, CampaignAnswer, Evidence, TagAnswer

STATE_JA = {
    "has": "該当",
    "has_not": "該当しない",
    "unknown": "判定不能",
    "not_held": "該当せず、または判定不能",
    "retired": "廃止されたタグ",
}
LACKING = {"has_not", "not_held"}
DELIVERY_JA = {
    "planned": "送信待ち",
    "skipped": "見送り",
    "expired": "期限切れ",
    "batched": "送信中",
    "accepted": "送信済",
    "rejected": "LINEが拒否",
    "unknown": "不明",
}
STATE_EN = {
    "has": "yes",
    "has_not": "no",
    "unknown": "unknown",
    "not_held": "no or unknown",
    "retired": "a retired tag",
}


def render_answer(console: Console, answer: Answer) -> None:
    """Print the whole answer; ids, codes and days only, no names."""
    build = answer.build
    console.print(f"患者 {answer.patient_id}  (業務日 {build.as_of}、{build.build_id})")
    if answer.is_past:
        console.print("過去の夜の履歴から (根拠の行は残りません) / from the history")
    if not answer.is_listed:
        console.print("[yellow]今日の患者一覧にいません / not in today's patient list[/]")
    asked = len(answer.tags) == 1
    for tag in answer.tags:
        if asked or tag.state in {"has", "unknown"}:
            _tag(console, tag, answer.words)
    lacking = [tag for tag in answer.tags if tag.state in LACKING]
    if lacking and not asked:
        state = lacking[0].state
        labels = "、".join(tag.label_ja for tag in lacking)
        said = f"{STATE_JA[state]} / {STATE_EN[state]}: {labels} (--tag で理由 / for why)"
        console.print(said)
    for campaign in answer.campaigns:
        _campaign(console, campaign)


def _tag(console: Console, tag: TagAnswer, words: Mapping[str, str]) -> None:
    since_ja = f" ({tag.since} から)" if tag.since else ""
    since_en = f" since {tag.since}" if tag.since else ""
    console.print(
        f"[bold]{tag.label_ja}[/] ({tag.tag}) = {STATE_JA[tag.state]}{since_ja}"
        f" / {STATE_EN[tag.state]}{since_en}",
        highlight=False,
    )
    for evidence in tag.evidence:
        said = escape(_evidence(evidence, words))
        console.print(f"    根拠 / evidence: {said}", highlight=False, soft_wrap=True)
    for row in tag.seen:
        said = ", ".join(f"{COLUMNS.get(name, '')} {name}={value}" for name, value in row.items())
        console.print(f"    見た記録 / looked at: {escape(said)}", highlight=False, soft_wrap=True)
    if tag.state in {"has_not", "unknown"} and not tag.seen and not tag.evidence:
        console.print("    見た記録なし / no record to look at", highlight=False)
    if tag.held_from:
        until = tag.held_to or ""
        console.print(f"    履歴 / held: {tag.held_from} 〜 {until}", highlight=False)
    said = f"{tag.meaning_ja} / {tag.rule}"
    console.print(
        f"    規則 / rule {tag.rule_version}: {escape(said)}", highlight=False, soft_wrap=True
    )


def _evidence(evidence: Evidence, words: Mapping[str, str]) -> str:
    japanese = evidence_in_japanese(evidence.value, words)
    said = f"{japanese} / {evidence.value}" if japanese else evidence.value
    on = f" {evidence.on}" if evidence.on else ""
    against = ""
    if evidence.threshold:
        against = f" (基準 {threshold_in_japanese(evidence.threshold)} / {evidence.threshold})"
    place = f"{evidence.table} {evidence.file}:{evidence.line}"
    return f"{said}{on}{against} [{place}]"


def _campaign(console: Console, campaign: CampaignAnswer) -> None:
    sent = "送る / send" if campaign.reason == "send" else "送らない / not sent"
    on = f" {campaign.because_on}" if campaign.because_on else ""
    said = campaign.reason_ja or "対象の条件に当てはまらない"
    console.print(
        f"[bold]{campaign.label_ja}[/] ({campaign.campaign}): {sent} —"
        f" {said}{on} / {campaign.reason}{on}",
        highlight=False,
    )
    if campaign.why_then:
        said = f"    今月の残りを分ける順番 / quota turn: {campaign.turn} — {campaign.why_then}"
        console.print(said, highlight=False)
    if campaign.because_of is not None:
        said = f"    対象の条件 / segment: 当てはまる / yes {campaign.because_of}".rstrip()
        console.print(escape(said), highlight=False, soft_wrap=True)
    if campaign.variant:
        console.print(f"    A/Bテストの文面 / text: {campaign.variant}", highlight=False)
    if campaign.delivery:
        known = DELIVERY_JA.get(campaign.delivery, campaign.delivery)
        console.print(f"    台帳 / ledger: {known} / {campaign.delivery}", highlight=False)
