"""Staff are told at once, once, and whatever dies in between."""

import http.client
import json
import os
import socket
import socketserver
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import chat
import pytest
import yaml
from clinic_builder import clinic_yaml, user
from pydantic import ValidationError
from sqlalchemy import Engine, event, update

from dagster_project.alerts import deliver, targets
from dagster_project.clinic import Alerts, Clinic
from dagster_project.conversation.events import parse
from dagster_project.ledger import alerts as ledger_alerts
from dagster_project.ledger.chat_tables import staff_alert
from dagster_project.ledger.conversation import keep
from dagster_project.ledger.store import open_ledger
from dagster_project.line.account import Account
from dagster_project.line.credentials import CredentialError, simulator_token
from dagster_project.line.reach import introduced
from dagster_project.settings import Settings
from dagster_project.simulator import RunningSimulator

SAID = "朝から胸が痛いです"
NOW = chat.START


@dataclass
class Staff:
    """Whoever is told: a webhook and a mail server of this machine."""

    status: int = 200
    told: list[dict[str, Any]] = field(default_factory=list)
    tokens: list[str | None] = field(default_factory=list)
    mails: list[str] = field(default_factory=list)
    webhook: str = ""
    smtp_port: int = 0


@pytest.fixture
def staff() -> Iterator[Staff]:
    here = Staff()

    class Hook(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            here.told.append(json.loads(self.rfile.read(int(self.headers["content-length"]))))
            here.tokens.append(self.headers["authorization"])
            self.send_response(here.status)
            self.send_header("location", "http://127.0.0.1:1/")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    class Mail(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            self.wfile.write(b"220 here\r\n")
            while line := self.rfile.readline():
                if line.upper().startswith(b"DATA"):
                    self.wfile.write(b"354 go on\r\n")
                    lines = iter(self.rfile.readline, b".\r\n")
                    here.mails.append(b"".join(lines).decode())
                self.wfile.write(b"250 ok\r\n")

    with (
        HTTPServer(("127.0.0.1", 0), Hook) as hook,
        socketserver.TCPServer(("127.0.0.1", 0), Mail) as mail,
    ):
        here.webhook = f"http://127.0.0.1:{hook.server_port}/"
        here.smtp_port = mail.server_address[1]
        for server in (hook, mail):
            threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield here
        hook.shutdown()
        mail.shutdown()


@pytest.fixture
def engine(tmp_path: Path) -> Engine:
    return open_ledger(f"sqlite:///{tmp_path}/ledger.db")


def clinic(**alerts: str) -> Clinic:
    return Clinic.model_validate(clinic_yaml("good", alerts=alerts))


def hear(engine: Engine, *events: dict[str, Any], by: Sequence[str] = ("webhook",)) -> None:
    keep(engine, "good", [each.event for each in parse(chat.body(events))], NOW, by)


def tell(engine: Engine, staff: Staff, now: datetime = NOW, **more: str) -> int:
    environ = {"TAGLINE_SMTP_HOST": "127.0.0.1", "TAGLINE_SMTP_PORT": str(staff.smtp_port)}
    where = clinic(webhook=staff.webhook, mail="staff@clinic.example")
    return deliver(engine, where, now, environ | more, no_line, is_live=False)


def no_line() -> Account:
    raise AssertionError("nobody is told by LINE")


def test_an_emergency_is_told_once_and_without_a_word_of_it(engine: Engine, staff: Staff) -> None:
    urgent = chat.text(SAID, user(1), 0)
    hear(engine, urgent, chat.text("こんにちは", user(2), 0))
    hear(engine, urgent)
    assert tell(engine, staff, TAGLINE_ALERT_TOKEN_GOOD="t") == 1  # noqa: S106
    assert tell(engine, staff) == tell(engine, staff, NOW + timedelta(days=2)) == 0
    (told,) = staff.told
    assert (told["id"], told["clinic_id"]) == (urgent["webhookEventId"], "good")
    assert user(1) in told["text"]
    assert "胸" not in json.dumps(told, ensure_ascii=False)
    assert staff.tokens == ["Bearer t"]


def test_both_ways_are_told_and_fail_apart(engine: Engine, staff: Staff) -> None:
    staff.status = 500
    hear(engine, chat.text(SAID, user(1), 0), by=("webhook", "mail"))
    assert tell(engine, staff) == 1
    assert "X-Tagline-Alert" in staff.mails[0]
    staff.status = 200
    assert tell(engine, staff, NOW + timedelta(seconds=29)) == 0
    assert tell(engine, staff, NOW + timedelta(seconds=30)) == 1
    assert (len(staff.mails), len(staff.told)) == (1, 2)


def test_an_answer_does_not_send_an_alert_elsewhere(engine: Engine, staff: Staff) -> None:
    staff.status = 307
    hear(engine, chat.text(SAID, user(1), 0))
    assert tell(engine, staff) == 0
    assert len(staff.told) == 1


def test_it_is_tried_until_it_arrives(engine: Engine, staff: Staff) -> None:
    staff.status = 503
    hear(engine, chat.text(SAID, user(1), 0))
    for hours in range(48):
        assert tell(engine, staff, NOW + timedelta(hours=hours)) == 0
    staff.status = 200
    assert tell(engine, staff, NOW + timedelta(hours=49)) == 1


def test_event_and_alert_are_kept_together_or_not_at_all(engine: Engine, staff: Staff) -> None:
    def dies(_: object, __: object, statement: str, *___: object) -> None:
        if "INTO staff_alert" in statement:
            raise RuntimeError("killed")

    event.listen(engine, "before_cursor_execute", dies)
    with pytest.raises(RuntimeError):
        hear(engine, chat.text(SAID, user(1), 0))
    event.remove(engine, "before_cursor_execute", dies)
    assert tell(engine, staff) == 0
    again = chat.text(SAID, user(1), 0)
    hear(engine, again)
    assert tell(engine, staff) == 1, "what LINE delivers again is new"


def test_who_dies_telling_is_followed_by_one_more_try(
    engine: Engine, staff: Staff, monkeypatch: pytest.MonkeyPatch
) -> None:
    def dies(*_: object) -> None:
        raise SystemExit

    hear(engine, chat.text(SAID, user(1), 0))
    monkeypatch.setattr("dagster_project.alerts.mark_sent", dies)
    with pytest.raises(SystemExit):
        tell(engine, staff)
    monkeypatch.undo()
    assert tell(engine, staff) == 0, "the other may still be at it"
    assert tell(engine, staff, NOW + timedelta(minutes=1)) == 1
    assert tell(engine, staff, NOW + timedelta(days=1)) == 0
    assert [each["id"] for each in staff.told] == [staff.told[0]["id"]] * 2


def test_two_services_do_not_both_tell(engine: Engine) -> None:
    hear(engine, chat.text(SAID, user(1), 0))
    (row,) = ledger_alerts.waiting(engine, "good", NOW)
    assert [ledger_alerts.claim(engine, row, NOW) for _ in range(2)] == [True, False]


@pytest.mark.parametrize("url", ["https://hooks.example/x", "http://127.0.0.1.example/"])
def test_nothing_leaves_this_machine_unless_live(engine: Engine, url: str) -> None:
    hear(engine, chat.text(SAID, user(1), 0), by=("webhook", "mail"))
    environ = {"TAGLINE_SMTP_HOST": "mail.example"}
    where = clinic(webhook=url, mail="staff@clinic.example")
    assert deliver(engine, where, NOW, environ, no_line, is_live=False) == 0


def test_anything_may_be_told_by_its_subject_once(engine: Engine, staff: Staff) -> None:
    said = "今月の残り通数が足りません"
    for _ in range(2):
        with ledger_alerts.writing(engine, "good") as con:
            ledger_alerts.write_alert(con, NOW, "good", "quota", "2026-06", said)
        ledger_alerts.hand_over(engine, "good", ("webhook",), NOW)
    assert tell(engine, staff) == 1


def test_without_a_declaration_nobody_is_told() -> None:
    assert targets(Alerts()) == []


def start_service(folder: Path) -> tuple[subprocess.Popen[bytes], int]:
    """Start `tagline webhook` on a free port of this machine."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = int(free.getsockname()[1])
    run = "from dagster_project.cli import main; main()"
    place = {"TAGLINE_DATA_DIR": str(folder / "data"), "TAGLINE_EXPORTS_DIR": str(folder)}
    command = [sys.executable, "-c", run, "webhook", "--port", str(port)]
    service = subprocess.Popen(command, env={**os.environ, **place}, stdout=subprocess.DEVNULL)
    for _ in range(300):
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            time.sleep(0.1)
        else:
            return service, port
    raise TimeoutError


def test_an_alert_survives_the_service_and_is_told_once(tmp_path: Path, staff: Staff) -> None:
    staff.status = 503  # nobody can be told before the kill
    folder = tmp_path / "good"
    folder.mkdir()
    declaration = clinic_yaml("good", alerts={"webhook": staff.webhook})
    (folder / "clinic.yaml").write_text(yaml.safe_dump(declaration), encoding="utf-8")
    service, port = start_service(tmp_path)
    raw = chat.body([chat.text(SAID, user(1), 0)])
    headers = {"x-line-signature": chat.signature(raw, "simulator-secret:good")}
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    connection.request("POST", "/webhook/good", raw, headers)
    assert connection.getresponse().status == 200
    service.kill()
    service.wait()
    staff.status = 200
    told_before = len(staff.told)
    engine = open_ledger(f"sqlite:///{tmp_path}/data/ledger.db")
    with engine.begin() as con:  # its turn has come, however often it was tried
        con.execute(update(staff_alert).values(next_try_at=""))
    service, _ = start_service(tmp_path)
    try:
        for _ in range(100):
            if len(staff.told) > told_before:
                break
            time.sleep(0.1)
        time.sleep(2.5)  # another round finds nothing to tell
    finally:
        service.kill()
        service.wait()
    assert len(staff.told) == told_before + 1


def test_what_the_sender_found_is_handed_over_once(engine: Engine, staff: Staff) -> None:
    with ledger_alerts.writing(engine, "good") as con:
        assert ledger_alerts.write_alert(con, NOW, "good", "breaker", "repeat 2026-06-01", "停止")
        assert not ledger_alerts.write_alert(con, NOW, "good", "breaker", "repeat 2026-06-01", "x")
    ledger_alerts.hand_over(engine, "good", (), NOW)  # nobody is declared yet: it waits
    for _ in range(2):
        ledger_alerts.hand_over(engine, "good", ("webhook",), NOW)
    assert tell(engine, staff) == 1
    assert [(each["kind"], each["text"]) for each in staff.told] == [("breaker", "停止")]
    assert tell(engine, staff) == 0


def test_an_emergency_nobody_can_be_told_of_yet_is_seen_by_whoever_asks_and_told_later(
    engine: Engine, staff: Staff
) -> None:
    hear(engine, chat.text(SAID, user(1), 0), by=())
    with ledger_alerts.reading(engine) as con:
        [text] = ledger_alerts.alerts_since(con, "good", NOW - timedelta(minutes=1))
    assert user(1) in text
    assert "胸" not in text
    for _ in range(2):
        ledger_alerts.hand_over(engine, "good", ("webhook",), NOW)
    assert tell(engine, staff) == 1
    assert [each["kind"] for each in staff.told] == ["urgent_message"]


def test_an_emergency_that_was_told_at_once_is_not_handed_over_again(
    engine: Engine, staff: Staff
) -> None:
    hear(engine, chat.text(SAID, user(1), 0))
    ledger_alerts.hand_over(engine, "good", ("webhook",), NOW)
    assert tell(engine, staff) == 1
    assert tell(engine, staff, NOW + timedelta(days=1)) == 0


# --- by LINE ------------------------------------------------------------------------------------

STAFF = [user(901), user(902)]


def by_line(line: RunningSimulator, tmp_path: Path, engine: Engine, now: datetime = NOW) -> int:
    """Tell what waits by LINE, of a clinic whose two staff follow its account."""
    where = Clinic.model_validate(clinic_yaml("good", alerts={"line": STAFF}))
    settings = Settings(data_dir=tmp_path, simulator_url=line.base_url)
    reach = partial(introduced, settings, where, where.alerts.line)
    return deliver(engine, where, now, {}, reach, is_live=False)


def heard(line: RunningSimulator) -> list[tuple[str, str]]:
    inbox = line.state.channel("good").inbox
    return [(each["user"], each["messages"][0]["text"]) for each in inbox]


@pytest.fixture
def fresh(line: RunningSimulator) -> RunningSimulator:
    line.state.channels.clear()
    return line


def test_staff_are_told_by_line_once_each_and_without_a_word_of_the_patient(
    engine: Engine, fresh: RunningSimulator, tmp_path: Path
) -> None:
    hear(engine, chat.text(SAID, user(1), 0), by=("line",))
    assert by_line(fresh, tmp_path, engine) == 1
    assert by_line(fresh, tmp_path, engine, NOW + timedelta(days=2)) == 0
    assert [who for who, _ in heard(fresh)] == STAFF
    assert all(said.startswith("【試験クリニック】") for _, said in heard(fresh))
    assert "胸" not in str(heard(fresh))


@pytest.mark.parametrize("fault", ["accept_500", "accept_reset", "429_rate", "reset_before"])
def test_whatever_line_answers_each_of_staff_is_told_once(
    engine: Engine, fresh: RunningSimulator, tmp_path: Path, fault: str
) -> None:
    hear(engine, chat.text(SAID, user(1), 0), by=("line",))
    assert by_line(fresh, tmp_path, engine, NOW - timedelta(minutes=1)) == 0, "not due yet"
    fresh.state.channel("good").faults = [fault]
    assert by_line(fresh, tmp_path, engine) == 0
    assert by_line(fresh, tmp_path, engine, NOW + timedelta(minutes=1)) == 1
    assert sorted(who for who, _ in heard(fresh)) == STAFF


def test_a_channel_nobody_can_open_leaves_the_other_ways_alone(
    engine: Engine, staff: Staff
) -> None:
    def reach() -> Account:
        raise CredentialError("good: set TAGLINE_LINE_TOKEN_GOOD")

    hear(engine, chat.text(SAID, user(1), 0), by=("line", "webhook"))
    where = Clinic.model_validate(
        clinic_yaml("good", alerts={"line": STAFF, "webhook": staff.webhook})
    )
    assert deliver(engine, where, NOW, {}, reach, is_live=False) == 1
    assert len(staff.told) == 1


def test_by_line_no_other_host_is_spoken_to_unless_live(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    def opened(**_: object) -> None:
        raise AssertionError("a request was about to leave")

    monkeypatch.setattr("dagster_project.line.staff.opener", opened)
    hear(engine, chat.text(SAID, user(1), 0), by=("line",))
    where = Clinic.model_validate(clinic_yaml("good", alerts={"line": STAFF}))
    reach = partial(Account, "https://api.line.example", partial(simulator_token, where))
    assert deliver(engine, where, NOW, {}, reach, is_live=False) == 0


@pytest.mark.parametrize("account", ["staff", "U" + "0" * 31, "u" + "0" * 32, "U" + "G" * 32])
def test_a_member_of_staff_is_an_account(account: str) -> None:
    with pytest.raises(ValidationError):
        Alerts(line=[account])


@pytest.mark.parametrize(
    ("raised", "by", "is_untold"),
    [
        (False, (), False),
        (False, ("mail",), True),
        (True, ("mail",), False),
    ],
)
def test_what_nobody_has_heard_asks_for_a_sweep(
    engine: Engine, raised: bool, by: tuple[str, ...], is_untold: bool
) -> None:
    with ledger_alerts.writing(engine, "good") as con:
        ledger_alerts.write_alert(con, NOW, "good", "undone", "2026-06-01", "未了")
    if raised:
        ledger_alerts.hand_over(engine, "good", by, NOW)
        (row,) = ledger_alerts.waiting(engine, "good", NOW)
        assert ledger_alerts.is_untold(engine, "good", by, NOW)
        ledger_alerts.mark_sent(engine, row, NOW)
    assert ledger_alerts.is_untold(engine, "good", by, NOW) == is_untold
