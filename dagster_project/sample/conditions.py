"""Chronic conditions, claimed so that they are confirmed, merely suspected, over, or not meant."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date
from random import Random

from dagster_project.sample.calendar_days import first_of_month, last_day_that_lapses, months_after
from dagster_project.sample.person import Diagnosis, Person, Treatment

SUSPECTED = "8002"
SUSPECTED_TOO = "40438008"  # 慢性 + 疑似症
PAST = "8142"
LOOKS_SUSPECTED = "18002057"  # 1800 + 2057: "8002" only where it straddles two codes


@dataclass(frozen=True)
class Disease:
    """What a clinic writes for a disease, and what merely resembles it."""

    tag: str
    codes: tuple[str, ...]
    others: tuple[str, ...]
    fee: str
    drug: str


DISEASES = (
    Disease("hypertension", ("8833421", "8840107"), (), "113041810", "622143501"),
    Disease(
        "diabetes",
        ("2500013", "2500015", "2500014"),
        ("2500031", "6489003"),
        "113041910",
        "621986001",
    ),
    Disease(
        "dyslipidemia", ("8844446", "2724007", "2720004"), ("8842204",), "113041710", "610443013"
    ),
)


def give_conditions(person: Person, kind: int, chance: Random, as_of: date) -> None:
    """Give a person each disease in some state that their visits allow, and the truth of it."""
    edge = first_of_month(as_of)
    newest = months_after(edge, -2)  # a month is claimed in the next, and sent on its last day
    claimed = [month for month in person.months() if month <= newest]
    recent = [month for month in claimed if months_after(month, 12) >= as_of]
    fees_count_from = last_day_that_lapses(as_of, 12)
    for number, disease in enumerate(DISEASES):
        scene = _Scene(person, disease, chance, claimed, recent, fees_count_from)
        recipe = RECIPES[(kind + 5 * number) % len(RECIPES)]
        if recipe(scene):
            person.truth[disease.tag] = "has"


@dataclass(frozen=True)
class _Scene:
    person: Person
    disease: Disease
    chance: Random
    claimed: list[date]
    recent: list[date]
    fees_count_from: date

    def diagnose(
        self, months: list[date], modifiers: str = "", code: str = "", outcome: str = "1"
    ) -> Diagnosis | None:
        """Claim a diagnosis in these months and return it; nothing without months."""
        if not months:
            return None
        code = code or self.chance.choice(self.disease.codes)
        started = min(self.person.visits)
        found = Diagnosis(code, modifiers, started, tuple(sorted(months)), outcome)
        self.person.diagnoses.append(found)
        return found

    def treatable(self) -> list[date]:
        """Return the months whose first visit lies within twelve months."""
        firsts = {
            month: min(day for day in self.person.visits if first_of_month(day) == month)
            for month in self.recent
        }
        return [month for month, first in firsts.items() if first > self.fees_count_from]


def _two_months(scene: _Scene) -> bool:
    # The oldest month that still counts is one of them, where there was a visit in it.
    months = [scene.recent[0], scene.recent[-1]] if len(scene.recent) > 1 else []
    return scene.diagnose(months, scene.chance.choice(["", "4043", LOOKS_SUSPECTED])) is not None


def _month_and_fee(scene: _Scene) -> bool:
    return _month_and(scene, "SI", scene.disease.fee)


def _month_and_drug(scene: _Scene) -> bool:
    return _month_and(scene, "IY", scene.disease.drug)


def _month_and(scene: _Scene, record: str, code: str) -> bool:
    months = scene.treatable()
    if not months:
        return False
    scene.person.treatments.append(Treatment(record, code, months[-1]))
    return scene.diagnose(months[-1:]) is not None


def _one_month(scene: _Scene) -> bool:
    scene.diagnose(scene.recent[-1:])
    return False


def _suspected(scene: _Scene) -> bool:
    scene.diagnose(
        scene.recent, scene.chance.choice([SUSPECTED, SUSPECTED_TOO, "4012" + SUSPECTED])
    )
    return False


def _in_the_past(scene: _Scene) -> bool:
    scene.diagnose(scene.recent, PAST)
    return False


def _ended(scene: _Scene) -> bool:
    scene.diagnose(scene.recent, outcome=scene.chance.choice(["2", "4"]))
    return False


def _too_long_ago(scene: _Scene) -> bool:
    # All that is too old, and one month that is not: one month alone does not confirm.
    old = [month for month in scene.claimed if month not in scene.recent]
    scene.diagnose([*old, *scene.recent[:1]] if old else [])
    return False


def _only_resembles(scene: _Scene) -> bool:
    if scene.disease.others:
        scene.diagnose(scene.recent, code=scene.chance.choice(scene.disease.others))
    return False


def _ended_and_back(scene: _Scene) -> bool:
    if len(scene.recent) < 4:
        return False
    code = scene.chance.choice(scene.disease.codes)
    first = scene.diagnose(scene.recent[:1], code=code, outcome="2")
    again = scene.diagnose(scene.recent[-2:], code=code)
    if first and again:
        scene.person.diagnoses[-1] = replace(again, started_on=scene.recent[-2])
    return True


def _claimed_wrongly(scene: _Scene) -> bool:
    """First claimed as certain, sent back by the payer, claimed again as suspected."""
    months = scene.recent[-5:-3]
    if len(months) < 2 or scene.person.returned_month:
        return False
    wrong = scene.diagnose(months[:1])
    if wrong:
        scene.person.diagnoses[-1] = replace(wrong, modifiers=SUSPECTED)
        scene.person.wrongly.append(wrong)
        scene.person.returned_month = months[0]
        scene.diagnose(months[1:], code=wrong.code)
    return False


def _free_of_it(scene: _Scene) -> bool:  # noqa: ARG001
    return False


RECIPES: tuple[Callable[[_Scene], bool], ...] = (
    _two_months,
    _month_and_fee,
    _suspected,
    _one_month,
    _ended,
    _too_long_ago,
    _only_resembles,
    _two_months,
    _ended_and_back,
    _in_the_past,
    _month_and_drug,
    _claimed_wrongly,
    _free_of_it,
)
