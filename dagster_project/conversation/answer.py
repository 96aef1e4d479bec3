"""What is answered to an event at once, free of quota: never anything about a chart."""

from collections.abc import Sequence
from typing import Any
from urllib.parse import urlencode

from dagster_project.conversation.codes import code_in
from dagster_project.conversation.events import CHART_ASKED, CHART_NAMED, CHART_TRIED, Event
from dagster_project.conversation.fold import Account
from dagster_project.conversation.questionnaire import Choice, Question
from dagster_project.conversation.script import Asked, Script
from dagster_project.conversation.taps import ALL, ANSWER, CONSENT, DONE, PICK
from dagster_project.conversation.words import Words

Message = dict[str, Any]
MAX_ALT_TEXT = 400  # the smallest limit LINE ever had for one


def answer(event: Event, account: Account, script: Script) -> list[Message]:
    """Return the messages that answer an event, given the account as it is after it."""
    words = script.words
    if event.kind == "follow":
        return [_text(words.answers["followed"])]
    if event.kind == "postback":
        for tap in (ANSWER, PICK):
            if found := tap.fullmatch(event.said):
                return _next(found["questionnaire"], account, script)
        if found := DONE.fullmatch(event.said):
            asked = found["questionnaire"], found["question"]
            # Done with nothing: what was picked is of an earlier asking, so it is asked again.
            is_known = asked in account.answers or account.asked == asked
            return _next(asked[0], account, script) if is_known else _question(asked, script)
        return _consented(event, account, words)
    if event.kind in {CHART_ASKED, CHART_NAMED}:
        return [_text(words.answers[event.kind])]
    if event.kind in {CHART_TRIED, "accountLink"}:
        return _linked(event, account, script)
    return _replied(event, account, script) if event.kind == "message" and event.said else []


def _replied(event: Event, account: Account, script: Script) -> list[Message]:
    words = script.words
    if words.is_urgent(event.said):
        return [_text(script.urgent())]
    if words.means(event.said, "stop"):
        return [_text(words.answers["stopped"])]
    if words.means(event.said, "unlink"):
        return [_text(words.answers["unlinked"])]
    if words.means(event.said, "settings"):
        return [_asking(words.answers["settings"], account, words)]
    if code_in(event.said):
        return _linked(event, account, script)
    if started := script.started_by(event.said):
        return _question(started, script)
    for (questionnaire, _), each in account.answers.items():
        if each.event_id == event.event_id:
            return _next(questionnaire, account, script)
    own = script.reply(event.said)
    return [_text(own)] if own else []


def login_button(login_url: str, link_token: str, words: Words) -> Message:
    """Return a button that opens the clinic's own login with LINE's link token."""
    joint = "&" if "?" in login_url else "?"
    uri = f"{login_url}{joint}{urlencode({'linkToken': link_token})}"
    action = {"type": "uri", "label": "ログインする", "uri": uri}
    text = words.answers["login"]
    template = {"type": "buttons", "text": text, "actions": [action]}
    return {"type": "template", "altText": text, "template": template}


def _linked(event: Event, account: Account, script: Script) -> list[Message]:
    """Return the same answer whatever was wrong: unknown, used, expired, or one try too many."""
    if any(each.event_id == event.event_id for each in account.links.values()):
        # One message: LINE shows the quick replies of the last one alone.
        said = "\n".join([script.words.answers["linked"], *_offers(script)])
        return [_asking(said, account, script.words)]
    return [_text(script.words.answers["not_linked"])]


def _next(questionnaire: str, account: Account, script: Script) -> list[Message]:
    """Return the question that follows in a questionnaire, or its thanks."""
    if account.asked and account.asked[0] == questionnaire:
        return _question(account.asked, script, account.picked)
    found = script.questionnaires.get(questionnaire)
    return [_text(found.thanks)] if found else []


def _question(asked: Asked, script: Script, picked: Sequence[str] = ()) -> list[Message]:
    question = script.question(asked)
    if question is None:
        return []
    version = script.questionnaires[asked[0]].version
    if question.choose == "several":
        return [_several(question, f"{asked[0]}:{version}:{asked[1]}", picked, script.words)]
    taps = [
        _tap(each, f"answer:{asked[0]}:{version}:{asked[1]}:{each.choice}")
        for each in question.choices
    ]
    if question.show == "buttons":
        return [_bubble(question.text, taps)]
    items = [{"type": "action", "action": tap} for tap in taps]
    return [{**_text(question.text), **({"quickReply": {"items": items}} if items else {})}]


def _bubble(text: str, taps: Sequence[Message]) -> Message:
    """Return a Flex Message: a text, and a button for each tap, which stays in the talk."""
    fits = {"style": "secondary", "height": "sm", "adjustMode": "shrink-to-fit"}
    buttons = [{"type": "button", **fits, "action": each} for each in taps]
    column = {"type": "box", "layout": "vertical"}
    contents = {
        "type": "bubble",
        "body": {**column, "contents": [{"type": "text", "text": text, "wrap": True}]},
        "footer": {**column, "spacing": "sm", "contents": buttons},
    }
    return {"type": "flex", "altText": text[:MAX_ALT_TEXT], "contents": contents}


def _several(question: Question, where: str, picked: Sequence[str], words: Words) -> Message:
    """Return what may still be chosen, and once something is, how to end it."""
    left = [each for each in question.choices if each.choice not in picked]
    labels = [each.label for each in question.choices if each.choice in picked]
    taps = [_tap(each, f"pick:{where}:{each.choice}") for each in left]
    said = question.text
    if labels:
        taps.append(_tapped(words.answers["done"], f"done:{where}"))
        said = words.answers["picked"].format(question=said, labels="、".join(labels))
    items = [{"type": "action", "action": tap} for tap in taps]
    return {**_text(said), "quickReply": {"items": items}}


def _tap(choice: Choice, data: str) -> Message:
    return _tapped(choice.label, data)


def _tapped(label: str, data: str) -> Message:
    return {"type": "postback", "label": label, "data": data, "displayText": label}


def _offers(script: Script) -> list[str]:
    """Return how to start the questionnaires that are offered after linking."""
    offered = [each for each in script.questionnaires.values() if each.after == "linked"]
    offer = script.words.answers["offer"]
    return [offer.format(word=each.triggers[0]) for each in offered[:3]]


def _consented(event: Event, account: Account, words: Words) -> list[Message]:
    found = CONSENT.fullmatch(event.said)
    if found is None or found["purpose"] not in {*words.purposes, ALL}:
        return []
    said = words.answers["granted" if found["answer"] == "yes" else "withdrawn"]
    name = words.purposes.get(found["purpose"], "すべてのお知らせ")
    return [_asking(said.format(purpose=name), account, words)]


def _text(text: str) -> Message:
    return {"type": "text", "text": text}


def _asking(text: str, account: Account, words: Words) -> Message:
    """Return a text with one tap for each purpose, to agree or to end it, and two for all."""
    agreed = {purpose for purpose, said in account.consents.items() if said.is_granted}
    taps = [
        ("すべて受け取る", f"consent:{words.version}:{ALL}:yes"),
        *(
            (f"{label}を止める", f"consent:{words.version}:{purpose}:no")
            if purpose in agreed
            else (label, f"consent:{words.version}:{purpose}:yes")
            for purpose, label in words.purposes.items()
        ),
        ("すべて止める", f"consent:{words.version}:{ALL}:no"),
    ]
    items = [
        {
            "type": "action",
            "action": {"type": "postback", "label": label, "data": data, "displayText": label},
        }
        for label, data in taps
    ]
    return {**_text(text), "quickReply": {"items": items}}
