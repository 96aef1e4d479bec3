"""What each answer of LINE does to a batch, when trying stops, and what may never happen again."""

import json
from collections.abc import Sequence
from datetime import date, datetime, timedelta
from pathlib import Path

import pytest
from delivery_fixtures import (
    Night,
    ScriptedLine,
    a_build,
    a_night,
    at,
    moment,
    plan_rows,
    ready,
    user,
    users,
)
from sqlalchemy import insert, select, update

from dagster_project.delivery.lease import lease
from dagster_project.delivery.reconcile import LedgerError, reconcile
from dagster_project.ledger.batches import DEADLINE, SKEW, begin_try, record_reply
from dagster_project.ledger.store import reading, stamp, writing
from dagster_project.ledger.tables import alert, attempt, batch, intent, sender
from dagster_project.line.replies import Kind, Quota, Reply

SILENT = [Kind.UNKNOWN] * 5  # one batch's tries within a run


@pytest.fixture
def night(tmp_path: Path) -> Night:
    return a_night(tmp_path)


def states(night: Night) -> list[object]:
    return sorted(str(each["state"]) for each in night.batches())


def test_accepted_is_done_and_a_rerun_sends_nothing(night: Night) -> None:
    ready(night)
    assert night.send().accepted == 3
    assert night.send().accepted == 0
    assert len(night.line.sent) == 1
    assert states(night) == ["accepted"]


def test_already_accepted_is_done_with_the_request_id_of_the_first_time(night: Night) -> None:
    ready(night).line.script = [
        Kind.UNKNOWN,
        Reply(Kind.ALREADY_ACCEPTED, 409, "r2", accepted_request_id="r1"),
    ]
    assert night.send().accepted == 3
    assert night.batches()[0]["accepted_request_id"] == "r1"
    assert len(set(night.line.sent)) == 1, "same bytes, same key"


def test_every_answer_is_kept_with_its_own_request_id(night: Night) -> None:
    ready(night).line.script = [Kind.UNKNOWN, Kind.RATE_LIMITED]
    night.send()
    # The quota was asked first.
    assert [(each["kind"], each["request_id"]) for each in night.attempts()] == [
        ("unknown", "r2"),
        ("rate_limited", "r3"),
        ("accepted", "r4"),
    ]


def test_the_first_try_is_committed_before_the_first_byte(night: Night) -> None:
    ready(night)
    seen: list[tuple[object, object]] = []

    class Watching(ScriptedLine):
        def send(self, body: bytes, retry_key: str) -> Reply:
            # Another connection: it sees what is committed, and nothing else.
            with reading(night.engine) as con:
                seen.append(con.execute(select(batch.c.state, batch.c.first_try_at)).one()._tuple())
            return super().send(body, retry_key)

    night.line = Watching()
    night.send()
    assert seen == [("sending", stamp(night.clock()))]


def test_unknown_is_retried_with_backoff_then_left_for_the_next_run(night: Night) -> None:
    ready(night).line.script = list(SILENT)
    assert night.send().unsettled == 3
    assert night.clock.slept == [1, 2, 4, 8]
    assert states(night) == ["sending"]
    assert night.send().accepted == 3


def test_rate_limited_waits_and_goes_on(night: Night) -> None:
    ready(night).line.script = [Kind.RATE_LIMITED, Kind.RATE_LIMITED]
    assert night.send().accepted == 3
    assert night.clock.slept == [1, 2]


def test_an_exhausted_month_stops_everything_and_leaves_it_frozen(night: Night) -> None:
    rows = plan_rows(users(3)) + plan_rows(users(3, 10), campaign="other")
    night.plan(rows)
    night.freeze(rows)
    night.line.script = [Kind.QUOTA_EXHAUSTED]
    summary = night.send()
    assert (summary.stopped, summary.deferred, len(night.line.sent)) == ("quota", 6, 1)
    assert states(night) == ["frozen", "frozen"]
    assert {each["reason"] for each in night.batches()} == {"quota", None}
    assert night.send().accepted == 6


def test_a_refused_batch_that_may_have_arrived_is_never_called_unsent(night: Night) -> None:
    ready(night).line.script = [Kind.UNKNOWN, Kind.QUOTA_EXHAUSTED]
    night.send()
    assert states(night) == ["sending"]
    night.line.script = [Reply(Kind.REJECTED, 400, detail="messages[0]")] * 5
    night.send()
    assert states(night) == ["sending"]


def test_a_killed_try_counts_as_one_that_may_have_arrived(night: Night) -> None:
    ready(night)
    (row,) = night.batches()
    with night.engine.begin() as con:
        assert begin_try(con, str(row["id"]), night.clock())
    night.line.script = [Kind.QUOTA_EXHAUSTED]
    night.send()
    assert states(night) == ["sending"]


def test_a_token_refused_stops_the_run(night: Night) -> None:
    ready(night).line.script = [Reply(Kind.UNAUTHORIZED, 401)]
    assert night.send().stopped == "unauthorized"
    assert states(night) == ["frozen"]


def test_a_forbidden_account_stops_the_run_instead_of_using_up_every_batch(night: Night) -> None:
    ready(night).line.script = [Reply(Kind.FORBIDDEN, 403)]
    assert night.send().stopped == "forbidden"
    assert states(night) == ["frozen"]


def test_a_rejected_message_flags_everyone_and_is_never_planned_again(night: Night) -> None:
    ready(night).line.script = [Reply(Kind.REJECTED, 400, detail="messages[0].text")]
    assert night.send().rejected == 3
    assert {(each["state"], each["reason"]) for each in night.intents()} == {
        ("rejected", "line_refused: messages[0].text")
    }
    ready(night)
    assert night.send().accepted == 0
    assert reconcile(night.engine, "aozora").rejected == 3


def test_a_refused_person_is_flagged_and_the_others_get_theirs(night: Night) -> None:
    rows = plan_rows(users(4))
    night.plan(rows)
    night.freeze(rows)
    night.line.script = [Reply(Kind.REJECTED, 400, detail="to[1]")]
    night.send()
    night.freeze(rows)
    assert night.send().accepted == 3
    first, second = night.line.sent
    assert first[1] != second[1], "other people, other key"
    assert json.loads(second[0])["to"] == [user(0), user(2), user(3)]
    fates = {each["line_user_id"]: each["state"] for each in night.intents()}
    assert fates[user(1)] == "rejected"
    proof = reconcile(night.engine, "aozora")
    assert (proof.planned, proof.accepted, proof.rejected) == (4, 3, 1)


def test_a_bare_400_is_held_not_rejected(night: Night) -> None:
    ready(night).line.script = [Reply(Kind.UNKNOWN, 400, detail="bare 400")] * 5
    night.send()
    assert states(night) == ["sending"]
    assert night.send().accepted == 3


def test_three_silent_batches_in_a_row_end_the_run(night: Night) -> None:
    rows = plan_rows(users(50))
    night.plan(rows)
    night.freeze(rows, max_batch=10)
    night.line.script = SILENT * 5
    assert night.send().stopped == "LINE does not settle"
    assert states(night) == ["frozen"] * 2 + ["sending"] * 3


# --- the 20 hours ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("waited", "state"),
    [(DEADLINE - timedelta(seconds=1), "accepted"), (DEADLINE, "unknown")],
)
def test_a_retry_has_twenty_hours_and_not_a_second_more(
    night: Night, waited: timedelta, state: str
) -> None:
    ready(night).line.script = list(SILENT)
    began = night.clock()
    night.send()
    night.clock.now = began + waited
    night.send()
    assert states(night) == [state]
    sent = len(night.line.sent)
    night.clock.now += timedelta(days=2)
    night.send()
    assert len(night.line.sent) == sent, "unknown is for a person, never tried again"


def test_the_deadline_counts_from_the_first_try_whatever_came_after(night: Night) -> None:
    ready(night).line.script = SILENT * 3
    first = night.clock()
    for hours in (0, 6, 12):
        night.clock.now = first + timedelta(hours=hours)
        night.send()
    assert moment(night.batches()[0]["first_try_at"]) == first
    night.clock.now = first + DEADLINE
    assert night.send().unknown == 3


def test_lines_own_list_proves_an_overdue_batch_even_later(night: Night) -> None:
    ready(night).line.script = list(SILENT)
    night.send()
    night.clock.now += DEADLINE
    assert night.send().unknown == 3
    night.line.units = {str(night.batches()[0]["unit"])}
    assert night.send().accepted == 3
    assert (states(night), night.batches()[0]["reason"]) == (["accepted"], "seen in unit list")


def test_a_list_that_cannot_be_read_proves_nothing(night: Night) -> None:
    ready(night).line.script = list(SILENT)
    night.send()
    night.clock.now += DEADLINE

    def silent() -> set[str]:
        raise TimeoutError

    night.line.aggregation_units = silent  # type: ignore[method-assign]
    assert night.send().unknown == 3


# --- the window -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("hour", "minute", "sent"), [(9, 59, 0), (10, 0, 3), (17, 59, 3), (18, 0, 0)]
)
def test_new_batches_leave_only_in_the_window(
    night: Night, hour: int, minute: int, sent: int
) -> None:
    ready(night)
    night.clock.now = at(hour, minute)
    assert night.send().accepted == sent
    assert (night.line.calls > 0) == (sent > 0), "no call at all outside the window"


def test_a_batch_never_tried_does_not_leave_on_another_day(night: Night) -> None:
    ready(night)
    night.clock.now = at(10, 5, date(2026, 6, 2))
    assert night.send().expired == 3
    assert night.line.sent == []
    assert {(each["state"], each["reason"]) for each in night.intents()} == {
        ("expired", "window_missed")
    }
    night.build = a_build(date(2026, 6, 2))
    ready(night)
    assert night.send().accepted == 3


def test_the_ledger_itself_refuses_a_first_try_after_hours(night: Night) -> None:
    batch_id = str(ready(night).batches()[0]["id"])
    with night.engine.begin() as con:
        assert not begin_try(con, batch_id, at(18))
        assert begin_try(con, batch_id, at(17, 59))


def test_a_batch_tried_before_closing_is_settled_after_it(night: Night) -> None:
    ready(night).line.script = list(SILENT)
    night.clock.now = at(17, 59)
    night.send()
    night.clock.now = at(18, 30)
    assert night.send().accepted == 3


def test_the_window_shutting_in_mid_run_keeps_the_rest(night: Night) -> None:
    rows = plan_rows(users(20))
    night.plan(rows)
    night.freeze(rows, max_batch=10)
    night.clock.now = at(17, 59)
    night.line.script = [Kind.UNKNOWN] * 3 + [Kind.ACCEPTED]
    night.clock.now += timedelta(seconds=55)
    night.send()
    assert states(night) == ["accepted", "frozen"]


# --- quota ----------------------------------------------------------------------------------


def plan_many(night: Night, sizes: Sequence[tuple[str, int, int]]) -> None:
    rows = []
    for number, (campaign, priority, people) in enumerate(sizes):
        rows += plan_rows(users(people, 1000 * number), campaign=campaign, priority=priority)
    night.plan(rows)
    night.freeze(rows)


def test_of_what_no_longer_fits_the_sender_chooses_nobody(night: Night) -> None:
    plan_many(night, [("lapsed", 3, 50), ("vaccine", 1, 30)])
    night.line.limit = 79
    summary = night.send()
    assert (summary.accepted, summary.deferred, night.line.sent) == (0, 80, [])
    assert {each["reason"] for each in night.batches()} == {"quota"}
    night.line.limit = 80
    assert night.send().accepted == 80


def test_what_line_has_not_counted_yet_is_not_given_out_again(night: Night) -> None:
    """LINE's consumption is late: by our own count the month is full."""
    night.line.limit = 5
    first, second = plan_rows(users(3)), plan_rows(users(3, 10), campaign="other")
    night.plan([*first, *second])
    night.freeze(first)
    assert night.send().accepted == 3
    night.clock.now += timedelta(minutes=10)
    night.freeze([*first, *second])
    assert (night.send().accepted, night.line.used) == (0, 0)


@pytest.mark.parametrize(("left", "accepted"), [(30, 30), (29, 0)])
def test_the_last_message_of_the_month_fits_and_one_more_does_not(
    night: Night, left: int, accepted: int
) -> None:
    ready(night, 30)
    night.line.limit, night.line.used = 200, 200 - left
    assert night.send().accepted == accepted


def test_what_is_under_way_still_counts_against_the_quota(night: Night) -> None:
    vaccine, lapsed = plan_rows(users(20), "vaccine", 1), plan_rows(users(20, 50))
    night.plan(vaccine)
    night.freeze(vaccine)
    night.line.script = SILENT * 2
    night.send()
    night.plan([*vaccine, *lapsed])
    night.freeze([*vaccine, *lapsed])
    # LINE may have taken the first 20 and not have counted them yet.
    night.line.limit = 39
    assert night.send().deferred == 20
    night.line.script, night.line.limit = list(SILENT), 40
    assert (night.send().accepted, states(night)) == (20, ["accepted", "sending"])


def test_an_unread_quota_starts_nothing(night: Night) -> None:
    ready(night)

    def unread() -> Quota:
        raise ConnectionError

    night.line.quota = unread  # type: ignore[method-assign]
    assert night.send().stopped == "quota unread"
    assert night.line.sent == []


def test_no_limit_is_no_obstacle(night: Night) -> None:
    ready(night, 700).line.limit = None
    assert night.send().accepted == 700


def test_the_clinics_own_limit_counts_where_line_has_none(night: Night) -> None:
    ready(night, 30).line.used = 480
    for own, accepted in ((509, 0), (510, 30)):
        line = night.clinic.line.model_copy(update={"monthly_limit": own})
        night.clinic = night.clinic.model_copy(update={"line": line})
        assert night.send().accepted == accepted


# --- clocks and bytes -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("back", "sent"), [(SKEW - timedelta(seconds=1), 6), (SKEW, 5), (timedelta(days=4000), 5)]
)
def test_a_clock_set_far_back_retries_nothing(night: Night, back: timedelta, sent: int) -> None:
    ready(night).line.script = list(SILENT)
    began = night.clock()
    night.send()
    night.clock.now = began - back
    night.send()
    assert len(night.line.sent) == sent


@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize(("off", "sent"), [(timedelta(minutes=5), 1), (timedelta(seconds=301), 0)])
def test_a_clock_that_is_not_lines_tries_nothing(
    night: Night, sign: int, off: timedelta, sent: int
) -> None:
    """Its hours would not be LINE's: a retry could come after LINE has forgotten the key."""
    night.line.says = night.clock() + sign * off
    ready(night)
    summary = night.send()
    assert len(night.line.sent) == sent
    assert summary.stopped == (None if sent else "clock is off")
    with reading(night.engine) as con:
        told = con.execute(select(alert.c.kind)).scalars().all()
    assert told == ([] if sent else ["clock"])


def test_bytes_that_are_not_the_frozen_ones_do_not_leave(night: Night) -> None:
    frozen = ready(night).batches()[0]["body"]
    with night.engine.begin() as con:
        con.execute(update(batch).values(body=frozen + b" "))  # type: ignore[operator]
    with pytest.raises(LedgerError, match="not as it was frozen"):
        night.send()
    assert night.line.sent == []
    assert states(night) == ["frozen"], "nothing left, so nothing may have arrived"


# --- two senders ----------------------------------------------------------------------------


def test_a_second_sender_waits_for_the_first(night: Night) -> None:
    ready(night)
    with lease(night.engine, "aozora", night.clock) as held:
        assert held
        assert night.send().stopped == "another sender is at work"
    assert night.send().accepted == 3


def hold(night: Night, holder: str) -> None:
    until = stamp(night.clock() + timedelta(minutes=10))
    with night.engine.begin() as con:
        con.execute(insert(sender).values(clinic_id="aozora", holder=holder, until=until))


def test_another_machines_lease_lapses_after_ten_minutes(night: Night) -> None:
    ready(night)
    hold(night, "elsewhere/1/x")
    night.clock.now += timedelta(minutes=9, seconds=59)
    assert night.send().stopped == "another sender is at work"
    night.clock.now += timedelta(seconds=1)
    assert night.send().accepted == 3


def test_one_clinics_sender_does_not_hold_up_another(tmp_path: Path) -> None:
    night, other = a_night(tmp_path), a_night(tmp_path, "hinata")
    rows = plan_rows(users(2), clinic_id="hinata")
    other.plan(rows)
    other.freeze(rows)
    hold(night, "elsewhere/1/x")
    assert other.send().accepted == 2
    assert reconcile(night.engine, "aozora").planned == 0


def test_a_sender_whose_lease_was_taken_stops_before_it_sends(night: Night) -> None:
    ready(night)

    class Overtaken(ScriptedLine):
        def quota(self) -> Quota:
            with night.engine.begin() as con:
                con.execute(update(sender).values(holder="elsewhere/1/x"))
            return super().quota()

    night.line = Overtaken()
    assert night.send().stopped == "another sender took over"
    assert night.line.sent == []


def answered(night: Night, batch_id: str, reply: Reply) -> str:
    with writing(night.engine, "aozora") as con:
        return record_reply(con, batch_id, reply, night.clock())


def test_a_late_sender_cannot_undo_what_another_settled(night: Night) -> None:
    ready(night)
    batch_id = str(night.batches()[0]["id"])
    now = night.clock()
    with night.engine.begin() as con:
        begin_try(con, batch_id, now)
    with night.engine.begin() as con:
        begin_try(con, batch_id, now)
    assert answered(night, batch_id, Reply(Kind.ACCEPTED, 200, "r1")) == "accepted"
    for kind in (Kind.UNKNOWN, Kind.RATE_LIMITED, Kind.QUOTA_EXHAUSTED, Kind.REJECTED):
        assert answered(night, batch_id, Reply(kind, 500)) == "accepted"
    with night.engine.begin() as con:
        assert not begin_try(con, batch_id, now)


def test_a_refusal_does_not_free_a_batch_another_sender_is_trying(night: Night) -> None:
    ready(night)
    batch_id = str(night.batches()[0]["id"])
    now = night.clock()
    for _ in range(2):
        with night.engine.begin() as con:
            begin_try(con, batch_id, now)
    refused = Reply(Kind.QUOTA_EXHAUSTED, 429)
    assert answered(night, batch_id, refused) == "sending"
    assert answered(night, batch_id, refused) == "frozen"


# --- proof ----------------------------------------------------------------------------------


def test_a_ledger_that_contradicts_itself_is_reported(night: Night) -> None:
    ready(night)
    night.send()
    with night.engine.begin() as con:
        con.execute(update(intent).where(intent.c.line_user_id == user(1)).values(state="skipped"))
    with pytest.raises(LedgerError, match="differ"):
        reconcile(night.engine, "aozora")


def test_a_batch_that_holds_somebody_elses_intent_is_reported(night: Night) -> None:
    ready(night)
    with night.engine.begin() as con:
        one = intent.c.line_user_id == user(1)
        con.execute(update(intent).where(one).values(line_user_id=user(7)))
    with pytest.raises(LedgerError, match="differ"):
        reconcile(night.engine, "aozora")


@pytest.mark.parametrize(
    "change", [{"state": "expired"}, {"state": "nonsense"}, {"clinic_id": "hinata"}]
)
def test_a_batch_that_does_not_fit_its_intents_is_reported(
    night: Night, change: dict[str, str]
) -> None:
    ready(night)
    with night.engine.begin() as con:
        con.execute(update(batch).values(**change))
    clinic_id = change.get("clinic_id", "aozora")
    with pytest.raises(LedgerError):
        reconcile(night.engine, clinic_id)


def test_an_error_names_no_person(night: Night) -> None:
    ready(night)
    with night.engine.begin() as con:
        con.execute(update(batch).values(recipients=99))
    with pytest.raises(LedgerError) as caught:
        reconcile(night.engine, "aozora")
    assert user(0) not in str(caught.value)


def test_attempts_are_never_fewer_than_the_answers(night: Night) -> None:
    ready(night).line.script = SILENT * 2
    for _ in range(3):
        night.send()
    (row,) = night.batches()
    assert row["tries"] == len(night.attempts()) == len(night.line.sent)
    assert {each["batch_id"] for each in night.attempts()} == {row["id"]}


def test_the_ledger_keeps_instants_that_sort(night: Night) -> None:
    assert stamp(datetime.fromisoformat("2026-06-01T10:00:00+09:00")) == (
        "2026-06-01T01:00:00.000000+00:00"
    )
    with night.engine.connect() as con:
        assert con.execute(select(attempt)).all() == []
