"""Questionnaires: what a clinic may write, and what a patient then lives through in the chat."""

import shutil
from dataclasses import replace
from pathlib import Path

import chat
import pytest
from clinic_builder import user
from hypothesis import given
from hypothesis import strategies as st
from linebot.v3.messaging import ReplyMessageRequest

from dagster_project.conversation.answer import answer
from dagster_project.conversation.codes import Code, digest
from dagster_project.conversation.events import Event, parse
from dagster_project.conversation.fold import Account, Chosen, fold
from dagster_project.conversation.script import Script, script_of
from dagster_project.conversation.words import words
from dagster_project.ledger.chat_snapshot import snapshot
from dagster_project.settings import ROOT
from dagster_project.simulator.validation import problem_of_messages

ME = user(1)
SAMPLE = ROOT / "dagster_project" / "sample"
GOOD = (SAMPLE / "questionnaires" / "intake.yaml").read_text(encoding="utf-8")
SEVERAL = "    choose: several\n"
BUTTONS = "    show: buttons\n"
LAST = "      - {choice: last, label: 最後}\n"
FIRST = "    choices:\n      - {choice: internal, label: 内科,"
MORE = [f"      - {{choice: more{n}, label: 科{n}}}\n" for n in range(7)]


@pytest.fixture(scope="module")
def script() -> Script:
    found, wrong = script_of(SAMPLE)
    assert not wrong
    return found


def events(*raw: dict[str, object]) -> list[Event]:
    return [each.event for each in parse(chat.body(raw))]


def account(script: Script, *raw: dict[str, object]) -> Account:
    return fold(events(*raw), {}, script).get(ME, Account())


def said(script: Script, *raw: dict[str, object]) -> list[dict[str, object]]:
    """Return what is answered to the last of some events."""
    return answer(events(raw[-1])[0], account(script, *raw), script)


def labels(message: dict[str, object]) -> list[str]:
    return [each["label"] for each in actions(message)]


def actions(message: dict[str, object]) -> list[dict[str, str]]:
    items = message.get("quickReply", {"items": []})["items"]  # type: ignore[index]
    if message["type"] == "flex":
        items = message["contents"]["footer"]["contents"]  # type: ignore[index]
    return [each["action"] for each in items]


def data(message: dict[str, object], label: str) -> str:
    return next(each["data"] for each in actions(message) if each["label"] == label)


def test_a_patient_is_led_from_question_to_question_and_thanked(script: Script) -> None:
    life = [chat.text("問診", ME, 0)]
    for at, label in enumerate(["内科", "希望する", "いない", "以前は吸っていた"], start=1):
        [question] = said(script, *life)
        life.append(chat.tap(data(question, label), ME, at))
    [thanks] = said(script, *life)
    assert "ありがとうございました" in str(thanks["text"])
    answers = account(script, *life).answers.values()
    told = {(each.item, each.value) for said in answers for each in said.chosen}
    assert told == {("department", "01"), ("influenza_wish", "yes"), ("has_children", "no"),
                    ("smoking", "former")}  # fmt: skip


def test_the_last_answer_to_a_question_counts(script: Script) -> None:
    first = chat.tap("answer:intake:v1:department:internal", ME, 1)
    second = chat.tap("answer:intake:v1:department:pediatrics", ME, 2)
    for order in ([first, second], [second, first], [second, first, second]):
        [found] = account(script, *order).answers["intake", "department"].chosen
        assert (found.choice, found.value) == ("pediatrics", "09")


def test_a_branch_leads_to_the_end(script: Script) -> None:
    start = chat.text("アンケート", ME, 0)
    [question] = said(script, start, chat.tap("answer:voice:v1:wish:saturday_checkup", ME, 1))
    assert "ご意見" in str(question["text"])
    assert not labels(question)
    [thanks] = said(script, start, chat.tap("answer:voice:v1:wish:no_wish", ME, 1))
    assert thanks["text"] == "ご協力ありがとうございました。"


def test_words_of_ones_own_answer_the_open_question_and_never_leave_the_ledger(
    script: Script,
) -> None:
    life = [
        chat.text("アンケート", ME, 0),
        chat.tap("answer:voice:v1:wish:saturday_checkup", ME, 1),
        chat.text("待合室が寒いです", ME, 2),
    ]
    [thanks] = said(script, *life)
    assert "ありがとうございました" in str(thanks["text"])
    now = account(script, *life)
    assert now.answers["voice", "words"].chosen == ()
    assert now.asked is None
    assert "寒い" not in repr(snapshot({ME: now}))
    # What comes later is no answer: nothing stands open any more.
    later = chat.text("もうひとつ", ME, 3)
    assert said(script, *life, later) == []


@pytest.mark.parametrize(
    "word", ["胸が痛い", "設定", "配信停止", "診察券", "予約", "連絡先", "ログインで連携"]
)
def test_only_a_text_that_means_nothing_else_is_an_answer(script: Script, word: str) -> None:
    life = [
        chat.text("アンケート", ME, 0),
        chat.tap("answer:voice:v1:wish:evening_visit", ME, 1),
        chat.text(word, ME, 2),
    ]
    is_answer = ("voice", "words") in account(script, *life).answers
    assert is_answer == (word == "診察券")


@pytest.mark.parametrize(("minute", "is_answer"), [(24 * 60, True), (24 * 60 + 1, False)])
def test_a_question_stands_open_for_a_day(script: Script, minute: int, is_answer: bool) -> None:
    life = [
        chat.tap("answer:voice:v1:wish:evening_visit", ME, 1),
        chat.text("駅から遠い", ME, minute),
    ]
    assert (("voice", "words") in account(script, *life).answers) == is_answer
    assert bool(said(script, *life)) == is_answer


def test_an_emergency_is_answered_with_the_fixed_text_whatever_stands_open(script: Script) -> None:
    life = [
        chat.text("アンケート", ME, 0),
        chat.tap("answer:voice:v1:wish:evening_visit", ME, 1),
        chat.text("息が苦しい", ME, 2),
    ]
    [reply] = said(script, *life)
    assert "119" in str(reply["text"])
    assert "電話:" not in str(reply["text"])
    [reply] = said(replace(script, phone="03-0000-0001"), *life)
    assert str(reply["text"]).endswith("当院の電話: 03-0000-0001")


def test_an_answer_of_another_version_keeps_its_version(script: Script) -> None:
    found = account(script, chat.tap("answer:intake:v0:department:dentistry", ME, 1)).answers
    old = found["intake", "department"]
    assert (old.version, old.chosen) == ("v0", (Chosen("dentistry"),))


@pytest.mark.parametrize(("word", "is_known"), [("診療時間", True), (" 診療 時間。", True),
                                                ("診療時間は?今日", False)])  # fmt: skip
def test_a_keyword_alone_is_replied_to(script: Script, word: str, is_known: bool) -> None:
    assert bool(said(script, chat.text(word, ME, 0))) == is_known


def test_who_was_linked_is_told_how_to_start_and_sees_the_taps(script: Script) -> None:
    """LINE shows the quick replies of the last message alone."""
    code = Code({"7": "self"}, 0, 10**15)
    heard = events(chat.text("AB23CD45", ME, 0))
    linked = fold(heard, {digest("AB23CD45"): code}, script)[ME]
    replied = answer(heard[0], linked, script)
    assert "「問診」と送信" in str(replied)
    assert "すべて受け取る" in labels(replied[-1])


def test_one_purpose_alone_can_be_ended_by_a_tap(script: Script) -> None:
    life = [chat.tap("consent:v1:all:yes", ME, 0), chat.text("配信設定", ME, 1)]
    [asked] = said(script, *life)
    life.append(chat.tap(data(asked, "健診のご案内を止める"), ME, 2))
    [asked] = said(script, *life)
    assert "「健診のご案内」を止めました" in str(asked["text"])
    granted = {each for each, found in account(script, *life).consents.items() if found.is_granted}
    assert granted == set(script.words.purposes) - {"checkup"}
    life.append(chat.tap(data(asked, "健診のご案内"), ME, 3))
    assert account(script, *life).consents["checkup"].is_granted
    assert all(len(each) <= 20 for each in labels(asked))


def several_of(folder: Path) -> Script:
    """Return the sample's script, with a first question that takes several choices."""
    shutil.copytree(SAMPLE / "questionnaires", folder / "questionnaires", dirs_exist_ok=True)
    path = folder / "questionnaires" / "intake.yaml"
    asks = "text: 診療科を選択してください\n"
    path.write_text(GOOD.replace(asks, f"{asks}    choose: several\n"), encoding="utf-8")
    found, wrong = script_of(folder)
    assert not wrong
    return found


def rows_of(found: Account) -> list[tuple[object, ...]]:
    return [row[3:7] for row in snapshot({ME: found}).answers]


def test_several_are_chosen_one_after_another_and_count_once_they_are_done(tmp_path: Path) -> None:
    script = several_of(tmp_path)
    life = [chat.text("問診", ME, 0)]
    [question] = said(script, *life)
    assert "これで決定" not in labels(question), "nothing is chosen yet"
    for at, label in enumerate(["皮膚科", "内科"], start=1):
        life.append(chat.tap(data(question, label), ME, at))
        [question] = said(script, *life)
        assert label not in labels(question)
        assert "これで決定" in labels(question)
        assert rows_of(account(script, *life)) == []
    assert "選択中: 内科、皮膚科" in str(question["text"])
    life.append(chat.tap(data(question, "これで決定"), ME, 3))
    [question] = said(script, *life)
    assert "インフルエンザ" in str(question)
    assert rows_of(account(script, *life)) == [
        ("department", "dermatology", "department", "19"),
        ("department", "internal", "department", "01"),
    ]
    # Tapped twice, it changes nothing.
    again = [*life, chat.tap("done:intake:v1:department", ME, 4)]
    assert said(script, *again) == [question]
    assert account(script, *again) == account(script, *life)


def test_what_was_chosen_stands_until_another_choosing_is_done(tmp_path: Path) -> None:
    script = several_of(tmp_path)
    done = "done:intake:v1:department"
    first = [chat.tap(f"pick:intake:v1:department:{each}", ME, at)
             for at, each in enumerate(["internal", "dermatology"])]  # fmt: skip
    life = [*first, chat.tap(done, ME, 2), chat.tap("pick:intake:v1:department:gynecology", ME, 3)]
    assert {row[1] for row in rows_of(account(script, *life))} == {"internal", "dermatology"}
    life.append(chat.tap(done, ME, 4))
    assert {row[1] for row in rows_of(account(script, *life))} == {"gynecology"}


def test_done_with_what_another_questionnaire_interrupted_is_asked_again(tmp_path: Path) -> None:
    script = several_of(tmp_path)
    life = [
        chat.tap("pick:intake:v1:department:internal", ME, 0),
        chat.text("アンケート", ME, 1),
        chat.tap("done:intake:v1:department", ME, 2),
    ]
    assert rows_of(account(script, *life)) == []
    [question] = said(script, *life)
    assert "内科" in labels(question)


@pytest.mark.parametrize("word", words().urgent)
def test_an_emergency_is_no_answer_and_no_tag_whatever_stands_open(
    script: Script, word: str, tmp_path: Path
) -> None:
    several = several_of(tmp_path)
    waiting: list[tuple[Script, dict[str, object]]] = [
        (script, chat.text("問診", ME, 0)),
        (script, chat.tap("answer:voice:v1:wish:evening_visit", ME, 0)),
        (several, chat.tap("pick:intake:v1:department:internal", ME, 0)),
    ]
    for asks, before in waiting:
        heard = chat.text(f"内科 {word}です 問診", ME, 1)
        [reply] = said(asks, before, heard)
        assert "119" in str(reply["text"])
        now = account(asks, before, heard)
        assert rows_of(now) == rows_of(account(asks, before))
        assert heard["webhookEventId"] not in {each.event_id for each in now.answers.values()}


LIFE = [
    chat.text("問診", ME, 0),
    chat.tap("answer:intake:v1:department:internal", ME, 1),
    chat.tap("answer:intake:v1:influenza:wanted", ME, 2),
    chat.text("アンケート", ME, 3),
    chat.tap("answer:voice:v1:wish:evening_visit", ME, 4),
    chat.text("駅から遠い", ME, 5),
    chat.text("配信停止", ME, 6),
    chat.tap("answer:intake:v1:department:orthopedics", ME, 7),
    chat.tap("pick:intake:v1:department:internal", ME, 8),
    chat.tap("pick:intake:v1:department:dermatology", ME, 9),
    chat.tap("done:intake:v1:department", ME, 10),
    chat.tap("pick:intake:v1:department:gynecology", ME, 11),
    chat.text("問診", ME, 12),
    chat.tap("done:intake:v1:department", ME, 13),
    chat.event("unfollow", ME, 14),
]


@given(st.lists(st.sampled_from(LIFE), max_size=20), st.randoms())
def test_any_order_and_any_number_of_deliveries_give_the_same_answers(
    more: list[dict[str, object]], chance: object
) -> None:
    script, _ = script_of(SAMPLE)
    shuffled = [*LIFE, *more]
    chance.shuffle(shuffled)  # type: ignore[attr-defined]
    found = account(script, *shuffled)
    assert found == account(script, *LIFE)
    # One row for each of what was chosen when it was done, in whatever order that arrived.
    chosen = {row[1] for row in rows_of(found) if row[0] == "department"}
    assert chosen == {"internal", "dermatology"}


@pytest.mark.parametrize(
    ("before", "after", "line", "said"),
    [
        ("questionnaire: intake", "questionnaire: other", 2, "other"),
        ("version: v1", "version: 版1", 3, "version"),
        ("title: 問診票\n", "title: 問診票\ncolor: red\n", 5, "color"),
        ("label: 内科", "label: " + "あ" * 21, 11, "label"),
        ("label: 内科", "label: " + "あ" * 20, None, ""),
        ('means: {department: "01"}', 'means: {department: "98"}', 11, "98"),
        ('means: {department: "01"}', "means: {department: 01}", 11, "means"),
        ("next: influenza", "next: nowhere", 17, "nowhere"),
        ("next: children", "next: department", 24, "department"),
        ("choice: pediatrics", "choice: internal", 12, "internal"),
        ("question: children", "question: influenza", 25, "influenza"),
        ("triggers: [問診, 問診票]", "triggers: [設定]", 5, "設定"),
        ("triggers: [問診, 問診票]", "triggers: [ABCD2345]", 5, "code"),
        ("triggers: [問診, 問診票]", "triggers: [胸が痛い]", 5, "emergency"),
        ("triggers: [問診, 問診票]", "triggers: [配信停止の方法]", 5, "means stop"),
        ("triggers: [問診, 問診票]", "triggers: [💉]", 5, "no letter"),
        ("triggers: [問診, 問診票]", "triggers: []", 5, "triggers"),
        ("  - question: smoking", "  - question: smoking\n    free_text: true", 32, "free_text"),
        ("title: 問診票", "title: [", 6, ""),
        ("label: 内科", "label: 胸が痛い", 11, "emergency"),
        ("    choices:\n", f"{SEVERAL}    choices:\n", None, ""),
        ("    choices:\n", "    choose: two\n    choices:\n", 10, "choose"),
        ("    choices:\n", f"{BUTTONS}    choices:\n{''.join(MORE)}", None, ""),
        ("    choices:\n", f"{BUTTONS}    choices:\n{''.join([*MORE, LAST])}", 11, "choices"),
        ("    show: buttons\n", f"{SEVERAL}    show: buttons\n", 21, "buttons"),
        ("    choices:\n", f"{SEVERAL}    choices:\n{''.join(MORE)}", 11, "several of 13"),
        ("    choices:\n", f"{SEVERAL}    choices:\n{''.join(MORE[1:])}", None, ""),
        ("label: 内科", "label: 内科, next: end", None, ""),
        (FIRST, FIRST.replace("    c", SEVERAL + "    c", 1) + " next: end,", 12, "next"),
        (
            "thanks:",
            f"  - question: own\n    text: a\n    free_text: true\n{SEVERAL}thanks:",
            41,
            "several of no choices",
        ),
    ],
)
def test_what_is_wrong_is_said_with_its_line_and_costs_that_questionnaire_alone(
    tmp_path: Path, before: str, after: str, line: int | None, said: str
) -> None:
    shutil.copytree(SAMPLE / "questionnaires", tmp_path / "questionnaires")
    path = tmp_path / "questionnaires" / "intake.yaml"
    assert before in GOOD
    path.write_text(GOOD.replace(before, after, 1), encoding="utf-8")
    script, findings = script_of(tmp_path)
    if line is None:
        assert not findings
        return
    assert any(each.line == line and said in each.wrong for each in findings), findings
    assert {each.path for each in findings} == {path}
    assert set(script.questionnaires) == {"voice"}


def test_two_questionnaires_cannot_start_with_one_word(tmp_path: Path) -> None:
    shutil.copytree(SAMPLE / "questionnaires", tmp_path / "questionnaires")
    shutil.copy(SAMPLE / "replies.yaml", tmp_path)
    for path, before in (
        ("questionnaires/voice.yaml", "[アンケート]"),
        ("replies.yaml", "[駐車場]"),
    ):
        text = (tmp_path / path).read_text(encoding="utf-8")
        (tmp_path / path).write_text(text.replace(before, "[問診 票]"), encoding="utf-8")
    script, findings = script_of(tmp_path)
    assert set(script.questionnaires) == {"intake"}
    assert script.replies == ()
    assert [(each.path.name, each.line) for each in findings] == [
        ("voice.yaml", 5),
        ("replies.yaml", 7),
    ]


def test_buttons_are_a_flex_message_that_line_takes(script: Script) -> None:
    tap = chat.tap("answer:intake:v1:department:internal", ME, 1)
    [question] = said(script, chat.text("問診", ME, 0), tap)
    assert question["type"] == "flex"
    assert labels(question) == ["希望する", "希望しない"]
    assert problem_of_messages([question]) is None
    # The SDK drops what it does not know.
    asked = ReplyMessageRequest.from_dict({"replyToken": "t", "messages": [question]})
    assert asked.to_dict()["messages"] == [question]
