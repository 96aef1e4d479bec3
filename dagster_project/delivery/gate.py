"""The one gate: what must still be true at the moment of sending.

The plan was made at night. Between then and the window people block, withdraw
consent, book and come; a run may be late; a newer build may have been published.
"""

from collections import Counter
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass
from datetime import datetime

from dagster_project.clinic import Clinic, SendWindow
from dagster_project.ledger.holds import Hold
from dagster_project.ledger.waits import AFTER_WINDOW, BEFORE_WINDOW
from dagster_project.publish import LAYOUT, Build, other_layout

Key = tuple[str, str]  # occurrence_id, line_user_id
MAX_A_DAY = 2  # messages to one account, whatever plans them
Consent = tuple[str, str, str]  # line_user_id, patient_id, purpose
CameTo = tuple[str, str]  # campaign, patient_id


@dataclass(frozen=True)
class Closed:
    """Why nothing at all may be sent now; for people, in Japanese."""

    reason: str


HOLDS_JA = {
    "stop": "配信は人の手で止められています (`tagline resume` で再開)",
    "breaker": "遮断器が作動しています (確認のうえ `tagline reset` で解除)",
}
UNREADABLE_LINKS = Closed("LINE連携の新しいエクスポートが読めず、同意を確かめられません")
UNREADABLE_VISITS = Closed("来院の新しいエクスポートが読めず、来院した人を確かめられません")


@dataclass(frozen=True)
class Planned:
    """One intent that has reached nobody yet, as the gate sees it."""

    key: Key
    purpose: str
    patient_ids: Sequence[str]
    campaign: str
    priority: int
    content_version: str
    variant: str
    build_id: str
    batch_id: str | None


def why_closed(
    clinic: Clinic, build: Build | None, now: datetime, holds: Sequence[Hold] = ()
) -> Closed | None:
    """Return why the gate is shut for a clinic at an instant in Asia/Tokyo, or None.

    `holds` are the stops in force: what a person said goes before everything else.
    """
    if holds:
        return Closed(f"{HOLDS_JA[holds[0].kind]}: {holds[0].said}")
    if build is None:
        return Closed("公開された夜がまだありません")
    if build.clinic_id != clinic.clinic_id:
        return Closed("別の医院のデータです")
    if build.layout != LAYOUT:
        return Closed(other_layout(build))
    if build.as_of != now.date():
        return Closed(f"公開されているのは{build.as_of}のデータで、今日のものではありません")
    if not clinic.calendar.is_open(now.date()):
        return Closed("休診日です")
    if not clinic.may_send_at(now):
        window = clinic.send_window
        return Closed(f"送信時間外です ({window.opens:%H:%M}〜{window.closes:%H:%M})")
    return None


def outside_window(windows: Mapping[str, SendWindow], now: datetime) -> dict[str, str]:
    """Return the campaigns whose own hours do not hold an instant in Asia/Tokyo, each with why."""
    return {
        campaign: BEFORE_WINDOW if now.time() < window.opens else AFTER_WINDOW
        for campaign, window in windows.items()
        if not window.holds(now)
    }


def refusals(
    planned: Sequence[Planned],
    still_planned: Mapping[Key, Sequence[str]],
    reachable: set[Consent],
    sent_today: Mapping[str, int] | None = None,
    retired: Set[str] = frozenset(),
    had_today: Set[tuple[str, str]] = frozenset(),
    vetoed: Set[str] = frozenset(),
    visited: Set[CameTo] = frozenset(),
    max_a_day: int = MAX_A_DAY,
) -> dict[Key, str]:
    """Return the intents that may not be sent after all, each with its reason.

    `still_planned` is the published plan of this moment, with its patients;
    `reachable` who follows and consents now. One patient of a message without
    consent stops the whole message: it was written for all of them. `sent_today`
    counts each account's messages of the day, and the most urgent come first; `retired`
    are the campaigns that stand on a tag which was retired since the night; `had_today`
    is what content each account got today, which under another occurrence is a repeat;
    `vetoed` are the subjects of vetoes, a message for several patients stopped by one;
    `visited` who came by the newest export, and of which campaign that is the goal;
    `max_a_day` is the clinic's own cap.
    """
    refused: dict[Key, str] = {}
    had = set(had_today)
    messages = Counter(sent_today or {})
    for each in planned:
        _, user = each.key
        if each.key not in still_planned:
            refused[each.key] = "no_longer_due"
        elif each.campaign in retired:
            refused[each.key] = "tag_retired"
        elif vetoed & subjects(each):
            refused[each.key] = "vetoed"
        elif any((each.campaign, patient) in visited for patient in each.patient_ids):
            refused[each.key] = "visited_recently"
        elif sorted(still_planned[each.key]) != sorted(each.patient_ids):
            refused[each.key] = "patients_changed"
        elif any((user, patient, each.purpose) not in reachable for patient in each.patient_ids):
            refused[each.key] = "consent_or_link_gone"
        elif sent_today is not None and (user, each.content_version) in had:
            refused[each.key] = "repeated_content"
        elif sent_today is not None and messages[user] >= MAX_A_DAY:
            refused[each.key] = "too_many_today"
        elif sent_today is not None and messages[user] >= max_a_day:
            refused[each.key] = "other_message_today"
        else:
            messages[user] += 1
            had.add((user, each.content_version))
    return refused


def subjects(each: Planned) -> set[str]:
    """Return what a veto may name to stop a message: its campaign, or any of its patients."""
    return {f"campaign {each.campaign}", *(f"patient {one}" for one in each.patient_ids)}
