"""Acceptance D20: what the month has left, shared out at night, seen in the morning, kept to."""

import json
from collections import Counter
from datetime import UTC, date, timedelta

import duckdb
import pytest
from clinic_builder import Row, user, write_clinic
from nights import MONDAY, World, at, written_to
from rich.console import Console
from sqlalchemy import insert, select

from dagster_project.clinic import clinic_in
from dagster_project.commands import run_nightly
from dagster_project.insight.ask import ask
from dagster_project.insight.morning_page import write_morning
from dagster_project.ledger.store import open_ledger, reading, writing
from dagster_project.ledger.tables import alert, attempt, batch, intent, intent_patient

JULY = date(2026, 7, 1)
SEEN = date(2026, 5, 20)
LIMIT = 5_000
HYPERTENSION = "8833421"
NOBODY = "http://127.0.0.1:9"  # the discard port: nobody listens


def people(counts: tuple[int, int, int, int]) -> list[list[int]]:
    """Return the numbers of whom each campaign is for, nobody of whom is held out."""
    numbers = written_to("d20", "visit", sum(counts))
    return [[numbers.pop(0) for _ in range(count)] for count in counts]


def rows_of(groups: list[list[int]], waited: int, never: int = 0) -> dict[str, list[Row]]:
    """Return children near their last day, lifestyle, dormant and women, each due one message.

    The last so many of the dormant, and of the women, have waited for more than a year; the other
    dormant for 22 days, the other women for 32.
    """
    children, lifestyle, dormant, women = groups
    born = dict.fromkeys(children, "2024-06-15") | dict.fromkeys(women, "2006-05-01")
    born |= dict.fromkeys(women[len(women) - never :], "1981-01-01")
    long_ago = {*dormant[len(dormant) - waited :]}
    return {
        "patients": [
            {
                "patient_no": str(n),
                "sex": "female" if n in women else "male",
                "birth_date": born.get(n, "1970-03-02"),
            }
            for group in groups
            for n in group
        ],
        "visits": [
            *({"patient_no": str(n), "visited_on": SEEN} for n in (*children, *lifestyle, *women)),
            *(
                {
                    "patient_no": str(n),
                    "visited_on": "2024-10-01" if n in long_ago else "2025-11-10",
                }
                for n in dormant
            ),
        ],
        "conditions": [
            {"patient_no": str(n), "code": HYPERTENSION, "started_on": "2025-04-01"}
            for n in lifestyle
        ],
        "line_links": [
            {
                "line_user_id": user(n),
                "patient_no": str(n),
                "relation": "parent" if n in children else "self",
            }
            for group in groups
            for n in group
        ],
    }


def write(world: World, day: date, rows: dict[str, list[Row]]) -> None:
    """Write a day's exports of a clinic that offers both screenings."""
    write_clinic(world.exports, "d20", day, rows, screenings=["breast", "cervical"])


def spend(world: World, used: int) -> None:
    """Let LINE say so many of the month's messages are used, and of no others."""
    world.simulator.state.channel("d20").used.clear()
    world.simulator.state.channel("d20").change({"used": used}, world.simulator.state.now())


def used(world: World) -> list[int]:
    return list(world.simulator.state.channel("d20").used.values())


def decided(world: World) -> dict[tuple[object, object], int]:
    """Return how many of each campaign are sent, and how many put off, and until when."""
    rows = world.published(
        "d20",
        "select campaign, reason, because_on from delivery_decisions where standing = 'member'",
    )
    assert {day for _, reason, day in rows if reason == "deferred_by_quota"} <= {JULY}
    return Counter((campaign, reason) for campaign, reason, _ in rows)


def sheet(world: World, day: date) -> str:
    settings = world.settings(day, at(day, 7, 30))
    path = write_morning(settings, clinic_in(settings.exports_dir, "d20"))
    assert path is not None
    return path.read_text(encoding="utf-8")


def alerts(world: World) -> list[str]:
    with reading(open_ledger(world.settings(MONDAY).ledger())) as con:
        return [str(text) for (text,) in con.execute(select(alert.c.text))]


def answers(world: World) -> set[object]:
    with reading(open_ledger(world.settings(MONDAY).ledger())) as con:
        return {status for (status,) in con.execute(select(attempt.c.status))}


def test_d20_eight_hundred_are_left_and_of_1550_the_right_ones_get_them(world: World) -> None:
    groups = people((300, 400, 500, 350))
    children, lifestyle, dormant, women = groups
    rows = rows_of(groups, waited=60, never=40)
    write(world, MONDAY, rows)
    spend(world, 4_200)
    assert world.nightly(MONDAY, at(MONDAY, 2)) == 0
    assert decided(world) == {
        ("vaccination", "send"): 300,
        ("lifestyle_checkup", "send"): 400,
        ("lapsed_6_months", "send"): 60,
        ("lapsed_6_months", "deferred_by_quota"): 440,
        ("womens_screening", "send"): 40,
        ("womens_screening", "deferred_by_quota"): 310,
    }
    assert world.calls("d20") == 0

    # At half past seven the approver sees the cut, its reason and its day.
    page = sheet(world, MONDAY)
    assert "今月の残りに入らない 750 通を 2026-07-01 以降に延ばします" in page
    assert "LINEでの残り (06-01 02:00)</dt><dd>800 通" in page
    for patients, left in ((440, 60), (310, 40)):
        cut = f'今月の残り通数に入らず翌月以降へ</td><td class="n">−{patients}</td>'
        assert f'{cut}<td class="n">{left} 人' in page
    assert [said for said in alerts(world) if "750 通を 2026-07-01 以降" in said]

    for minute in (1, 11):
        assert world.send(MONDAY, at(MONDAY, 10, minute)) == 0
    chosen = [*children, *lifestyle, *dormant[-60:], *women[-40:]]
    assert world.received("d20") == {user(n): 1 for n in chosen}
    assert used(world) == [LIMIT]
    assert answers(world) == {200}

    # No room is left: the next day asks LINE for nothing, and promises the same.
    tuesday = MONDAY + timedelta(days=1)
    write(world, tuesday, rows)
    calls = world.calls("d20")
    assert world.nightly(tuesday) == 0
    put_off = {
        ("lapsed_6_months", "deferred_by_quota"): 440,
        ("womens_screening", "deferred_by_quota"): 310,
    }
    assert put_off.items() <= decided(world).items()
    assert world.calls("d20") == calls
    assert used(world) == [LIMIT]


@pytest.mark.long
def test_the_next_month_writes_to_everybody_who_waited_and_to_nobody_twice(world: World) -> None:
    groups = people((0, 3, 4, 2))
    last, first = date(2026, 6, 30), JULY
    write(world, last, rows_of(groups, waited=0))
    spend(world, LIMIT - 3)
    assert world.nightly(last) == 0
    assert decided(world)["lapsed_6_months", "deferred_by_quota"] == 4
    assert used(world) == [LIMIT]
    assert "今月の残りに入らない 6 通を 2026-07-01 以降に延ばします" in sheet(world, last)

    spend(world, 0)
    write(world, first, rows_of(groups, waited=0))
    assert world.nightly(first) == 0
    assert world.received("d20") == {user(n): 1 for group in groups for n in group}
    assert "以降に延ばします" not in sheet(world, first)


@pytest.mark.parametrize(
    ("left", "received"),
    [
        pytest.param(0, (0, 0, 0, 0), marks=pytest.mark.long),
        # Of those whose last day is near some are better than none.
        pytest.param(1, (1, 0, 0, 0), marks=pytest.mark.long),
        (4, (2, 0, 0, 2)),  # one short for the whole of the second: it waits, the rest goes on
        (5, (2, 3, 0, 0)),  # it fits exactly
        pytest.param(9, (2, 3, 2, 2), marks=pytest.mark.long),
        pytest.param(10, (2, 3, 3, 2), marks=pytest.mark.long),
    ],
)
def test_both_sides_of_what_fits(
    world: World, left: int, received: tuple[int, int, int, int]
) -> None:
    groups = people((2, 3, 4, 2))
    write(world, MONDAY, rows_of(groups, waited=0))
    spend(world, LIMIT - left)
    assert world.nightly() == 0, world.text()
    got = {who for who, count in world.received("d20").items() if count == 1}
    assert tuple(sum(user(n) in got for n in group) for group in groups) == received
    assert used(world) == [LIMIT - left + sum(received)]


@pytest.mark.long
def test_what_line_says_at_the_gate_goes_before_what_it_said_at_night(world: World) -> None:
    """Somebody sent four by hand in the morning: the tail of the night's own order waits."""
    groups = people((2, 3, 4, 2))
    children, lifestyle, dormant, _ = groups
    write(world, MONDAY, rows_of(groups, waited=1))
    spend(world, LIMIT - 10)
    assert world.nightly(MONDAY, at(MONDAY, 2)) == 0
    assert decided(world)["womens_screening", "send"] == 2
    spend(world, LIMIT - 6)
    assert world.send(MONDAY, at(MONDAY, 10, 1)) == 0
    chosen = [*children, *lifestyle, dormant[-1]]
    assert world.received("d20") == {user(n): 1 for n in chosen}
    assert "翌月以降へ 4" in world.text()
    # Bought more by eleven: the rest of the plan goes the same day.
    spend(world, LIMIT - 100)
    assert world.send(MONDAY, at(MONDAY, 11)) == 0
    assert sum(world.received("d20").values()) == 10


@pytest.mark.long
def test_a_line_nobody_can_reach_stops_no_night_and_cuts_nothing(world: World) -> None:
    groups = people((1, 1, 1, 1))
    write(world, MONDAY, rows_of(groups, waited=0))
    unread = world.settings(MONDAY, at(MONDAY, 2)).model_copy(update={"simulator_url": NOBODY})
    # The night is published; only the send after it, which has no LINE either, fails.
    assert run_nightly(unread, [], Console(quiet=True)) != 0
    assert set(decided(world)) == {
        (campaign, "send")
        for campaign in ("vaccination", "lifestyle_checkup", "lapsed_6_months", "womens_screening")
    }
    assert "LINEでの残り</dt><dd>不明" in sheet(world, MONDAY)
    # The gate asks before anything leaves, and cuts by the same turns.
    spend(world, LIMIT - 3)
    assert world.send(MONDAY, at(MONDAY, 10, 1)) == 0
    children, lifestyle, _, women = groups
    assert world.received("d20") == {user(n): 1 for n in (*children, *lifestyle, *women)}


TOLD_ON = date(2026, 4, 20)
# Of forty who were told of each campaign so many came in its window; of forty left out six did.
CAME = {"lifestyle_checkup": 16, "lapsed_6_months": 30}
PURPOSES = {"lifestyle_checkup": "lifestyle", "lapsed_6_months": "visit"}
COMPARED = 40


def numbers_of(campaign: str, arm: str) -> range:
    first = 10_000 * (1 + [*CAME].index(campaign)) + (1_000 if arm == "left out" else 0)
    return range(first, first + COMPARED)


def of_april(rows: dict[str, list[Row]]) -> dict[str, list[Row]]:
    """Add those who were told in April, or left out, and the visits of some of them since."""
    for campaign, came in CAME.items():
        for arm, visits in (("told", came), ("left out", 6)):
            who = [str(n) for n in numbers_of(campaign, arm)]
            rows["patients"] += [{"patient_no": n, "birth_date": "1990-03-02"} for n in who]
            rows["visits"] += [{"patient_no": n, "visited_on": "2026-03-02"} for n in who]
            rows["visits"] += [{"patient_no": n, "visited_on": "2026-05-11"} for n in who[:visits]]
    return rows


def plant_april(world: World) -> None:
    """Let the ledger and the published night know whom April's messages reached, and whom not."""
    engine = open_ledger(world.settings(MONDAY).ledger())
    moment = at(TOLD_ON, 10).astimezone(UTC).isoformat()
    published = duckdb.connect(str(world.settings(MONDAY).published_path("d20")))
    with published as night, writing(engine, "d20") as con:
        for campaign, purpose in PURPOSES.items():
            occurrence = f"d20/{campaign}/1/v/2026-04"
            people = [user(n) for n in numbers_of(campaign, "told")]
            common = {"clinic_id": "d20", "campaign": campaign, "priority": 1,
                      "occurrence_id": occurrence}  # fmt: skip
            con.execute(insert(batch).values(
                **common, id=campaign, recipients=COMPARED, retry_key=campaign, sha256="",
                body=json.dumps({"to": people, "messages": []}).encode(),
                unit=campaign, state="accepted", frozen_at=moment, first_try_at=moment,
                not_after=moment, tries=1, accepted_at=moment,
            ))  # fmt: skip
            for n in numbers_of(campaign, "told"):
                who = {"occurrence_id": occurrence, "line_user_id": user(n)}
                con.execute(insert(intent).values(
                    **common, line_user_id=user(n), step=1, purpose=purpose, content_version="v",
                    as_of=TOLD_ON, build_id="b", state="batched", batch_id=campaign,
                    changed_at=moment,
                ))  # fmt: skip
                con.execute(insert(intent_patient).values(**who, patient_id=str(n)))
            night.executemany(
                "insert into holdout_starts (campaign, step, patient_id, on_day, occurrence_id)"
                " values (?, 1, ?, ?, ?)",
                [[campaign, str(n), TOLD_ON, occurrence] for n in numbers_of(campaign, "left out")],
            )


def order(world: World) -> list[tuple[object, ...]]:
    """Return the campaigns by turn, and how many messages of each the month still takes."""
    return world.published(
        "d20",
        "select campaign, count(*) filter (is_granted) from quota_shares group by campaign"
        " order by min(turn)",
    )


def test_the_campaign_whose_messages_bring_more_goes_first_once_that_is_known(
    world: World,
) -> None:
    groups = people((0, 3, 3, 0))
    _, lifestyle, dormant, _ = groups
    write(world, MONDAY, of_april(rows_of(groups, waited=0)))
    spend(world, LIMIT)
    assert world.nightly(MONDAY, at(MONDAY, 2)) == 0, world.text()
    # Nothing is known of either: by priority.
    assert order(world) == [("lifestyle_checkup", 0), ("lapsed_6_months", 0)]
    assert "<td>優先順位 2</td>" in sheet(world, MONDAY)

    plant_april(world)
    tuesday = MONDAY + timedelta(days=1)
    write(world, tuesday, of_april(rows_of(groups, waited=0)))
    spend(world, LIMIT - 3)
    # A day later its answer of Monday counts no longer.
    assert world.nightly(tuesday, at(tuesday, 2, 30)) == 0, world.text()
    assert order(world) == [("lapsed_6_months", 3), ("lifestyle_checkup", 0)]
    page = sheet(world, tuesday)
    assert "1通あたりの来院 +0.60 (優先順位 3 → 2)" in page
    assert "1通あたりの来院 +0.25 (優先順位 2 → 3)" in page

    # Whoever waits is told why.
    world.said.clear()
    asked = world.settings(tuesday)
    assert ask(asked, [], str(lifestyle[0]), None, "lifestyle_checkup", None, world._console()) == 0
    assert "quota turn: 2 — 1通あたりの来院 +0.25 (優先順位 2 → 3)" in world.text()

    # The gate keeps to it.
    assert world.send(tuesday, at(tuesday, 10, 1)) == 0
    assert world.received("d20") == {user(n): 1 for n in dormant}
