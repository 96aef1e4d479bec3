"""The last look at a clinic's channel before its window, while staff have time to act on it.

A dead token, or no unit name left, stops the clinic; a text LINE refuses holds its campaign. A
webhook that does not answer stops nothing: who blocked us LINE leaves out by itself, and what was
said meanwhile comes late, but a clinic that never uses the chat must be able to send.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from sqlalchemy import Engine, exists, select

from dagster_project.clinic import Clinic
from dagster_project.delivery.afford import room_by_line
from dagster_project.delivery.alarm import NO_UNITS, UNAUTHORIZED, tell
from dagster_project.delivery.channel import Inspected, WrongChannelError, prove
from dagster_project.delivery.contents import check_contents, refused
from dagster_project.delivery.freeze import MAX_BATCH
from dagster_project.delivery.gate import Key
from dagster_project.delivery.planned import waiting_keys
from dagster_project.ledger.chat_tables import line_event
from dagster_project.ledger.content_checks import checked
from dagster_project.ledger.preflight import Finding, keep_look
from dagster_project.ledger.store import reading, writing
from dagster_project.line.credentials import CredentialError
from dagster_project.line.messages import MessageError
from dagster_project.line.reach import NoSimulatorError
from dagster_project.line.wordings import versions, wordings
from dagster_project.publish import LAYOUT, read_build, reading_published

SILENT = (ConnectionError, PermissionError)  # LINE does not say


@dataclass(frozen=True)
class Need:
    """What the plan still asks of the month: messages, and at most so many unit names."""

    messages: int = 0
    units: int = 0


def need_of(engine: Engine, clinic_id: str, published: Path) -> Need:
    """Return what a clinic's planned messages need. Each batch has a unit name of its own."""
    with reading(engine) as con:
        waiting = waiting_keys(con, clinic_id)
    build = read_build(published)
    if not waiting or build is None or build.layout != LAYOUT:
        return Need(len(waiting), 0)
    with reading_published(published) as con:
        rows = con.execute(
            "select occurrence_id, line_user_id, variant, wording, patients from delivery_plan"
        ).fetchall()
    told: Mapping[tuple[object, ...], int] = Counter(
        (row[0], *row[2:]) for row in rows if _key(row) in waiting
    )
    return Need(len(waiting), sum(-(-people // MAX_BATCH) for people in told.values()))


def _key(row: tuple[str, ...]) -> Key:
    return row[0], row[1]


def look(
    engine: Engine,
    clinic: Clinic,
    reach: Callable[[], Inspected],
    campaigns_dir: Path,
    need: Need,
    now: datetime,
) -> list[Finding]:
    """Look at a clinic's channel and texts, keep what was found, and write alerts.

    `reach` opens the channel; what it raises is a finding. Contents that LINE took once are not
    asked for again; those it refused are.
    """
    findings: list[Finding] = []
    try:
        channel = reach()
        prove(channel, clinic)
    except PermissionError:
        findings.append(Finding("token", "stop", UNAUTHORIZED))
    except WrongChannelError:
        said = "トークンは別のアカウントのものです。clinic.yaml の line.channel と合わせてください"
        findings.append(Finding("token", "stop", said))
    except (CredentialError, NoSimulatorError) as error:
        findings.append(Finding("token", "stop", f"チャネルを開けません: {error}"))
    except (OSError, ValueError):
        said = "LINEに届きません。送信のときにもう一度確かめます"
        findings.append(Finding("token", "stop", said))
    else:
        findings = [
            Finding("token", "ok", f"{clinic.line.channel} のトークンは有効です"),
            _quota(engine, clinic, channel, need, now),
            _units(channel, need),
            _webhook(engine, clinic, channel),
            *_contents(engine, clinic, channel, campaigns_dir, now),
        ]
    with writing(engine, clinic.clinic_id) as con:
        keep_look(con, clinic.clinic_id, findings, now)
        for each in _for_staff(findings):
            tell(con, clinic.clinic_id, each.what, each.said, now)
    return findings


def _for_staff(findings: Iterable[Finding]) -> list[Finding]:
    """Return what staff are told at once; of a refused text they were when LINE said so."""
    return [
        each
        for each in findings
        if each.what != "content"
        and (not each.is_ready or (each.what == "webhook" and each.level == "warn"))
    ]


def _quota(
    engine: Engine, clinic: Clinic, channel: Inspected, need: Need, now: datetime
) -> Finding:
    try:
        left = room_by_line(engine, clinic, channel, now).left
    except SILENT:
        return Finding("quota", "warn", "残り通数が読めません。送信のときにもう一度確かめます")
    if left is None:
        return Finding("quota", "ok", f"上限なし、計画 {need.messages:,} 通")
    said = f"残り {left:,} 通、計画 {need.messages:,} 通"
    if need.messages > left:
        return Finding("quota", "warn", f"{said}。入りきらない分は後回しになります")
    return Finding("quota", "ok", said)


def _units(channel: Inspected, need: Need) -> Finding:
    try:
        left = channel.units_left()
    except SILENT:
        return Finding("units", "warn", "今月の集計単位の残りが読めません")
    said = f"残り {left:,} 個、計画に要るのは最大 {need.units:,} 個"
    if left <= 0:
        return Finding("units", "stop", NO_UNITS)
    if need.units > left:
        return Finding("units", "hold", f"{said}。{NO_UNITS}")
    return Finding("units", "ok", said)


def _webhook(engine: Engine, clinic: Clinic, channel: Inspected) -> Finding:
    try:
        found = channel.webhook()
    except SILENT:
        return Finding("webhook", "warn", "Webhookの様子をLINEが答えません")
    if found.is_active and found.is_reached:
        return Finding("webhook", "ok", "LINEから届いています")
    if found.detail == "not set" and not _is_chat_used(engine, clinic.clinic_id):
        return Finding("webhook", "ok", "設定されておらず、チャットの記録もありません")
    why = "LINEで利用がオフです" if not found.is_active else f"届きません ({found.detail})"
    if found.detail == "not set":
        why = "LINEに設定されていません"
    return Finding("webhook", "warn", f"{why}。その間の同意、停止、ブロックを見落とします")


def _is_chat_used(engine: Engine, clinic_id: str) -> bool:
    with reading(engine) as con:
        said = exists().where(line_event.c.clinic_id == clinic_id)
        return bool(con.execute(select(said)).scalar_one())


def _contents(
    engine: Engine, clinic: Clinic, channel: Inspected, campaigns_dir: Path, now: datetime
) -> list[Finding]:
    """Return how LINE takes what every campaign says now, asking only for what it never took."""
    try:
        contents = {
            (campaign, version)
            for campaign, variants in versions(campaigns_dir).items()
            for version in variants.values()
        }
        messages = wordings(campaigns_dir)
    except MessageError as error:
        return [Finding("content", "stop", f"文面を読めません: {error}")]
    known = _known(engine, clinic)
    new = {content for content in contents if known.get(content, "") is not None}
    silent = []
    try:
        check_contents(engine, clinic.clinic_id, channel, new, messages, now)
    except SILENT:
        silent.append(
            Finding("content", "hold", "LINEの検証が答えません。送信のときにもう一度確かめます")
        )
    known = _known(engine, clinic)
    taken = [content for content in contents if known.get(content, "") is None]
    said = f"{len(contents)} 件のうち {len(taken)} 件をLINEが受け付けます (うち今回 {len(new)} 件)"
    refusals = [
        Finding("content", "hold", refused(campaign, str(refusal)))
        for (campaign, version), refusal in sorted(known.items(), key=str)
        if (campaign, version) in contents and refusal is not None
    ]
    return [Finding("content", "ok", said), *refusals, *silent]


def _known(engine: Engine, clinic: Clinic) -> Mapping[tuple[str, str], str | None]:
    with reading(engine) as con:
        return checked(con, clinic.clinic_id)
