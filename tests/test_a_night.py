"""Acceptance: what one night makes of what the clinic exported."""

from datetime import date, timedelta
from pathlib import Path
from random import Random

import pytest
from clinic_builder import Row, user, write_clinic
from nights import MONDAY, UP_TO_TAGS, World, derive

SATURDAY = date(2026, 5, 30)


def linked(number: int, **changes: object) -> Row:
    return {"line_user_id": user(number), "patient_no": f"{number:05d}", **changes}


def test_d9_only_who_is_over_a_threshold_hears_and_once(world: World) -> None:
    waist = [(3, "male", 85.0), (4, "female", 90.0), (5, "female", 89.9)]
    patients = [{"patient_no": f"{n:05d}", "sex": "female"} for n in (1, 2, 6, 7, 8)]
    patients += [{"patient_no": f"{n:05d}", "sex": sex} for n, sex, _ in waist]
    measured = [
        {"patient_no": f"{n:05d}", "observed_on": "2026-05-10", "item": "waist_cm", "value": cm}
        for n, _, cm in waist
    ]
    measured += [
        {"patient_no": f"{n:05d}", "observed_on": "2026-05-10", "item": "hba1c_percent", "value": v}
        for n, v in ((2, 6.5), (7, 6.5), (6, 6.4))
    ]
    diagnosed = [
        {"patient_no": f"{n:05d}", "code": "8833421", "started_on": "2025-04-01"} for n in (1, 7)
    ]
    world.write(
        "d9",
        MONDAY,
        {
            "patients": patients,
            "visits": [
                {"patient_no": p["patient_no"], "visited_on": "2026-03-02"} for p in patients
            ],
            "observations": measured,
            "conditions": diagnosed,
            "line_links": [
                linked(n, consent_purposes="lifestyle", line_user_id=user(n)) for n in range(1, 9)
            ],
        },
    )
    assert world.nightly() == 0
    expected = {user(n): 1 for n in (1, 2, 3, 4, 7)}
    assert world.received("d9") == expected
    states = dict(
        world.published(
            "d9", "select patient_id, state from patient_tags where tag = 'waist_over_threshold'"
        )
    )
    assert states["8"] == "unknown"
    assert "5" not in states


def test_d3_fifty_visits_of_tonight_are_all_there_tomorrow_and_twice_more_changes_nothing(
    world: World,
) -> None:
    departments = ["内科", "小児科", "整形外科", "皮膚科", "婦人科", "耳鼻科"]
    patients = [{"patient_no": str(n)} for n in range(1, 51)]
    visits = [
        {
            "patient_no": str(n),
            "visited_on": SATURDAY - timedelta(days=n % 3),
            "department": departments[n % 6],
        }
        for n in range(1, 51)
    ]
    rows = {"patients": patients, "visits": visits}
    world.write("d3", MONDAY, rows)
    query = (
        "select patient_id, tag, state, since, evidence_value from patient_tags"
        " where tag like 'department_%' order by all"
    )
    everything = "select * from tag_history order by all"
    assert world.nightly() == 0
    first = world.published("d3", query)
    since = {(patient, tag): day for patient, tag, _, day, _ in first}
    groups = {
        "内科": "internal_medicine", "小児科": "pediatrics", "整形外科": "orthopedics",
        "皮膚科": "dermatology", "婦人科": "gynecology", "耳鼻科": "otolaryngology",
    }  # fmt: skip
    assert since == {
        (v["patient_no"], f"department_{groups[str(v['department'])]}"): v["visited_on"]
        for v in visits
    }
    spells = world.published("d3", everything)
    for _ in range(2):
        assert world.nightly() == 0
        assert world.published("d3", query) == first
        assert world.published("d3", everything) == spells


@pytest.fixture(scope="module")
def thousand_events() -> tuple[list[Row], list[Row]]:
    chance = Random(5)  # noqa: S311
    patients: list[Row] = [
        {"patient_no": str(n), "birth_date": date(1940 + n % 80, 1 + n % 12, 1 + n % 28)}
        for n in range(1, 121)
    ]
    visits: list[Row] = [
        {
            "patient_no": str(chance.randint(1, 120)),
            "visited_on": MONDAY - timedelta(days=chance.randint(1, 600)),
            "department": chance.choice(["内科", "小児科", "皮膚科"]),
        }
        for _ in range(1_000)
    ]
    return patients, visits


def test_d5_any_file_order_and_any_split_over_nights_give_the_same_tags(
    tmp_path: Path, parsed: Path, thousand_events: tuple[list[Row], list[Row]]
) -> None:
    patients, visits = thousand_events
    tables = set()
    for order, nights in ((0, 1), (1, 2), (0, 5), (1, 5), (2, 5)):
        shuffled = list(visits)
        Random(order).shuffle(shuffled)  # noqa: S311
        folder, data = tmp_path / f"{order}_{nights}", tmp_path / f"data_{order}_{nights}"
        size = len(shuffled) // nights
        for night in range(nights):
            day = MONDAY - timedelta(days=nights - 1 - night)
            part = shuffled[night * size : (night + 1) * size]
            exported = {"patients": patients, "visits": part}
            clinic = write_clinic(folder, "d5", day, exported, delta={"visits"})
        with derive(clinic, data, MONDAY, parsed, UP_TO_TAGS) as con:
            rows = con.execute(
                "select patient_id, tag, state, since, evidence_value, evidence_on"
                " from patient_tags order by all"
            ).fetchall()
            tables.add(hash(tuple(rows)))
    assert len(rows) > 300
    assert len(tables) == 1


def test_d7_whose_treatment_ended_is_under_treatment_no_more_the_next_morning(
    world: World,
) -> None:
    tuesday = MONDAY + timedelta(days=1)
    patients = [{"patient_no": str(n)} for n in range(1, 61)]
    rows: dict[str, list[Row]] = {
        "patients": patients,
        "visits": [{**who, "visited_on": "2026-05-11"} for who in patients],
        "conditions": [
            {**who, "code": code, "started_on": "2025-04-01"}
            for who in patients
            for code in ("8833421", "8844106")
        ],
    }
    world.write("d7", MONDAY, rows)
    assert world.nightly(MONDAY) == 0
    held = "select patient_id from patient_tags where state = 'has' and tag = "
    assert len(world.published("d7", f"{held}'under_treatment'")) == 60
    assert world.published("d7", f"{held}'treatment_ended'") == []
    # 41 are through with both; of five one disease is cured and the other goes on, and of five
    # more both end tomorrow.
    through = {str(n) for n in range(1, 42)}
    half, tomorrow = {str(n) for n in range(42, 47)}, {str(n) for n in range(47, 52)}

    def as_of_tuesday(row: Row) -> Row:
        who, is_first = row["patient_no"], row["code"] == "8833421"
        if who in tomorrow:
            return {**row, "ended_on": tuesday + timedelta(days=1)}
        if who in through or (who in half and is_first):
            return {**row, "outcome": "cured" if is_first else "stopped", "ended_on": MONDAY}
        return row

    rows["conditions"] = [as_of_tuesday(row) for row in rows["conditions"]]
    world.write("d7", tuesday, rows)
    assert world.nightly(tuesday) == 0
    lost = world.published(
        "d7",
        "select patient_id, on_day from tag_events"
        " where tag = 'under_treatment' and event = 'lost'",
    )
    assert sorted(lost) == sorted((patient, tuesday) for patient in through)
    still = world.published("d7", f"{held}'under_treatment'")
    assert {patient for (patient,) in still} == {str(n) for n in range(42, 61)}
    # Why: the line of tonight's list that says so.
    evidence = world.published(
        "d7",
        "select e.patient_id, e.table_name, f.name, e.observed_on, e.line_no is not null"
        " from tag_evidence e join meta.source_files f on f.file_id = e.file_id"
        " where e.tag = 'treatment_ended' and e.state = 'has'",
    )
    name = f"conditions_{tuesday:%Y%m%d}.csv"
    assert sorted(evidence) == sorted(
        (patient, "stg_conditions", name, MONDAY, True) for patient in through
    )
