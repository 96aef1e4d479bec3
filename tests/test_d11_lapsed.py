"""Acceptance D11: the waterfall of a thousand who have not come for half a year."""

from datetime import date
from itertools import accumulate

from clinic_builder import Row, user
from nights import MONDAY, World, at, is_held_out, lapsed_rows, written_to
from test_chart_merges import merge_feed

SATURDAY = date(2026, 5, 30)
TAKEN = {"deceased": 3, "moved": 12, "referred": 20, "blocked": 45, "no_consent": 110,
         "booked": 18, "visited_recently": 9}  # fmt: skip


def fates() -> dict[int, str]:
    """Return the fate of each patient: the thousand, each with one thing at most against them."""
    planned = [fate for fate, count in TAKEN.items() for _ in range(count)]
    return dict(enumerate([*planned, *["free"] * (1_000 - len(planned))], start=1))


def a_thousand(fate: dict[int, str], visitors: bool) -> dict[str, list[Row]]:
    came = [n for n, why in fate.items() if why == "visited_recently"] if visitors else []
    return {
        "patients": [
            {
                "patient_no": f"{n:05d}",
                "is_deceased": "true" if why == "deceased" else "",
                "care_status": why if why in {"moved", "referred"} else "active",
            }
            for n, why in fate.items()
        ],
        "visits": [
            *({"patient_no": f"{n:05d}", "visited_on": "2025-11-10"} for n in fate),
            *({"patient_no": f"{n:05d}", "visited_on": SATURDAY} for n in came),
        ],
        "appointments": [
            {"patient_no": f"{n:05d}", "scheduled_on": "2026-06-10"}
            for n, why in fate.items()
            if why == "booked"
        ],
        "line_links": [
            {
                "line_user_id": user(n),
                "patient_no": f"{n:05d}",
                "friend_status": "blocked" if why == "blocked" else "following",
                "consent_purposes": "checkup" if why == "no_consent" else "visit",
            }
            for n, why in fate.items()
        ],
    }


def held_out(world: World) -> set[str]:
    rows = world.published(
        "d11", "select patient_id from delivery_decisions where reason='holdout'"
    )
    return {str(patient) for (patient,) in rows}


def test_d11_a_thousand_become_783_and_a_tenth_of_them_are_left_to_compare(world: World) -> None:
    fate = fates()
    # Saturday's list is from before the nine came; nothing is sent after the window.
    world.write("d11", SATURDAY, a_thousand(fate, visitors=False))
    assert world.nightly(SATURDAY, at(SATURDAY, 18, 30)) == 0
    assert world.calls("d11") == 0
    on_saturday = held_out(world)

    world.write("d11", MONDAY, a_thousand(fate, visitors=True))
    assert world.nightly(MONDAY) == 0
    steps = world.published(
        "d11",
        "select reason, patients from delivery_waterfall where campaign = 'lapsed_6_months'"
        " order by rank",
    )
    counts = {str(reason): int(str(patients)) for reason, patients in steps}
    assert {reason: counts[reason] for reason in list(counts)[:7]} == TAKEN
    left = [1_000 - taken for taken in accumulate(list(counts.values())[:7])]
    assert left == [997, 985, 965, 920, 810, 792, 783]
    assert list(counts)[7:] == ["holdout", "send"]
    printed = "".join(world.text().split())
    assert (
        "死亡-3→997転居-12→985紹介済み-20→965ブロック-45→920この目的の同意なし-110→810" in printed
    )
    assert "予約あり-18→792最近来院した-9→783" in printed
    assert counts["holdout"] + counts["send"] == 783
    assert 50 <= counts["holdout"] <= 110

    # The same people as on Saturday, but for the nine who came; nobody else's turn came.
    free = {str(n) for n, why in fate.items() if why == "free"}
    assert held_out(world) == on_saturday & free
    assert held_out(world) == {n for n in free if is_held_out("d11", "visit", n)}
    received = world.received("d11")
    assert received == {user(int(n)): 1 for n in free - held_out(world)}
    one_each = "select count(*), count(distinct patient_id) from delivery_decisions"
    assert world.published("d11", f"{one_each} where campaign = 'lapsed_6_months'") == [
        (1_000, 1_000)
    ]


def test_d11_who_came_since_the_night_is_known_from_the_list_of_the_morning(planned: World) -> None:
    lapsed = written_to("good", "visit", 3)
    assert len(planned.published("good", "select 1 from delivery_plan")) == 3
    rows = lapsed_rows(lapsed)
    rows["visits"] = [*rows["visits"], {"patient_no": str(lapsed[0]), "visited_on": MONDAY}]
    planned.write("good", MONDAY, rows)
    assert planned.send(MONDAY, at(MONDAY, 10, 1)) == 0
    assert planned.received("good") == {user(n): 1 for n in lapsed[1:]}


def test_an_unreadable_list_of_the_morning_stops_sending_until_it_is_corrected(
    world: World,
) -> None:
    """Whoever is in it may have come: nobody is written to as if nobody had."""
    stays, came, merged = written_to("d11", "visit", 3)
    three = (stays, came, merged)
    rows: dict[str, list[Row]] = {
        "patients": [{"patient_no": str(n)} for n in three],
        "visits": [{"patient_no": str(n), "visited_on": "2025-11-10"} for n in three],
        "line_links": [{"line_user_id": user(n), "patient_no": str(n)} for n in three],
    }
    merge_feed(world.write("d11", SATURDAY, rows), ("9001", str(merged)))
    assert world.nightly(MONDAY, at(MONDAY, 2)) == 0
    assert len(world.published("d11", "select 1 from delivery_plan")) == 3
    (world.exports / "d11" / f"visits_{MONDAY:%Y%m%d}.csv").write_text("an error page", "utf-8")
    for minute in (1, 11):
        assert world.send(MONDAY, at(MONDAY, 10, minute)) == 0
    assert world.received("d11") == {}
    assert world.status(MONDAY) == 0
    assert world.text().count("警告: 来院の新しいエクスポートが読めず") == 1
    # Corrected, it also tells of a visit under the number of before the merge.
    rows["visits"] += [{"patient_no": n, "visited_on": MONDAY} for n in (str(came), "9001")]
    world.write("d11", MONDAY, rows)
    merge_feed(world.exports / "d11", ("9001", str(merged)))
    assert world.send(MONDAY, at(MONDAY, 10, 21)) == 0
    assert world.received("d11") == {user(stays): 1}
