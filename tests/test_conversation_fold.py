"""What is true of an account, whatever order its events arrive in."""

import hashlib
import json
from datetime import date
from random import Random

import pytest
from chat import START, event, tap, text
from clinic_builder import user
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine

from dagster_project.conversation.codes import Code, digest
from dagster_project.conversation.events import Event, parse
from dagster_project.conversation.fold import Account, fold
from dagster_project.conversation.script import Script
from dagster_project.conversation.words import words
from dagster_project.ledger.chat_tables import line_event, link_code, link_code_patient
from dagster_project.ledger.conversation import account, accounts, keep
from dagster_project.ledger.store import open_ledger

DAY = 24 * 60
START_MS = int(START.timestamp() * 1000)
GOOD, OTHER = "AB34CD56", "QR34ST56"
CODES = {
    digest(code): Code({patient: "self"}, START_MS, START_MS + 14 * DAY * 60_000)
    for code, patient in ((GOOD, "1"), (OTHER, "2"))
}
ME, YOU = user(1), user(2)
YES = "consent:v1:vaccine:yes"


def events(*raw: dict[str, object]) -> list[Event]:
    import chat  # noqa: PLC0415

    return [each.event for each in parse(chat.body(raw))]


def after(*raw: dict[str, object], who: str = ME) -> Account:
    return fold(events(*raw), CODES, Script()).get(who, Account())


def agreed(account: Account) -> set[str]:
    return {purpose for purpose, said in account.consents.items() if said.is_granted}


def test_a_code_links_the_chart_it_was_issued_for() -> None:
    found = after(text("ab34-cd56", ME, 0))
    assert found.links["1"].linked_on == date(2026, 6, 1)
    assert found.links["1"].relation == "self"
    assert not agreed(found), "a link is no consent"


@pytest.mark.parametrize("said", ["ＡＢ３４ＣＤ５６", " ab34 cd56 ", "AB34-CD56"])
def test_a_code_is_read_however_it_is_typed(said: str) -> None:
    assert after(text(said, ME, 0)).links


def test_a_code_is_used_once_by_whoever_was_first() -> None:
    mine, theirs = text(GOOD, ME, 1), text(GOOD, YOU, 2)
    assert after(theirs, mine).links
    assert not after(theirs, mine, who=YOU).links


@pytest.mark.parametrize(("minute", "is_linked"), [(-1, False), (0, True), (14 * DAY - 1, True),
                                                   (14 * DAY, False)])  # fmt: skip
def test_a_code_has_fourteen_days(minute: int, is_linked: bool) -> None:
    assert bool(after(text(GOOD, ME, minute)).links) is is_linked


@pytest.mark.parametrize(("wrong", "is_linked"), [(4, True), (5, False)])
def test_five_wrong_codes_lock_an_account(wrong: int, is_linked: bool) -> None:
    tries = [text("ZZ34ZZ56", ME, minute) for minute in range(wrong)]
    assert bool(after(*tries, text(GOOD, ME, 10)).links) is is_linked


@pytest.mark.parametrize(("minute", "is_linked"), [(DAY - 1, False), (DAY, True)])
def test_the_lock_ends_a_day_after_the_tries(minute: int, is_linked: bool) -> None:
    tries = [text("ZZ34ZZ56", ME, 0) for _ in range(5)]
    assert bool(after(*tries, text(GOOD, ME, minute)).links) is is_linked


def test_a_right_code_sent_while_locked_is_not_used_up() -> None:
    tries = [text("ZZ34ZZ56", ME, 0) for _ in range(5)]
    assert after(*tries, text(GOOD, ME, 1), text(GOOD, YOU, 2), who=YOU).links


def test_consent_is_given_purpose_by_purpose_with_its_proof() -> None:
    given_ = tap(YES, ME, 3)
    found = after(given_)
    assert agreed(found) == {"vaccine"}
    proof = found.consents["vaccine"]
    assert (proof.version, proof.on_day) == ("v1", date(2026, 6, 1))
    assert proof.event_id == given_["webhookEventId"]


@pytest.mark.parametrize(
    "said", ["配信停止", "配信 停止。", "ＳＴＯＰ", "停止", "配信停止してください"]
)
def test_stop_ends_every_consent(said: str) -> None:
    assert agreed(after(tap("consent:v1:all:yes", ME, 0))) == set(words().purposes)
    assert not agreed(after(tap("consent:v1:all:yes", ME, 0), text(said, ME, 1)))
    assert agreed(after(tap("consent:v1:all:yes", ME, 0), text("停止しないで", ME, 1)))


def test_one_purpose_alone_can_be_ended() -> None:
    found = after(tap("consent:v1:all:yes", ME, 0), tap("consent:v1:survey:no", ME, 1))
    assert agreed(found) == set(words().purposes) - {"survey"}


def test_following_again_restores_no_consent() -> None:
    found = after(tap(YES, ME, 0), event("unfollow", ME, 1), event("follow", ME, 2))
    assert found.is_following is True
    assert not agreed(found)
    assert agreed(after(event("unfollow", ME, 1), event("follow", ME, 2), tap(YES, ME, 3)))


def test_unlinking_ends_links_and_consents() -> None:
    found = after(text(GOOD, ME, 0), tap(YES, ME, 1), text("連携解除", ME, 2))
    assert not found.links
    assert not agreed(found)
    assert found.unlinked_on == date(2026, 6, 1)


@pytest.mark.parametrize("data", ["", "consent:v1:vaccine", "consent:v1:everything:yes", "x" * 900])
def test_other_postbacks_mean_nothing(data: str) -> None:
    assert not agreed(after(tap(data, ME, 0)))


def test_an_unknown_event_means_nothing() -> None:
    assert after(event("membership", ME, 0, membership={"type": "joined"})) == Account()


STEPS = st.sampled_from(["follow", "unfollow", "stop", "unlink", "good", "other", "wrong", "yes",
                         "no", "all"])  # fmt: skip


def raw(step: str, who: str, minute: int) -> dict[str, object]:
    said = {"stop": "配信停止", "unlink": "連携解除", "good": GOOD, "other": OTHER,
            "wrong": "ZZ34ZZ56"}  # fmt: skip
    if step in said:
        return text(said[step], who, minute)
    data = {"yes": YES, "no": "consent:v1:vaccine:no", "all": "consent:v1:all:yes"}
    if step in data:
        return tap(data[step], who, minute)
    return event(step, who, minute)


LIVES = st.lists(st.tuples(STEPS, st.sampled_from([ME, YOU]), st.integers(0, 3 * DAY)), max_size=25)


@settings(max_examples=200, deadline=None)
@given(LIVES, st.randoms(use_true_random=False), st.integers(0, 5))
def test_any_order_and_any_redelivery_give_the_same_accounts(
    life: list[tuple[str, str, int]], chance: object, again: int
) -> None:
    straight = events(*(raw(*each) for each in life))
    shuffled = [*straight, *straight[:again]]
    chance.shuffle(shuffled)  # type: ignore[attr-defined]
    assert fold(shuffled, CODES, Script()) == fold(straight, CODES, Script())


@settings(max_examples=100, deadline=None)
@given(LIVES)
def test_a_chart_is_linked_by_one_account_at_most_and_never_after_unlinking(
    life: list[tuple[str, str, int]],
) -> None:
    found = fold(events(*(raw(*each) for each in life)), CODES, Script())
    holders = [who for who, each in found.items() if "1" in each.links]
    assert len(holders) <= 1
    for each in found.values():
        assert not (each.is_following is False and agreed(each))


@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(LIVES, st.randoms(use_true_random=False), st.integers(0, 8), st.integers(1, 9))
def test_any_delivery_through_the_ledger_gives_the_same_accounts(
    empty_ledger: Engine,
    life: list[tuple[str, str, int]],
    chance: Random,
    again: int,
    batch: int,
) -> None:
    straight = events(*(raw(*each) for each in life))
    delivered = [*straight, *straight[:again]]
    chance.shuffle(delivered)
    with empty_ledger.begin() as con:
        con.execute(line_event.delete())
    while delivered:
        size = chance.randint(1, batch)
        keep(empty_ledger, "good", delivered[:size], START)
        delivered = delivered[size:]
    expected = fold(straight, CODES, Script())
    assert accounts(empty_ledger, "good", date.max, Script()) == expected
    for who in (ME, YOU):
        assert account(empty_ledger, "good", who, Script()) == expected.get(who, Account())


@pytest.fixture(scope="module")
def empty_ledger(tmp_path_factory: pytest.TempPathFactory) -> Engine:
    """Return a ledger without events, with the codes that the lives above use."""
    engine = open_ledger(f"sqlite:///{tmp_path_factory.mktemp('fold')}/ledger.db")
    with engine.begin() as con:
        for found, code in CODES.items():
            times = {"issued_ms": code.issued_ms, "expires_ms": code.expires_ms}
            row = {"digest": found, "clinic_id": "good", "relation": "self", **times}
            con.execute(link_code.insert(), [row])
            patients = [{"digest": found, "patient_id": each} for each in code.charts]
            con.execute(link_code_patient.insert(), patients)
    return engine


# What each version asked people to agree to; of a consent the ledger keeps the version alone.
ASKED = {"v1": "a5471ea17738addf"}
ASKING = ("linked", "settings", "granted")


def test_a_new_wording_of_consent_has_a_new_version() -> None:
    said = words()
    asked = {"purposes": said.purposes, **{name: said.answers[name] for name in ASKING}}
    text_ = json.dumps(asked, ensure_ascii=False, sort_keys=True)
    assert hashlib.sha256(text_.encode()).hexdigest()[:16] == ASKED[said.version], (
        "people agreed to another wording: give words.yaml a new version, and add it above"
    )
