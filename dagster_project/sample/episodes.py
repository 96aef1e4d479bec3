"""How a disease may stand in a person's claims, and what is true of them then."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date
from random import Random

from dagster_project.sample.calendar_days import first_of_month
from dagster_project.sample.diseases import Disease
from dagster_project.sample.person import Diagnosis, Person, Treatment

SUSPECTED = "8002"
SUSPECTED_TOO = "40438008"  # 慢性 + 疑似症
PAST = "8142"
SEQUEL, SEQUEL_TOO = "8009", "8058"
LOOKS_SUSPECTED = "18002057"  # 1800 + 2057: "8002" only where it straddles two codes
FEE_FOR_NONE, DRUG_FOR_NONE = "113707110", "610406079"  # 生活習慣病管理料2, a drug for the stomach
CONFIRMED, STANDING, ENDED, NOTHING = "confirmed", "standing", "ended", ""


@dataclass(frozen=True)
class Scene:
    """A person, one disease, and the months in which a claim may say something of it."""

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


def two_months(scene: Scene) -> str:
    """Claim a disease in two months that count: it is confirmed where there are two."""
    # The oldest month that still counts is one of them, where there was a visit in it.
    months = [scene.recent[0], scene.recent[-1]] if len(scene.recent) > 1 else []
    modifiers = scene.chance.choice(["", "4043", LOOKS_SUSPECTED])
    return CONFIRMED if scene.diagnose(months, modifiers) else NOTHING


def _month_and_fee(scene: Scene) -> str:
    return _month_and(scene, "SI", scene.disease.fee or FEE_FOR_NONE)


def _month_and_drug(scene: Scene) -> str:
    return _month_and(scene, "IY", scene.disease.drug or DRUG_FOR_NONE)


def _month_and(scene: Scene, record: str, code: str) -> str:
    months = scene.treatable()
    if not months:
        return NOTHING
    scene.person.treatments.append(Treatment(record, code, months[-1]))
    scene.diagnose(months[-1:])
    return STANDING if code in (FEE_FOR_NONE, DRUG_FOR_NONE) else CONFIRMED


def _one_month(scene: Scene) -> str:
    return STANDING if scene.diagnose(scene.recent[-1:]) else NOTHING


def _suspected(scene: Scene) -> str:
    scene.diagnose(
        scene.recent, scene.chance.choice([SUSPECTED, SUSPECTED_TOO, "4012" + SUSPECTED])
    )
    return NOTHING


def _suspicion_stopped(scene: Scene) -> str:
    scene.diagnose(scene.recent, SUSPECTED, outcome="4")
    return NOTHING


def _in_the_past(scene: Scene) -> str:
    scene.diagnose(scene.recent, scene.chance.choice([PAST, SEQUEL, SEQUEL_TOO]))
    return NOTHING


def _ended(scene: Scene) -> str:
    found = scene.diagnose(scene.recent, outcome=scene.chance.choice(["2", "4"]))
    return ENDED if found else NOTHING


def _ended_and_suspected_again(scene: Scene) -> str:
    found = scene.diagnose(scene.recent[:1], outcome="2")
    scene.diagnose(scene.recent[1:], SUSPECTED)
    return ENDED if found else NOTHING


def _ended_long_ago(scene: Scene) -> str:
    old = [month for month in scene.claimed if month not in scene.recent]
    return ENDED if scene.diagnose(old, outcome="4") else NOTHING


def _never_ended(scene: Scene) -> str:
    # No claim any more and no outcome either: nobody has said that it is over.
    scene.diagnose([month for month in scene.claimed if month not in scene.recent])
    return NOTHING


def _too_long_ago(scene: Scene) -> str:
    # All that is too old, and one month that is not: one month alone does not confirm.
    old = [month for month in scene.claimed if month not in scene.recent]
    found = scene.diagnose([*old, *scene.recent[:1]] if old else [])
    return STANDING if found and scene.recent else NOTHING


def _only_resembles(scene: Scene) -> str:
    scene.diagnose(scene.recent, code=scene.chance.choice(scene.disease.others))
    return NOTHING


def _ended_and_back(scene: Scene) -> str:
    if len(scene.recent) < 4:
        return NOTHING
    code = scene.chance.choice(scene.disease.codes)
    first = scene.diagnose(scene.recent[:1], code=code, outcome="2")
    again = scene.diagnose(scene.recent[-2:], code=code)
    if first and again:
        scene.person.diagnoses[-1] = replace(again, started_on=scene.recent[-2])
    return CONFIRMED


def _claimed_wrongly(scene: Scene) -> str:
    """First claimed as certain, sent back by the payer, claimed again as suspected."""
    months = scene.recent[-5:-3]
    wrong = scene.diagnose(months[:1]) if len(months) == 2 and not scene.person.wrongly else None
    if wrong is None:
        return NOTHING
    scene.person.diagnoses[-1] = replace(wrong, modifiers=SUSPECTED)
    scene.person.wrongly.append(wrong)
    scene.person.returned_month = months[0]
    scene.diagnose(months[1:], code=wrong.code)
    return STANDING


def _free_of_it(scene: Scene) -> str:  # noqa: ARG001
    return NOTHING


RECIPES: tuple[Callable[[Scene], str], ...] = (
    two_months,
    _month_and_fee,
    _suspected,
    _one_month,
    _ended,
    _too_long_ago,
    _only_resembles,
    two_months,
    _ended_and_back,
    _in_the_past,
    _month_and_drug,
    _claimed_wrongly,
    _free_of_it,
)
OVER: tuple[Callable[[Scene], str], ...] = (
    _ended,
    _suspicion_stopped,
    _ended_long_ago,
    _free_of_it,
    _in_the_past,
    _ended_and_suspected_again,
    _never_ended,
)
