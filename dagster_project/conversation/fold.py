"""What is true of each LINE account, from all its events in the order they happened.

Pure: the same events and codes give the same accounts, however often and in whatever
order they were delivered.
"""

from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date

from dagster_project.conversation.codes import Code, code_in, digest
from dagster_project.conversation.events import (
    CHART_ASKED,
    CHART_NAMED,
    CHART_TRIED,
    Event,
    day_of,
    in_order,
)
from dagster_project.conversation.script import Asked, Script
from dagster_project.conversation.taps import ALL, ANSWER, CONSENT, DONE, PICK
from dagster_project.conversation.words import Words

WRONG_TRIES = 5
LOCK_MS = 24 * 60 * 60 * 1000
OPEN_MS = 24 * 60 * 60 * 1000  # for so long a text answers the question before it
WRONG = "-"  # in the place of a relation: number and birth date were not those of a chart


@dataclass(frozen=True)
class Link:
    """A chart an account may hear about."""

    relation: str
    linked_on: date
    event_id: str


@dataclass(frozen=True)
class Consent:
    """The last word of an account on one purpose, and the proof of it."""

    is_granted: bool
    on_day: date
    version: str
    event_id: str


@dataclass(frozen=True)
class Chosen:
    """A choice, and the item and value it means where the clinic says so."""

    choice: str
    item: str | None = None
    value: str | None = None


@dataclass(frozen=True)
class Answer:
    """The last answer of an account to a question. A text of their own has nothing chosen."""

    version: str
    chosen: tuple[Chosen, ...]
    at_ms: int
    event_id: str


@dataclass
class Account:
    """One LINE account. `is_following` is None where no event has said."""

    is_following: bool | None = None
    links: dict[str, Link] = field(default_factory=dict)
    consents: dict[str, Consent] = field(default_factory=dict)
    answers: dict[Asked, Answer] = field(default_factory=dict)
    asked: Asked | None = None  # the question that stands open
    asked_ms: int = 0  # since when
    picked: tuple[str, ...] = ()  # of the open question, so far
    unlinked_on: date | None = None
    wrong_tries: deque[int] = field(default_factory=deque)
    chart_step: str = ""  # what was asked last: number | birth
    chart_no: str = ""

    def is_locked(self, at_ms: int) -> bool:
        """Return whether too many wrong codes were sent in the day before an instant."""
        return _is_full(self.wrong_tries, at_ms)


def fold(events: Iterable[Event], codes: Mapping[str, Code], script: Script) -> dict[str, Account]:
    """Return every account that has events. `codes` are the issued ones, by their digest."""
    accounts: dict[str, Account] = {}
    used: set[str] = set()
    tries_at: dict[str, deque[int]] = {}
    for event in in_order(events):
        if event.line_user_id:
            account = accounts.setdefault(event.line_user_id, Account())
            _apply(account, event, codes, used, script)
            _chart(account, event, tries_at)
    return accounts


def _apply(
    account: Account, event: Event, codes: Mapping[str, Code], used: set[str], script: Script
) -> None:
    words = script.words
    if event.kind == "follow":
        account.is_following = True  # which restores no consent
    elif event.kind == "unfollow":
        account.is_following = False
        _ask(account, None, event)
        _consent(account, event, list(words.purposes), words.version, is_granted=False)
    elif event.kind == "postback":
        _agree(account, event, words)
        _tapped(account, event, script)
    elif event.kind == "accountLink" and event.said:
        _link(account, event, codes, event.said, used)
    elif event.kind == "message":
        if words.means(event.said, "stop"):
            _ask(account, None, event)
            _consent(account, event, list(words.purposes), words.version, is_granted=False)
        elif words.means(event.said, "unlink"):
            account.links.clear()
            account.unlinked_on = day_of(event)
            _consent(account, event, list(words.purposes), words.version, is_granted=False)
        elif code := code_in(event.said):
            _link(account, event, codes, digest(code), used)
        elif started := script.started_by(event.said):
            _ask(account, started, event)
        else:
            _tell(account, event, script)


def _agree(account: Account, event: Event, words: Words) -> None:
    found = CONSENT.fullmatch(event.said)
    # Who blocked the account hears nothing, and has to be asked again.
    if found is None or account.is_following is False:
        return
    named = found["purpose"]
    purposes = list(words.purposes) if named == ALL else [named]
    known = [each for each in purposes if each in words.purposes]
    _consent(account, event, known, found["version"], is_granted=found["answer"] == "yes")


def _tapped(account: Account, event: Event, script: Script) -> None:
    """Take a choice as the answer; one of several waits until they are done."""
    if found := ANSWER.fullmatch(event.said):
        asked = found["questionnaire"], found["question"]
        _answer(account, event, script, asked, found["version"], (found["choice"],))
    elif found := PICK.fullmatch(event.said):
        asked = found["questionnaire"], found["question"]
        before = account.picked if account.asked == asked else ()
        _ask(account, asked, event)
        account.picked = tuple(dict.fromkeys((*before, found["choice"])))
    elif found := DONE.fullmatch(event.said):
        asked = found["questionnaire"], found["question"]
        if account.asked == asked and account.picked:
            _answer(account, event, script, asked, found["version"], account.picked)


def _ask(account: Account, asked: Asked | None, event: Event) -> None:
    account.asked, account.asked_ms, account.picked = asked, event.at_ms, ()


def _tell(account: Account, event: Event, script: Script) -> None:
    """Take a text as the answer, where a question in the patient's own words stands open."""
    question = script.question(account.asked)
    is_open = question and question.free_text and event.at_ms < account.asked_ms + OPEN_MS
    if account.asked and is_open and script.is_own_words(event.said):
        version = script.questionnaires[account.asked[0]].version
        _answer(account, event, script, account.asked, version, ())


def _answer(
    account: Account,
    event: Event,
    script: Script,
    asked: Asked,
    version: str,
    choices: tuple[str, ...],
) -> None:
    chosen = tuple(_meant(script, asked, each) for each in choices)
    account.answers[asked] = Answer(version, chosen, event.at_ms, event.event_id)
    only = choices[0] if len(choices) == 1 else None
    _ask(account, script.after(asked, only), event)


def _meant(script: Script, asked: Asked, choice: str) -> Chosen:
    question = script.question(asked)
    found = question.named(choice) if question else None
    return Chosen(choice, *next(iter(found.means.items()), ())) if found else Chosen(choice)


def _consent(
    account: Account, event: Event, purposes: Sequence[str], version: str, *, is_granted: bool
) -> None:
    for purpose in purposes:
        account.consents[purpose] = Consent(is_granted, day_of(event), version, event.event_id)


def _link(
    account: Account, event: Event, codes: Mapping[str, Code], wanted: str, used: set[str]
) -> None:
    if account.is_locked(event.at_ms):
        return
    code = codes.get(wanted)
    if code is None or wanted in used or not code.is_good_at(event.at_ms):
        account.wrong_tries.append(event.at_ms)
        return
    used.add(wanted)
    for patient_id, relation in code.charts.items():
        account.links[patient_id] = Link(relation, day_of(event), event.event_id)


def _chart(account: Account, event: Event, tries_at: dict[str, deque[int]]) -> None:
    """Follow the two questions, and link the chart that a try named rightly.

    Tries are counted by account and by chart: many accounts do not make more guesses.
    """
    account.chart_step, account.chart_no = chart_step(event, account)
    if event.kind != CHART_TRIED:
        return
    digest_, relation, chart = event.said.split(" ")
    tries = tries_at.setdefault(digest_, deque())
    if account.is_locked(event.at_ms) or _is_full(tries, event.at_ms):
        return
    if relation == WRONG:
        account.wrong_tries.append(event.at_ms)
        tries.append(event.at_ms)
    else:
        account.links[chart] = Link(relation, day_of(event), event.event_id)


def chart_step(event: Event, before: Account) -> tuple[str, str]:
    """Return what stands asked of a chart after an event, number or birth, and the number named."""
    if event.kind not in {"message", CHART_ASKED, CHART_NAMED, CHART_TRIED}:
        return before.chart_step, before.chart_no
    step = {CHART_ASKED: "number", CHART_NAMED: "birth"}.get(event.kind, "")
    return step, event.said if event.kind == CHART_NAMED else ""


def _is_full(tries: Iterable[int], at_ms: int) -> bool:
    return sum(each > at_ms - LOCK_MS for each in tries) >= WRONG_TRIES
