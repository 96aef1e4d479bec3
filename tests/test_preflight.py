"""The last look before the window: what stops, what holds one campaign, what only warns."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from clinic_builder import user
from delivery_fixtures import (
    MESSAGES,
    Night,
    ScriptedLine,
    a_night,
    plan_rows,
    ready,
    users,
)
from delivery_fixtures import (
    user as account,
)
from nights import DBT, MONDAY, World, at, lapsed_rows, written_to
from published_nights import publish_night
from sqlalchemy import insert, select

from dagster_project.clinic import clinic_in
from dagster_project.delivery.channel import WrongChannelError
from dagster_project.delivery.preflight import Need, look, need_of
from dagster_project.delivery.run import DeliveryReport, deliver
from dagster_project.insight.morning_page import write_morning
from dagster_project.insight.preflight import run_preflight
from dagster_project.ledger.chat_tables import line_event
from dagster_project.ledger.store import open_ledger, reading
from dagster_project.ledger.tables import alert
from dagster_project.line.account import Account
from dagster_project.line.credentials import CredentialError
from dagster_project.line.replies import Quota, Webhook
from dagster_project.line.wordings import versions
from dagster_project.simulator import RunningSimulator, start

CAMPAIGNS = DBT / "campaigns"
ALL = len(versions(CAMPAIGNS))
REACHED = Webhook(is_active=True, is_reached=True)


@dataclass
class Looked(ScriptedLine):
    """A channel that also tells of its webhook."""

    hook: Webhook = REACHED

    def webhook(self) -> Webhook:
        return self.hook


@pytest.fixture
def night(tmp_path: Path) -> Night:
    night = a_night(tmp_path)
    night.line = Looked()
    return night


def levels(night: Night, need: Need | None = None, reach: object = None) -> dict[str, str]:
    """Look, and return the worst level of each thing looked at."""
    opens: Callable[[], Looked] = reach or (lambda: night.line)  # type: ignore[assignment]
    found = look(night.engine, night.clinic, opens, CAMPAIGNS, need or Need(), night.clock())
    order = ("ok", "warn", "hold", "stop")
    worst: dict[str, str] = {}
    for each in found:
        worst[each.what] = max(worst.get(each.what, "ok"), each.level, key=order.index)
    return worst


def alerts(night: Night) -> list[tuple[str, str]]:
    with reading(night.engine) as con:
        rows = con.execute(select(alert.c.kind, alert.c.text)).all()
    return [(str(kind), str(text)) for kind, text in rows]


def raises(error: Exception) -> Callable[..., None]:
    def ask(*_: object) -> None:
        raise error

    return ask


READY = dict.fromkeys(("token", "quota", "units", "webhook", "content"), "ok")


def test_all_is_ready_and_nothing_was_sent(night: Night) -> None:
    assert levels(night) == READY
    assert (night.line.sent, alerts(night)) == ([], [])


@pytest.mark.parametrize(
    "error",
    [PermissionError("401"), WrongChannelError("@other"), ConnectionError("503"), OSError("down"),
     CredentialError("set TAGLINE_LINE_TOKEN_AOZORA")],
)  # fmt: skip
def test_a_channel_that_cannot_be_used_stops_and_is_told_once_a_day(
    night: Night, error: Exception
) -> None:
    for _ in range(2):
        assert levels(night, reach=raises(error)) == {"token": "stop"}
    assert [kind for kind, _ in alerts(night)] == ["token"]
    night.line.account = "@other"
    assert levels(night) == {"token": "stop"}


@pytest.mark.parametrize(
    ("left", "needed", "level"),
    [(3, 3, "ok"), (3, 4, "hold"), (1, 1, "ok"), (0, 0, "stop"), (-1, 1, "stop")],
)
def test_both_sides_of_the_units_the_plan_needs(
    night: Night, left: int, needed: int, level: str
) -> None:
    night.line.names_left = left
    assert levels(night, Need(1, needed)) == READY | {"units": level}
    assert [kind for kind, _ in alerts(night)] == ["units"] * (level != "ok")


@pytest.mark.parametrize(("planned", "level"), [(10, "ok"), (11, "warn")])
def test_more_than_the_month_has_left_is_said_and_alarms_nobody(
    night: Night, planned: int, level: str
) -> None:
    night.line.limit, night.line.used = 100, 90
    assert levels(night, Need(planned, 1)) == READY | {"quota": level}
    assert alerts(night) == []


NOT_SET = Webhook(is_active=False, is_reached=False, detail="not set")


@pytest.mark.parametrize(
    ("hook", "is_chat_used", "level"),
    [
        (NOT_SET, False, "ok"),
        (NOT_SET, True, "warn"),
        (Webhook(is_active=False, is_reached=True), False, "warn"),
        (Webhook(is_active=True, is_reached=False, detail="ERROR_STATUS_CODE 500"), False, "warn"),
    ],
)
def test_a_webhook_that_does_not_answer_only_warns(
    night: Night, hook: Webhook, is_chat_used: bool, level: str
) -> None:
    if is_chat_used:
        event = {"clinic_id": "aozora", "event_id": "e1", "at_ms": 1, "kind": "follow"}
        event |= {"line_user_id": account(1), "said": "{}", "received_at": "2026-05-01"}
        with night.engine.begin() as con:
            con.execute(insert(line_event), [event])
    night.line.hook = hook
    assert levels(night) == READY | {"webhook": level}
    assert [kind for kind, _ in alerts(night)] == ["webhook"] * (level == "warn")


@pytest.mark.parametrize(
    ("name", "levels_then"),
    [("quota", {"quota": "warn"}), ("units_left", {"units": "warn"}),
     ("webhook", {"webhook": "warn"}), ("refusal_of", {"content": "hold"})],
)  # fmt: skip
def test_what_line_does_not_say_stops_nothing_but_texts_it_never_saw(
    night: Night, name: str, levels_then: dict[str, str]
) -> None:
    setattr(night.line, name, raises(ConnectionError("503")))
    assert levels(night) == READY | levels_then


# --- contents -------------------------------------------------------------------------------


def test_each_content_is_validated_once_with_every_text_of_its_folder(night: Night) -> None:
    levels(night)
    files = len([*CAMPAIGNS.glob("*/message*.json")])
    assert len(night.line.validated) == files
    assert "{children}" not in str(night.line.validated)
    levels(night)
    assert len(night.line.validated) == files


def test_a_refused_content_is_told_by_campaign_and_detail_and_asked_for_again(
    night: Night,
) -> None:
    night.line.refuses = "定期健診の時期"
    assert levels(night) == READY | {"content": "hold"}
    ((kind, text),) = alerts(night)
    assert kind == "content_refused"
    for said in ("lifestyle_checkup", "message.json", "messages[0].text"):
        assert said in text
    night.line.refuses, night.line.validated = None, []
    assert levels(night) == READY
    assert len(night.line.validated) == 1, "the others are not asked for again"


def sent(night: Night, path: Path, **windows: tuple[str, str]) -> DeliveryReport:
    """Deliver two people's message of each of two campaigns with a content each."""
    rows = [
        *plan_rows(users(2), "lapsed", 1),
        *plan_rows(users(2, 10), "other", 2, version="v2"),
    ]
    publish_night(path, night.build, rows, windows=windows)
    night.plan(rows)
    said = {"v2": [{"type": "text", "text": "別のお知らせ"}]}
    return deliver(
        night.engine,
        night.clinic,
        path,
        {(row.line_user_id, row.patient_ids, row.purpose) for row in rows},
        MESSAGES | said,
        night.line,
        night.clock,
        night.clock.sleep,
    )


def states(night: Night) -> Mapping[object, set[tuple[object, object]]]:
    found: dict[object, set[tuple[object, object]]] = {}
    for each in night.intents():
        found.setdefault(each["campaign"], set()).add((each["state"], each["reason"]))
    return found


def test_the_sender_holds_one_campaign_for_its_content_and_no_other(
    night: Night, tmp_path: Path
) -> None:
    path = tmp_path / "published.duckdb"
    night.line.refuses = "別の"
    report = sent(night, path)
    assert (report.sent.accepted, report.sent.stopped, report.ledger.pending) == (2, None, 2)
    assert states(night)["other"] == {("planned", "content_refused")}
    asked = len(night.line.validated)
    assert sent(night, path).sent.accepted == 0
    assert len(night.line.validated) == asked, "LINE has said so"
    # The morning's look, or `tagline preflight`, asks again; then it goes.
    night.line.refuses = None
    with night.engine.begin() as con:
        con.exec_driver_sql("update content_check set refusal = null")
    assert sent(night, path).sent.accepted == 2


def test_what_line_never_looked_at_waits_and_the_run_says_so(night: Night, tmp_path: Path) -> None:
    path, ask = tmp_path / "published.duckdb", night.line.refusal_of
    night.line.refusal_of = raises(ConnectionError("503"))  # type: ignore[assignment]
    report = sent(night, path)
    assert (report.sent.accepted, report.sent.stopped) == (0, "content unchecked")
    assert states(night)["lapsed"] == {("planned", "content_unchecked")}
    night.line.refusal_of = ask  # type: ignore[method-assign]
    report = sent(night, path)
    assert (report.sent.accepted, report.sent.stopped) == (4, None)


def test_a_dead_token_at_the_gate_is_told(night: Night, tmp_path: Path) -> None:
    night.line.basic_id = raises(PermissionError("401"))  # type: ignore[assignment]
    assert sent(night, tmp_path / "published.duckdb").sent.stopped == "content unchecked"
    assert [kind for kind, _ in alerts(night)] == ["token"]


# --- unit names -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("left", "accepted", "stopped"), [(5, 50, None), (4, 40, None), (1, 10, None), (0, 0, "units")]
)
def test_a_batch_leaves_only_with_a_name_line_still_keeps(
    night: Night, left: int, accepted: int, stopped: str | None
) -> None:
    rows = plan_rows(users(50))
    night.plan(rows)
    night.freeze(rows, max_batch=10)
    night.line.names_left = left
    summary = night.send()
    assert (summary.accepted, summary.stopped, summary.deferred) == (
        accepted, stopped, 50 - accepted)  # fmt: skip
    assert [kind for kind, _ in alerts(night)] == ["units"] * (left < 5)


def test_units_nobody_tells_of_are_no_obstacle(night: Night) -> None:
    ready(night)
    night.line.units_left = raises(ConnectionError("503"))  # type: ignore[assignment]
    assert night.send().accepted == 3


def test_the_plan_needs_a_name_for_every_batch_of_what_still_waits(
    night: Night, tmp_path: Path
) -> None:
    path = tmp_path / "published.duckdb"
    assert need_of(night.engine, "aozora", path) == Need(0, 0)
    rows = [*plan_rows(users(501)), *plan_rows(users(500, 1000), "other", 2)]
    rows[-1] = replace(rows[-1], variant="b")  # told another text, in a batch of its own
    publish_night(path, night.build, rows)
    night.plan(rows)
    assert need_of(night.engine, "aozora", path) == Need(1001, 4)
    night.freeze(rows, waits={"lapsed": "awaiting_approval"})
    assert need_of(night.engine, "aozora", path) == Need(501, 2)


# --- as a clinic lives it -------------------------------------------------------------------


@pytest.mark.long
def test_a_text_line_refuses_is_held_and_seen_everywhere(world: World) -> None:
    lapsed = written_to("pre", "visit", 2)
    world.write("pre", MONDAY, lapsed_rows(lapsed))
    channel = world.simulator.state.channel("pre")
    channel.refuses = "ご予約"
    assert world.nightly(MONDAY, at(MONDAY, 2)) == 0
    assert "channel_is_ready" in world.text()
    settings = world.settings(MONDAY, at(MONDAY, 7, 30))
    path = write_morning(settings, clinic_in(settings.exports_dir, "pre"))
    assert path is not None
    page = path.read_text(encoding="utf-8")
    assert "lapsed_6_months の文面をLINEが受け付けません" in page
    assert "送信の準備 (06-01 02:00)" in page
    assert run_preflight(settings, [], world._console()) == 1
    assert "保留" in world.text()
    assert world.send(MONDAY, at(MONDAY, 10, 1)) == 0
    assert world.received("pre") == {}
    assert "content_refused" in kinds(world)

    channel.refuses = None
    assert run_preflight(settings, ["pre"], world._console()) == 0
    assert world.send(MONDAY, at(MONDAY, 10, 11)) == 0
    assert world.received("pre") == {user(n): 1 for n in lapsed}


def kinds(world: World) -> list[str]:
    with reading(open_ledger(world.settings(MONDAY).ledger())) as con:
        return [str(kind) for kind in con.execute(select(alert.c.kind)).scalars()]


def test_the_real_channel_answers_what_the_look_asks() -> None:
    with start(now=at(MONDAY, 7, 30)) as simulator:
        asked = an_account(simulator)
        assert (asked.webhook(), asked.units_left()) == (NOT_SET, 1000)
        assert asked.quota() == Quota(None, 0)
        assert asked.refusal_of([{"type": "text", "text": "x" * 5001}]) == "messages[0].text"


def an_account(simulator: RunningSimulator) -> Account:
    simulator.state.channel("aozora")
    return Account(simulator.base_url, lambda: "simulator:aozora")
