"""Tag SQL against the oracle, on patients that hypothesis makes up around every boundary."""

import tempfile
from collections.abc import Sequence
from datetime import date, timedelta
from pathlib import Path
from random import Random

import oracle
import oracle_vaccines
from clinic_builder import DEPARTMENTS, write_clinic
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from nights import UP_TO_TAGS, derive, tags_of

DAYS = st.sampled_from(
    [date(2026, 6, 1), date(2026, 8, 31), date(2028, 2, 29), date(2027, 2, 28), date(2026, 3, 31),
     date(2026, 4, 1), date(2027, 1, 31), date(2027, 3, 31), date(2026, 10, 1)]
)  # fmt: skip
SEEDS = st.integers(0, 2**32)
SCREENED = ("breast", "colorectal", "gastric", "specific_checkup")
VACCINES = [*oracle_vaccines.SERIES, *oracle_vaccines.OTHERS]
# Ages in months at which some dose begins or ends, or had to be begun.
MONTHS = [2, 5, 7, 12, 24, 36, 48, 60, 72, 84, 90, 108, 132, 144, 156, 180, 192, 780, 792]
RESTS = [7, 21, 28, 61, 92, 140, 153, 183, 184]
# Codes that mean a condition, those that stand right beside them, and words without a code.
CODES = [
    *oracle.DISEASES,
    *("2500031", "8842204", "0000999", "8833084", "3650005", "8850670"),
    *("E78.6", "E79", "E79.1", "J30.0", "J30.5", "H40.0", "H41", "I16", "I26.0", "I65", "I70"),
    *("I49.0", "I51", "J43.9", "J47", "M09", "M11.2", "M83", "N17", "N19"),
]
VALUES: dict[str, Sequence[float]] = {
    "waist_cm": [84.9, 85.0, 89.9, 90.0, 99.0],
    "sbp_mmhg": [110, 139, 140, 141, 160],
    "dbp_mmhg": [70, 89, 90, 91],
    "hba1c_percent": [5.5, 5.6, 6.4, 6.5, 8.0],
    "fasting_glucose_mg_dl": [99, 100, 125, 126],
    "casual_glucose_mg_dl": [120, 199, 200],
    "triglycerides_mg_dl": [149, 150],
    "hdl_mg_dl": [39.9, 40],
    "ldl_mg_dl": [139, 140],
    "bmi": [18.4, 18.5, 24.9, 25],
    "smoking_code": [1, 2, 3],
    "mammography": [1, 2],
    "cervical_cytology": [1],
    "hpv_test_alone": [1, 2],
    "fecal_occult_blood": [1],
    "chest_x_ray": [1],
    "gastric_x_ray": [1],
    "gastric_endoscopy": [1],
}


def near(today: date, *months: int) -> st.SearchStrategy[date]:
    """Days within two days of so many months back, or anywhere in two years."""
    edges = st.builds(
        lambda back, off: oracle.later(today, -back) + timedelta(days=off),
        st.sampled_from(months),
        st.integers(-2, 2),
    )
    anywhere = st.integers(0, 730).map(lambda days: today - timedelta(days=days))
    return st.one_of(edges, anywhere)


def a_day_near(chance: Random, today: date) -> date:
    """Return a day within two days of where a measurement stops counting, or of two years."""
    edge = oracle.later(today, -chance.choice([6, 12, 15, 24, 60])) + timedelta(
        days=chance.randint(-2, 2)
    )
    return chance.choice([edge, edge, today - timedelta(days=chance.randint(0, 800))])


def births(today: date) -> st.SearchStrategy[date | None]:
    edges = st.builds(
        lambda years, off: oracle.later(today, -12 * years) + timedelta(days=off),
        st.sampled_from([1, 6, 16, 20, 40, 50, 65, 75]),
        st.integers(-1, 2),
    )
    april = st.builds(
        lambda years, day: date(today.year - years, 4, day),
        st.sampled_from([1, 5, 6, 7, 8, 12, 13, 14, 15, 16, 18, 19, 20]),
        st.sampled_from([1, 2]),
    )
    leaps = st.sampled_from([date(1960, 2, 29), date(2012, 2, 29), date(1986, 2, 28)])
    return st.one_of(st.none(), edges, april, leaps, st.dates(date(1925, 1, 1), today))


def visit_days(today: date) -> st.SearchStrategy[list[date]]:
    """Days around the edges that count for visits; some came first about thirty days ago."""
    newcomers = st.integers(28, 33).map(lambda days: today - timedelta(days=days))
    return st.one_of(
        st.lists(near(today, 3, 6, 12), max_size=9, unique=True),
        st.lists(newcomers, min_size=1, max_size=2, unique=True),
    )


def vaccinations(
    chance: Random, who: dict[str, str], born: date | None, today: date
) -> list[dict[str, object]]:
    """Return a record: some series begun, each dose a rest before today or at some age."""
    rows: dict[tuple[object, date], dict[str, object]] = {}
    for vaccine in chance.choices(VACCINES, k=chance.randint(0, 5)):
        for dose in range(1, chance.randint(1, 4) + 1):
            back = today - timedelta(days=chance.choice(RESTS) + chance.randint(-1, 1))
            ages = [oracle.later(born, chance.choice(MONTHS[:8])) if born else back]
            ages.append(today - timedelta(days=chance.randint(0, 730)))
            day = chance.choice([back, back, *ages])
            if (born or day) <= day <= today:
                number = chance.choice(["", dose, dose, dose])
                row = {**who, "vaccine": vaccine, "given_on": day, "dose_no": number}
                rows[vaccine, day] = row
    if chance.random() < 0.05:
        rows["", today] = {**who, "vaccine": "院内略号", "given_on": today, "dose_no": ""}
    return list(rows.values())


def birth_of_child_or_elder(chance: Random, today: date) -> date:
    off = timedelta(days=chance.randint(-2, 2))
    return min(
        today,
        chance.choice(
            [
                oracle.later(today, -chance.choice(MONTHS)) + off,
                oracle.later(today, -chance.choice(MONTHS)) + off,
                today - timedelta(days=chance.choice([42, 104, 168])) + off,
                date(today.year - chance.choice([6, 7, 12, 13, 16, 17, 65, 66, 70, 100]), 4, 1)
                + off,
                today - timedelta(days=chance.randint(0, 17 * 366)),
            ]
        ),
    )


@st.composite
def clinics(draw: st.DrawFn) -> tuple[date, dict[str, list[dict[str, object]]]]:
    today = draw(DAYS)
    chance = Random(draw(SEEDS))  # noqa: S311 - what hypothesis would have to draw thousands of times
    rows: dict[str, list[dict[str, object]]] = {
        name: [] for name in ("patients", "visits", "conditions", "observations", "immunizations")
    }
    for number in range(1, draw(st.integers(30, 90)) + 1):
        who = {"patient_no": str(number)}
        sex = draw(st.sampled_from(["male", "female", "unknown"]))
        born = draw(births(today))
        rows["patients"].append({**who, "sex": sex, "birth_date": born})
        rows["immunizations"] += vaccinations(chance, who, born, today)
        for day in draw(visit_days(today)):
            rows["visits"].append(
                {
                    **who,
                    "visited_on": day,
                    "department": draw(st.sampled_from(["", "", "内科", *DEPARTMENTS])),
                    "status": draw(st.sampled_from(["completed", "completed", "cancelled"])),
                }
            )
        for code in draw(st.lists(st.sampled_from(CODES), max_size=3, unique=True)):
            rows["conditions"].append(
                {
                    **who,
                    "code": code,
                    "code_system": "icd10" if code[0].isalpha() else "mhlw",
                    "started_on": draw(near(today, 0, 12)),
                    "outcome": draw(
                        st.sampled_from(["continued", "continued", "cured", "stopped", "died"])
                    ),
                    "is_suspected": draw(st.booleans()),
                }
            )
        for item, values in VALUES.items():
            for day in {a_day_near(chance, today) for _ in range(chance.randint(0, 3))}:
                measured = {"item": item, "observed_on": day, "value": chance.choice(values)}
                rows["observations"].append({**who, **measured})
    return today, rows


def families(today: date, chance: Random) -> dict[str, list[dict[str, object]]]:
    """Return children and elders about the ages and intervals of the vaccine schedule."""
    rows: dict[str, list[dict[str, object]]] = {"patients": [], "visits": [], "immunizations": []}
    for number in range(1_001, 1_301):
        who = {"patient_no": str(number)}
        born = birth_of_child_or_elder(chance, today)
        sex = chance.choice(["male", "female", "female", "unknown"])
        rows["patients"].append({**who, "sex": sex, "birth_date": born})
        came = chance.choice([None, born, born, oracle.later(born, chance.choice(MONTHS))])
        if came and came <= today:
            visit = {"visited_on": came, "department": "小児科", "status": "completed"}
            rows["visits"].append({**who, **visit})
        rows["immunizations"] += vaccinations(chance, who, born, today)
    return rows


@settings(
    max_examples=7,
    deadline=None,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)
@given(clinic=clinics(), seed=SEEDS, kept=st.sampled_from([(), SCREENED]))
def test_every_tag_of_every_patient_is_what_the_oracle_says(
    parsed: Path,
    clinic: tuple[date, dict[str, list[dict[str, object]]]],
    seed: int,
    kept: Sequence[str],
) -> None:
    """One clinic of adults and of families: to build its tags costs more than its patients."""
    today, rows = clinic
    others = families(today, Random(seed))  # noqa: S311
    rows = {name: [*each, *others.get(name, [])] for name, each in rows.items()}
    with tempfile.TemporaryDirectory() as name:
        folder = write_clinic(Path(name), "somewhere", today, rows, screenings=list(kept))
        with derive(folder, Path(name) / "data", today, parsed, UP_TO_TAGS) as con:
            found = tags_of(con)
    expected = oracle.tags(rows, today, kept)
    wrong = {key for key in expected | found if expected.get(key) != found.get(key)}
    assert not wrong, [(key, expected.get(key), found.get(key)) for key in sorted(wrong)[:10]]
