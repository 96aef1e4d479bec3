"""After the window: what was planned is done, or a person is told; what is left over is swept."""

from datetime import date, datetime, time, timedelta
from pathlib import Path

import dagster as dg
import pytest
from delivery_fixtures import MONDAY, Night, a_build, a_night, at, plan_rows, ready, rows_of, users
from nights import World
from published_nights import publish_night

from dagster_project.definitions import definitions
from dagster_project.delivery.sweep import expire_missed
from dagster_project.delivery.waiting import is_missed, is_overdue
from dagster_project.delivery.watchdog import has_news, watch
from dagster_project.ledger.alerts import claim, hand_over, mark_sent, waiting, write_alert
from dagster_project.ledger.store import open_ledger, writing
from dagster_project.ledger.tables import alert
from dagster_project.line.replies import Kind
from dagster_project.runner import open_instance
from dagster_project.settings import Settings, watched

AFTER = at(18, 15)


@pytest.fixture
def night(tmp_path: Path) -> Night:
    return a_night(tmp_path)


def texts(night: Night) -> list[str]:
    return [str(each["text"]) for each in rows_of(night.engine, alert)]


def test_a_day_that_is_done_is_not_worth_a_word(night: Night) -> None:
    ready(night).send()
    assert not has_news(night.engine, night.clinic, AFTER)
    assert not watch(night.engine, night.clinic, AFTER)


def test_what_is_left_over_is_told_once_fifteen_minutes_after_the_window(night: Night) -> None:
    ready(night)
    assert not has_news(night.engine, night.clinic, AFTER - timedelta(seconds=1))
    assert has_news(night.engine, night.clinic, AFTER)
    assert [each.kind for each in watch(night.engine, night.clinic, AFTER)] == ["undone"]
    assert texts(night) == ["2026-06-01: 計画 3 人のうち 3 人が未了: 送信待ち 3 人"]
    assert not has_news(night.engine, night.clinic, AFTER + timedelta(minutes=10))
    assert not watch(night.engine, night.clinic, AFTER + timedelta(minutes=10))


def test_a_closed_day_has_no_window_to_be_judged_by(night: Night) -> None:
    thursday = date(2026, 6, 4)
    ready(night)
    assert not has_news(night.engine, night.clinic, at(18, 15, thursday))


@pytest.mark.parametrize(
    ("answers", "said"),
    [([Kind.UNKNOWN] * 5, "応答待ち 3 人"), ([Kind.QUOTA_EXHAUSTED], "送信待ち (quota) 3 人")],
)
def test_it_says_what_became_of_them(night: Night, answers: list[Kind], said: str) -> None:
    ready(night).line.script = list(answers)
    night.send()
    watch(night.engine, night.clinic, AFTER)
    assert texts(night)[0].endswith(said)


def test_green_but_silent_everybody_was_passed_over(night: Night) -> None:
    rows = plan_rows(users(3))
    night.plan(rows)
    night.freeze(rows, without=users(3))
    assert night.send().stopped is None
    assert [each.kind for each in watch(night.engine, night.clinic, AFTER)] == ["silent"]
    assert "consent_or_link_gone" in texts(night)[0]


def test_one_person_passed_over_of_three_is_no_silence(night: Night) -> None:
    rows = plan_rows(users(3))
    night.plan(rows)
    night.freeze(rows, without=users(1))
    night.send()
    assert not watch(night.engine, night.clinic, AFTER)


@pytest.mark.parametrize(
    ("built_on", "moment", "found"),
    [
        (MONDAY, at(7, 30), []),
        (MONDAY - timedelta(days=2), at(7, 30), ["no_night"]),
        (MONDAY - timedelta(days=2), at(7, 29), []),
        (MONDAY - timedelta(days=2), at(7, 30, date(2026, 6, 4)), []),  # closed
        (None, at(10), ["no_night"]),
    ],
)
def test_a_night_that_is_not_there_in_the_morning_is_told(
    night: Night, tmp_path: Path, built_on: date | None, moment: datetime, found: list[str]
) -> None:
    """A night that was killed, or never began, fails nowhere."""
    published = tmp_path / "published.duckdb"
    if built_on:
        publish_night(published, a_build(built_on), [])
    assert has_news(night.engine, night.clinic, moment, published) == bool(found)
    told = watch(night.engine, night.clinic, moment, published)
    assert [each.kind for each in told] == found
    assert all(("2026-05-30" if built_on else "まだ一度も") in each.text for each in told)
    assert not has_news(night.engine, night.clinic, moment, published)


@pytest.mark.parametrize(
    ("people", "planned", "moment", "found"),
    [(3, 0, AFTER, ["silent"]), (3, 0, at(18, 14), []), (0, 0, AFTER, []), (3, 3, AFTER, [])],
)
def test_green_but_silent_what_was_published_never_came_into_the_ledger(
    night: Night, tmp_path: Path, people: int, planned: int, moment: datetime, found: list[str]
) -> None:
    published = tmp_path / "published.duckdb"
    publish_night(published, night.build, plan_rows(users(people)))
    if planned:
        ready(night, planned).send()
    told = watch(night.engine, night.clinic, moment, published)
    assert [each.kind for each in told] == found
    assert all("計画 3 通" in each.text for each in told)


@pytest.mark.parametrize(("minute", "found"), [(0, ["no_night"]), (59, [])])
def test_where_the_window_opens_earlier_so_does_the_watchdog(
    night: Night, tmp_path: Path, minute: int, found: list[str]
) -> None:
    window = night.clinic.send_window.model_copy(update={"opens": time(7)})
    early = night.clinic.model_copy(update={"send_window": window})
    moment = at(7) if minute == 0 else at(6, minute)
    told = watch(night.engine, early, moment, tmp_path / "published.duckdb")
    assert [each.kind for each in told] == found


def test_a_sample_of_another_day_is_not_looked_for(tmp_path: Path) -> None:
    here = Settings(data_dir=tmp_path, business_day=MONDAY)
    assert watched(here, "aozora", at(10)) == here.published_path("aozora")
    assert watched(here, "aozora", at(10, 0, date(2026, 6, 2))) is None


def test_the_sweep_has_something_to_do_only_when_an_hour_has_passed(night: Night) -> None:
    ready(night)
    assert not is_missed(night.engine, "aozora", at(17, 59))
    assert is_missed(night.engine, "aozora", at(18))
    assert expire_missed(night.engine, "aozora", at(18)) == 3
    assert not is_missed(night.engine, "aozora", at(18))


def test_a_batch_is_overdue_twenty_hours_after_its_first_try(night: Night) -> None:
    ready(night).line.script = [Kind.UNKNOWN] * 5
    first = night.clock()
    night.send()
    deadline = first + timedelta(hours=20)
    assert not is_overdue(night.engine, "aozora", deadline - timedelta(seconds=1))
    assert is_overdue(night.engine, "aozora", deadline)


def test_the_schedule_asks_where_something_waits_and_the_job_tells_and_never_sends(
    planned: World,
) -> None:
    world = planned
    settings = world.settings(MONDAY, AFTER)
    with open_instance(settings) as instance:
        defs = definitions(settings)
        schedule = defs.resolve_schedule_def("sweep_every_ten_minutes")

        def asked() -> list[str]:
            context = dg.build_schedule_context(
                scheduled_execution_time=AFTER, repository_def=defs.get_repository_def()
            )
            tick = schedule.evaluate_tick(context)
            return [each.partition_key or "" for each in tick.run_requests or []]

        assert asked() == ["good"]
        job = defs.resolve_job_def("sweep")
        done = job.execute_in_process(
            instance=instance, partition_key="good", resources={"settings": settings}
        )
        assert done.success
        assert asked() == []
    (told,) = rows_of(open_ledger(settings.ledger()), alert)
    assert (told["kind"], told["raised_at"]) == ("undone", None)
    assert "計画のまま 3 人" in str(told["text"])
    assert not world.received("good")
    world.said.clear()
    world.send(MONDAY, AFTER)
    world.status(MONDAY)
    assert "警告: 2026-06-01: 計画 3 人のうち 3 人が未了" in world.text()


def test_the_schedule_asks_again_while_staff_have_not_heard(planned: World) -> None:
    path = planned.exports / "good" / "clinic.yaml"
    with path.open("a", encoding="utf-8") as file:
        file.write("alerts: {mail: staff@clinic.example}\n")
    early = at(8)
    settings = planned.settings(MONDAY).model_copy(update={"at": None})
    defs = definitions(settings)
    schedule = defs.resolve_schedule_def("sweep_every_ten_minutes")
    ledger = open_ledger(settings.ledger())

    def asked(moment: datetime) -> list[str]:
        context = dg.build_schedule_context(
            scheduled_execution_time=moment, repository_def=defs.get_repository_def()
        )
        return [each.partition_key or "" for each in schedule.evaluate_tick(context).run_requests]

    assert asked(early) == []
    with writing(ledger, "good") as con:
        write_alert(con, early, "good", "failed", "2026-06-01 x", "夜の処理が止まりました")
    assert asked(early) == ["good"]
    hand_over(ledger, "good", ("mail",), early)
    (row,) = waiting(ledger, "good", early)
    assert claim(ledger, row, early)
    assert asked(early + timedelta(seconds=29)) == []
    assert asked(early + timedelta(seconds=30)) == ["good"]
    mark_sent(ledger, row, early)
    assert asked(early + timedelta(hours=9)) == []
