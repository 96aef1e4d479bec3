"""Tag SQL against the oracle, on patients that hypothesis makes up around every boundary."""

import tempfile
from datetime import date, timedelta
from pathlib import Path

import oracle
from clinic_builder import DEPARTMENTS, write_clinic
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from nights import derive, tags_of

DAYS = st.sampled_from(
    [date(2026, 6, 1), date(2026, 8, 31), date(2028, 2, 29), date(2027, 2, 28), date(2026, 4, 1)]
)
CODES = ["8833421", "8840107", "2500013", "2500014", "8844446", "2500031", "8842204", "0000999"]
VALUES = {
    "waist_cm": [84.9, 85.0, 89.9, 90.0, 99.0],
    "sbp_mmhg": [110, 139, 140, 141, 160],
    "dbp_mmhg": [70, 89, 90, 91],
    "hba1c_percent": [5.6, 6.4, 6.5, 8.0],
    "fasting_glucose_mg_dl": [99, 125, 126],
    "casual_glucose_mg_dl": [120, 199, 200],
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


def births(today: date) -> st.SearchStrategy[date | None]:
    edges = st.builds(
        lambda years, off: oracle.later(today, -12 * years) + timedelta(days=off),
        st.sampled_from([1, 6, 16, 40, 65, 75]),
        st.integers(-1, 2),
    )
    leaps = st.sampled_from([date(1960, 2, 29), date(2012, 2, 29), date(1986, 2, 28)])
    return st.one_of(st.none(), edges, leaps, st.dates(date(1925, 1, 1), today))


@st.composite
def clinics(draw: st.DrawFn) -> tuple[date, dict[str, list[dict[str, object]]]]:
    today = draw(DAYS)
    rows: dict[str, list[dict[str, object]]] = {
        name: [] for name in ("patients", "visits", "conditions", "observations")
    }
    for number in range(1, draw(st.integers(30, 90)) + 1):
        who = {"patient_no": str(number)}
        sex = draw(st.sampled_from(["male", "female", "unknown"]))
        rows["patients"].append({**who, "sex": sex, "birth_date": draw(births(today))})
        visits = st.lists(near(today, 6, 12), max_size=9, unique=True)
        for day in draw(visits):
            rows["visits"].append(
                {
                    **who,
                    "visited_on": day,
                    "department": draw(st.sampled_from(["", "内科", *DEPARTMENTS])),
                    "status": draw(st.sampled_from(["completed", "completed", "cancelled"])),
                }
            )
        for code in draw(st.lists(st.sampled_from(CODES), max_size=3, unique=True)):
            rows["conditions"].append(
                {
                    **who,
                    "code": code,
                    "started_on": draw(near(today, 0, 12)),
                    "outcome": draw(
                        st.sampled_from(["continued", "continued", "cured", "stopped"])
                    ),
                    "is_suspected": draw(st.booleans()),
                }
            )
        for item, values in VALUES.items():
            for day in draw(st.lists(near(today, 6, 12, 15), max_size=3, unique=True)):
                value = draw(st.sampled_from(values))
                rows["observations"].append(
                    {**who, "item": item, "observed_on": day, "value": value}
                )
    return today, rows


@settings(
    max_examples=6,
    deadline=None,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)
@given(clinic=clinics())
def test_every_tag_of_every_patient_is_what_the_oracle_says(
    parsed: Path, clinic: tuple[date, dict[str, list[dict[str, object]]]]
) -> None:
    today, rows = clinic
    with tempfile.TemporaryDirectory() as name:
        folder = write_clinic(Path(name), "somewhere", today, rows)
        with derive(folder, Path(name) / "data", today, parsed) as con:
            found = tags_of(con)
    expected = oracle.tags(rows, today)
    wrong = {key for key in expected | found if expected.get(key) != found.get(key)}
    assert not wrong, [(key, expected.get(key), found.get(key)) for key in sorted(wrong)[:10]]
