"""Invented patients, made to a plan: of every tag members, non-members and edges."""

from datetime import date, timedelta
from random import Random

from dagster_project.sample import (
    conditions,
    fees,
    lab_results,
    measurements,
    school,
    vaccinations,
    visits,
)
from dagster_project.sample.calendar_days import born_to_reach, months_after
from dagster_project.sample.departments import departments_of
from dagster_project.sample.person import Person

BANDS = (
    ("age_0_5", 0, 6),
    ("age_6_15", 6, 16),
    ("age_16_39", 16, 40),
    ("age_40_64", 40, 65),
    ("age_65_74", 65, 75),
    ("age_75_over", 75, 96),
)
ADULT = 16
BIRTH_KINDS = 5
ROUND = len(BANDS) * BIRTH_KINDS
YOUNG = 40
FAMILY_NAMES = (
    ("ｻﾄｳ", "佐藤"), ("ｽｽﾞｷ", "鈴木"), ("ﾀｶﾊｼ", "髙橋"), ("ﾀﾅｶ", "田中"), ("ﾔﾏｻﾞｷ", "山﨑"),
    ("ﾜﾀﾅﾍﾞ", "渡邊"), ("ｲﾄｳ", "伊藤"), ("ﾔﾏﾓﾄ", "山本"), ("ﾅｶﾑﾗ", "中村"), ("ｺﾊﾞﾔｼ", "小林"),
)  # fmt: skip
GIVEN_NAMES = {
    "male": (("ﾊﾙﾄ", "陽翔"), ("ﾐﾉﾙ", "実"), ("ｹﾝｼﾞ", "健二"), ("ﾀﾛｳ", "太郎")),
    "female": (("ﾊﾅｺ", "花子"), ("ﾐｻｷ", "美咲"), ("ｼｽﾞ", "静"), ("ﾕｲ", "結衣")),
}
PURPOSES = ("visit", "checkup", "vaccine", "lifestyle")


def invent(patients: int, chance: Random, as_of: date) -> list[Person]:
    """Return so many patients, numbered from 1, with the truth of each."""
    people = [Person(number) for number in range(1, patients + 1)]
    visit_kinds = _deal(chance, patients, len(visits.RECIPES))
    waist, pressure, glucose = (
        _deal(chance, patients, len(recipes)) for recipes in measurements.RECIPES.values()
    )
    seen: dict[int, int] = {}
    turn = 0
    for person, kind, *measured in zip(people, visit_kinds, waist, pressure, glucose, strict=True):
        _identity(person, chance, as_of)
        is_adult = _is_adult(person, as_of)
        # Of children made to an age a vaccine begins at, the clinic knows that they came before it.
        kind = visits.MONTHLY if _telling_birth(person, as_of) else kind  # noqa: PLW2901
        visits.give_visits(person, kind, departments_of(person, is_adult=is_adult), chance, as_of)
        if is_adult:
            # Counted within one kind of visits, so that frequent visitors get every kind.
            seen[kind] = seen.get(kind, -1) + 1
            turn += conditions.give_conditions(person, seen[kind], turn, chance, as_of)
            fees.give_fees(person, as_of)
            kinds = dict(zip(measurements.RECIPES, measured, strict=True))
            measurements.give_measurements(person, kinds, chance, as_of)
            lab_results.give_lab_results(person, as_of)
        else:
            never = (*measurements.RECIPES, *lab_results.TAGS)
            person.truth |= dict.fromkeys(never, measurements.UNKNOWN)
        vaccinations.give_vaccinations(person, chance, as_of)
        _circumstances(person, chance, as_of)
    return people


def _deal(chance: Random, count: int, kinds: int) -> list[int]:
    """Return every kind about equally often, in random order."""
    dealt = [number % kinds for number in range(count)]
    chance.shuffle(dealt)
    return dealt


def _identity(person: Person, chance: Random, as_of: date) -> None:
    # Turned with every round of births, so that each band has both sexes at each of its edges.
    person.sex = ("female", "male")[(person.number + person.number // ROUND) % 2]
    kana, kanji = chance.choice(FAMILY_NAMES)
    given_kana, given = chance.choice(GIVEN_NAMES[person.sex])
    person.kana, person.kanji = f"{kana} {given_kana}", f"{kanji}　{given}"
    if person.sex == "female" and chance.random() < 0.1:
        person.former_name = chance.choice(FAMILY_NAMES)[1]
    if person.number % 23 == 0:
        person.sex = ""
    _birth(person, chance, as_of)
    if person.sex:
        person.truth[f"sex_{person.sex}"] = "has"
    else:
        person.truth |= {"sex_female": "unknown", "sex_male": "unknown"}


def _birth(person: Person, chance: Random, as_of: date) -> None:
    if person.number % 29 == 0:
        unknown = (*(band for band, _, _ in BANDS), *school.GRADES)
        person.truth |= dict.fromkeys(unknown, "unknown")
        return
    band, first, beyond = BANDS[person.number % len(BANDS)]
    kind = person.number // len(BANDS) % BIRTH_KINDS
    telling = _telling_birth(person, as_of)
    if kind == 0:
        person.birth_date = min(born_to_reach(first, as_of), as_of)
    elif kind == 1:  # its last day: tomorrow the next band begins
        person.birth_date = born_to_reach(beyond, as_of + timedelta(days=1))
    elif telling:
        person.birth_date = telling
    elif kind == 3 and beyond <= YOUNG:  # the last and the first of two school years
        edges = school.births_at_the_edges(as_of)
        place = 3 * (person.number // ROUND) + person.number % len(BANDS)
        person.birth_date = edges[place % len(edges)]
    else:
        reached = as_of - timedelta(days=chance.randint(2, 350))
        person.birth_date = born_to_reach(chance.randint(first, beyond - 2), reached)
    for band, first, beyond in BANDS:
        if born_to_reach(beyond, as_of) < person.birth_date <= born_to_reach(first, as_of):
            person.truth[band] = "has"
    person.truth |= dict.fromkeys(school.grades_of(person.birth_date, as_of), "has")


def _telling_birth(person: Person, as_of: date) -> date | None:
    band, _, _ = BANDS[person.number % len(BANDS)]
    is_one = person.number // len(BANDS) % BIRTH_KINDS == 2 and person.number % 29
    return vaccinations.telling_birth(band, person.number // ROUND, as_of) if is_one else None


def _is_adult(person: Person, as_of: date) -> bool:
    return person.birth_date is None or months_after(person.birth_date, 12 * ADULT) <= as_of


def _circumstances(person: Person, chance: Random, as_of: date) -> None:
    person.is_test = person.number % 41 == 0
    if person.number % 37 == 0:
        person.died_on = as_of - timedelta(days=chance.randint(1, 200))
    person.has_moved = person.number % 31 == 0
    if person.number % 43 == 0:
        person.has_left, person.truth = True, {}
    if chance.random() < 0.08:
        person.booked_on = as_of + timedelta(days=chance.randint(0, 40))
    if chance.random() < 0.05:
        person.cancelled_on = as_of - timedelta(days=chance.randint(1, 20))
    if chance.random() < 0.7:
        relation = "self" if _is_adult(person, as_of) else "parent"
        is_blocked = chance.random() < 0.06
        purposes = PURPOSES if chance.random() < 0.85 else chance.sample(PURPOSES, k=2)
        user = f"U{chance.getrandbits(128):032x}"
        person.links.append((user, relation, is_blocked, "|".join(purposes)))
