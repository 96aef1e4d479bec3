"""The patient's part, played in the simulator: a page, a signed webhook, an answer in the chat."""

import json
import threading
from collections.abc import Iterator
from html import unescape
from pathlib import Path
from urllib.error import HTTPError
from urllib.parse import parse_qs, urlencode, urlsplit
from urllib.request import Request, urlopen

import chat
import pytest
from clinic_builder import user
from sqlalchemy import Engine
from webhook_service import on_a_port

from dagster_project.conversation.app import Ways, build_app
from dagster_project.conversation.script import Script, script_of
from dagster_project.ledger.conversation import account, issue_code
from dagster_project.ledger.store import open_ledger
from dagster_project.line.credentials import simulator_secret
from dagster_project.line.messages import load_message
from dagster_project.line.reply import ChatReplier
from dagster_project.settings import ROOT
from dagster_project.simulator import RunningSimulator, start

ME = user(1)


class Phone:
    """One user of the simulator, with a service behind its channel."""

    def __init__(self, simulator: RunningSimulator, engine: Engine) -> None:
        self.simulator, self.engine = simulator, engine
        self.answers = simulator.state.channel("good").talk

    def do(self, kind: str, said: str = "") -> str:
        form = {"clinic_id": "good", "user": ME, "type": kind, "said": said}
        before = self._replies()
        with urlopen(f"{self.simulator.base_url}/chat", urlencode(form).encode()) as page:  # noqa: S310
            shown = str(page.read().decode())
        for _ in range(100):
            if self._replies() > before:
                break
            threading.Event().wait(0.05)
        return shown

    def page(self) -> str:
        address = f"{self.simulator.base_url}/chat?clinic_id=good&user={ME}"
        with urlopen(address) as page:  # noqa: S310
            return unescape(page.read().decode())

    def _replies(self) -> int:
        return sum(each["type"] == "reply" for each in self.answers)


@pytest.fixture
def phone(tmp_path: Path) -> Iterator[Phone]:
    engine = open_ledger(f"sqlite:///{tmp_path}/ledger.db")
    with start(now=chat.START) as simulator:
        replier = ChatReplier(simulator.base_url, "simulator:good")
        ways = Ways(
            login_urls={"good": "https://login.example/line"},
            login_secrets={"good": "of-its-login"},
            dialogs={"good": f"{simulator.base_url}/dialog/bot/accountLink"},
            scripts={"good": lambda: script_of(ROOT / "dagster_project" / "sample")[0]},
        )
        app = build_app(
            engine, {"good": simulator_secret("good")}, {"good": replier}, lambda: chat.START, ways
        )
        with on_a_port(app) as port:
            simulator.state.channel("good").webhook = f"http://127.0.0.1:{port}/webhook/good"
            yield Phone(simulator, engine)


def test_a_newcomer_plays_the_patient_from_following_to_stopping(phone: Phone) -> None:
    phone.do("follow")
    assert "友だち追加ありがとうございます" in phone.page()
    code = issue_code(phone.engine, "good", ["7"], "self", "reception", chat.START)
    phone.do("message", f"{code[:4]}-{code[4:]}")
    assert "予防接種のご案内" in phone.page(), "a tap for each purpose"
    phone.do("postback", "consent:v1:vaccine:yes")
    found = account(phone.engine, "good", ME, Script())
    assert found.links
    assert found.consents["vaccine"].is_granted
    phone.do("message", "配信停止")
    assert "すべてのお知らせを止めました" in phone.page()
    found = account(phone.engine, "good", ME, Script())
    assert not any(each.is_granted for each in found.consents.values())


def test_a_newcomer_taps_through_a_questionnaire(phone: Phone) -> None:
    phone.do("follow")
    phone.do("message", "問診")
    assert "診療科を選択してください" in phone.page()
    phone.do("postback", "answer:intake:v1:department:internal")
    page = phone.page()
    assert "インフルエンザワクチンの接種を希望されますか" in page
    assert "answer:intake:v1:influenza:wanted" in page, "a button to tap"
    for answer in ("influenza:wanted", "children:none", "smoking:never"):
        phone.do("postback", f"answer:intake:v1:{answer}")
    assert "ご回答ありがとうございました" in phone.page()
    phone.do("message", "駐車場")
    assert "8台分" in phone.page()


def test_a_clinics_own_login_links_through_lines_dialog(phone: Phone) -> None:
    phone.do("follow")
    phone.do("message", "ログインで連携")
    uri = phone.answers[-1]["messages"][0]["template"]["actions"][0]["uri"]
    token = parse_qs(urlsplit(uri).query)["linkToken"][0]
    # What the clinic's login does once it knows who this is.
    service = str(phone.simulator.state.channel("good").webhook).replace("webhook", "account-link")
    asked = json.dumps({"linkToken": token, "patientIds": ["7", "8"], "relation": "parent"})
    headers = {"Authorization": "Bearer of-its-login"}
    with urlopen(Request(service, asked.encode(), headers)) as answer:  # noqa: S310
        redirect = json.load(answer)["redirect"]
    with urlopen(redirect):  # noqa: S310
        pass
    found = account(phone.engine, "good", ME, Script()).links
    assert {chart: link.relation for chart, link in found.items()} == {"7": "parent", "8": "parent"}
    with pytest.raises(HTTPError):
        urlopen(redirect)  # noqa: S310 - a link token is good once
    phone.do("message", "連携解除")
    assert not account(phone.engine, "good", ME, Script()).links


def test_blocking_in_the_simulator_reaches_the_ledger(phone: Phone) -> None:
    phone.do("follow")
    form = {"clinic_id": "good", "user": ME, "type": "unfollow"}
    with urlopen(f"{phone.simulator.base_url}/chat", urlencode(form).encode()):  # noqa: S310
        pass
    assert account(phone.engine, "good", ME, Script()).is_following is False
    assert ME in phone.simulator.state.channel("good").blocked
    phone.do("follow")
    assert account(phone.engine, "good", ME, Script()).is_following is True
    assert phone.page().count("友だち追加ありがとうございます") == 2


def test_what_a_user_types_is_shown_as_text(phone: Phone) -> None:
    form = {"clinic_id": "good", "user": ME, "type": "message", "said": "<script>x</script>"}
    with urlopen(f"{phone.simulator.base_url}/chat", urlencode(form).encode()) as page:  # noqa: S310
        shown = page.read()
    assert b"<script>x" not in shown
    assert b"&lt;script&gt;x" in shown


def test_a_flex_message_is_shown_in_the_talk_with_its_words(phone: Phone) -> None:
    (message,) = load_message(ROOT / "dbt" / "campaigns", "womens_screening")
    copy = {"user": ME, "at": chat.START.isoformat(), "messages": [message]}
    phone.simulator.state.channel("good").inbox.append(copy)
    assert "クリニックからのお知らせ\n健診の時期のご案内です。" in phone.page()


def test_who_talked_is_in_the_list_before_anything_was_sent_to_them(phone: Phone) -> None:
    with urlopen(phone.simulator.base_url) as page:  # noqa: S310
        assert ME[:12] not in page.read().decode()
    phone.do("follow")
    with urlopen(phone.simulator.base_url) as page:  # noqa: S310
        assert ME[:12] in page.read().decode()


def test_a_reply_token_is_good_once(phone: Phone) -> None:
    phone.do("follow")
    assert not phone.simulator.state.channel("good").reply_tokens
    ChatReplier(phone.simulator.base_url, "simulator:good").reply(
        "used or invented", [{"type": "text", "text": "x"}]
    )
    assert sum(each["type"] == "reply" for each in phone.answers) == 1
