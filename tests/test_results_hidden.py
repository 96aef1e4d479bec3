"""No set of figures that are shown lets one reckon what a few people did.

Whatever is sent, the figures are taken for equations in the people they are of, and solved.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from results_tables import CAMPAIGN, Laid

from dagster_project.backtest.outcome import read_totals
from dagster_project.insight.answer_counts import answer_counts
from dagster_project.insight.results import (
    Result,
    campaign_results,
    purpose_results,
    tag_results,
)
from dagster_project.insight.shares import Hidden, Share

SMALLEST = 10
MONTHS = [date(2026, month, 1) for month in (1, 2, 3)]
OVER = date(2026, 6, 1)
# Of people so many at a time: mostly few.
SIZES = st.sampled_from([0, 0, 1, 2, 4, 5, 8, 9, 10, 11, 13, 20])


@dataclass(frozen=True)
class Alike:
    """People to whom the same happened: told by these campaigns, or left out of them."""

    arm: str
    told: tuple[tuple[str, int], ...]  # campaign and step
    variant: str
    month: date
    has_tag: bool
    size: int


@st.composite
def clinics(draw: st.DrawFn) -> list[Alike]:
    """Three months of two campaigns of a purpose: one has a second step, and two texts at times."""
    found = []
    for month in MONTHS:
        variants = draw(st.sampled_from([("a",), ("a", "b"), ("b",)]))
        for has_tag in (True, False):
            found += [Alike("sent", (("c", 1),), each, month, has_tag, draw(SIZES))
                      for each in variants]  # fmt: skip
            told: tuple[tuple[tuple[str, int], ...], ...]
            told = ((("c", 2),), (("d", 1),), (("c", 1), ("d", 1)))
            for each in told:
                size = draw(SIZES) if draw(st.booleans()) else 0
                found.append(Alike("sent", each, variants[0], month, has_tag, size))
            for campaign in ("c", "d"):
                size = draw(SIZES) if draw(st.booleans()) else 0
                found.append(Alike("holdout", ((campaign, 1),), "", month, has_tag, size))
    return [each for each in found if each.size]


def lay(laid: Laid, groups: Sequence[Alike]) -> None:
    """Let it have happened; every other one came."""
    for name in ("ledger.deliveries", "previous.holdout_starts", "stg_visits", "tag_history"):
        laid.con.execute(f"delete from {name}")
    for at, each in enumerate(groups):
        people = [f"{at}-{n}" for n in range(each.size)]
        for campaign, step in each.told:
            what = {"campaign": campaign, "step": step, "occurrence_id": f"{campaign}{step}-{at}"}
            if each.arm == "sent":
                laid.send(each.month, people, **what, variant=each.variant)
            else:
                laid.leave_out(each.month, people, **what)
        if people[::2]:
            laid.come(each.month + timedelta(days=2), people[::2])
        if each.has_tag:
            spell = {"tag": "t", "held_from": date(2025, 1, 1)}
            laid.lay("tag_history", *({**spell, "patient_id": person} for person in people))


Step = tuple[str, int]
Unknown = tuple[object, ...]
Vector = dict[Unknown, int]  # so many times the visits of a group that nobody tells


class Told:
    """What the figures are of: groups of people, by what the docs say of how they add up.

    A campaign's step, month and wording is a group nothing divides. A tag or a purpose of a month
    is the sum of its campaigns' groups less a rest, of which the figures tell the size alone; what
    is compared with somebody left out has a rest of its own.
    """

    def __init__(self, groups: Sequence[Alike], arm: str) -> None:
        self.groups = [each for each in groups if each.arm == arm]
        told = {other: {(step, each.month) for each in groups if each.arm == other
                        for step in each.told}
                for other in ("sent", "holdout")}  # fmt: skip
        self.compared = told["sent"] & told["holdout"]
        self.sizes: dict[Unknown, int] = {}
        for each in self.groups:
            for step in each.told:
                if arm == "sent" or (step, each.month) in self.compared:
                    cell = (*step, each.month, each.variant)
                    self.sizes[cell] = self.sizes.get(cell, 0) + each.size
        held = [each for each in self.groups if each.has_tag]
        of_tag = {other: {(step, each.month) for each in groups
                          if each.arm == other and each.has_tag for step in each.told}
                  for other in ("sent", "holdout")}  # fmt: skip
        self.of_both = of_tag["sent"] & of_tag["holdout"]
        self.tag_compared: Vector = {}
        for month in MONTHS:
            own = [(step, each) for each in held for step in each.told if each.month == month]
            of_both = sum(each.size for step, each in own if (step, month) in self.of_both)
            cells = self.cells(None, month)
            size = sum(each.size for _, each in own) if arm == "sent" else of_both
            self.sizes["not t", month] = sum(self.sizes[each] for each in cells) - size
            if of_both == size:
                self.tag_compared |= dict.fromkeys(cells, 1) | self.less(("not t", month))
            elif of_both:
                self.sizes["some t", month] = of_both
                self.tag_compared["some t", month] = 1
        for kind in (True, False):
            self.sizes["twice", kind] = sum(
                each.size * max(0, len(steps) - 1)
                for each in self.groups
                if (steps := [step for step in each.told
                              if not kind or (step, each.month) in self.compared])
            )  # fmt: skip

    def is_compared(self, cell: Unknown) -> bool:
        return ((cell[0], cell[1]), cell[2]) in self.compared

    def cells(
        self, step: Step | None, month: date | None, variant: str | None = None
    ) -> list[Unknown]:
        return [
            each
            for each in self.sizes
            if len(each) == 4
            and step in (None, each[:2])
            and month in (None, each[2])
            and variant in (None, each[3])
        ]

    def of(self, result: Result, *, compared: bool) -> Vector:
        """Return what a figure of a result is the sum of."""
        step = None if result.step is None else (result.name, result.step)
        cells = self.cells(step, result.month, result.variant)
        found = {each: 1 for each in cells if self.is_compared(each) or not compared}
        if result.name == "t" and compared:
            return self.tag_compared
        if result.name == "t":
            months = MONTHS if result.month is None else [result.month]
            return found | self.less(*(("not t", each) for each in months))
        return found | self.less(("twice", compared)) if step is None else found

    def less(self, *unknowns: Unknown) -> Vector:
        return {each: -1 for each in unknowns if self.sizes[each]}

    def size(self, vector: Vector) -> int:
        return sum(self.sizes[each] * times for each, times in vector.items())

    def small_groups(self) -> Iterator[Vector]:
        """Yield every group of a few people that is part of the others, or left over of them."""
        families: list[list[Vector]] = [[{each: 1} for each in self.cells(None, None)]]
        families.append([{("not t", month): 1} for month in MONTHS])
        tag = [
            dict.fromkeys(self.cells(None, month), 1) | self.less(("not t", month))
            for month in MONTHS
        ]
        families.append(tag)
        whole = {each: times for month in tag for each, times in month.items()}
        families.append([self.tag_compared, minus(whole, self.tag_compared)])
        purposes = []
        for kind in (True, False):
            everybody = [
                each for each in self.cells(None, None) if self.is_compared(each) or not kind
            ]
            purposes += [
                {("twice", kind): 1},
                dict.fromkeys(everybody, 1) | self.less(("twice", kind)),
            ]
            # Whom one campaign has not.
            purposes += [
                {each: 1 for each in everybody if each[:2] != step} | self.less(("twice", kind))
                for step in {each[:2] for each in everybody}
            ]
        for family in families:
            yield from few(self, [each for each in family if self.size(each)], 0, {})
        yield from (each for each in purposes if 0 < self.size(each) < SMALLEST)


def minus(one: Vector, other: Vector) -> Vector:
    return {each: one.get(each, 0) - other.get(each, 0) for each in one | other}


def few(told: Told, some: Sequence[Vector], at: int, chosen: Vector) -> Iterator[Vector]:
    for each in range(at, len(some)):
        both = chosen | some[each]
        if told.size(both) < SMALLEST:
            yield both
            yield from few(told, some, each + 1, both)


def equations(
    results: Sequence[Result], told: Told, left_out: Told
) -> tuple[list[Vector], list[Vector]]:
    """Return of each figure that is shown whose visits it tells: of the told, of those left out."""
    of_told, of_left_out = [], []
    for result in results:
        if isinstance(result.visited, Share):
            of_told.append(told.of(result, compared=False))
        if isinstance(result.holdout, Share):
            of_left_out.append(left_out.of(result, compared=True))
        if result.uplift:
            of_told.append(told.of(result, compared=True))
        if result.against_a and result.against_a.visited:
            step = result.name, result.step or 0
            went = [{cell[2] for cell in told.cells(step, None, each)} for each in ("a", "b")]
            of_told += [
                {cell: 1 for cell in told.cells(step, None, each) if cell[2] in went[0] & went[1]}
                for each in ("a", "b")
            ]
    return of_told, of_left_out


def disclosed(told: Told, shown: Sequence[Vector]) -> list[Vector]:
    """Return every group of a few people of whom the equations tell how many came."""
    unknowns = {each: at for at, each in enumerate(told.sizes)}
    if not shown or not unknowns:
        return []

    def row(vector: Vector) -> np.ndarray:
        found = np.zeros(len(unknowns))
        for each, times in vector.items():
            found[unknowns[each]] = times
        return found

    _, values, rows = np.linalg.svd(np.array([row(vector) for vector in shown]))
    free = rows[int((values > 1e-9).sum()) :].T  # what may be added and changes no figure
    return [
        group for group in told.small_groups() if np.abs(row(group) @ free).max(initial=0) < 1e-9
    ]


@pytest.fixture(scope="module")
def empty(parsed: Path) -> Laid:
    """Return a warehouse with two campaigns of a purpose, and a tag that both stand on."""
    laid = Laid(parsed)
    laid.lay("campaigns", CAMPAIGN, {**CAMPAIGN, "campaign": "d"})
    return laid


@pytest.fixture
def laid(empty: Laid) -> Laid:
    return empty


def shown(laid: Laid) -> list[Result]:
    laid.night(OVER)
    return [*campaign_results(laid.con), *tag_results(laid.con), *purpose_results(laid.con)]


@given(groups=clinics())
@settings(max_examples=25, deadline=None, derandomize=True, phases=[Phase.generate])
def test_no_figures_tell_what_a_few_people_did(empty: Laid, groups: list[Alike]) -> None:
    lay(empty, groups)
    told, left_out = Told(groups, "sent"), Told(groups, "holdout")
    of_told, of_left_out = equations(shown(empty), told, left_out)
    assert not disclosed(told, of_told)
    assert not disclosed(left_out, of_left_out)


def test_the_test_sees_what_a_difference_tells(empty: Laid) -> None:
    """All months less the second is what five people did in the first."""
    groups = [
        Alike("sent", (("c", 1),), "a", month, has_tag=False, size=size)
        for month, size in zip(MONTHS, (5, 20, 0), strict=True)
        if size
    ]
    told = Told(groups, "sent")
    all_months, first, second = (
        dict.fromkeys(told.cells(("c", 1), month), 1) for month in (None, *MONTHS[:2])
    )
    assert not disclosed(told, [all_months])
    assert disclosed(told, [all_months, second]) == [first]


@pytest.mark.parametrize(
    ("sizes", "hidden"),
    [
        ({"may": 10, "june": 20}, set()),
        ({"may": 9, "june": 20, "july": 12}, {"may", "july"}),
        ({"may": 9, "june": 20, "july": 1}, {"may", "july"}),
        ({"may": 8, "june": 20, "july": 1}, {"may", "july", "june"}),
        ({"may": 0, "june": 20, "july": 12}, set()),
    ],
)
def test_months_are_hidden_until_what_they_hide_together_is_enough(
    laid: Laid, sizes: dict[str, int], hidden: set[str]
) -> None:
    months = {"may": date(2026, 1, 1), "june": date(2026, 2, 1), "july": date(2026, 3, 1)}
    groups = [
        Alike("sent", (("c", 1),), "a", months[month], has_tag=False, size=size)
        for month, size in sizes.items()
        if size
    ]
    lay(laid, groups)
    found = {each.month for each in shown(laid)
             if each.name == "c" and each.visited is Hidden.TOO_FEW}  # fmt: skip
    assert found == {months[each] for each in hidden}
    assert isinstance(shown(laid)[0].visited, Share), "all months together are shown"


def test_late_arrivals_of_a_few_are_not_said(laid: Laid) -> None:
    lay(laid, [Alike("sent", (("c", 1),), "a", MONTHS[0], has_tag=False, size=9)])
    assert {each.late_arrivals for each in shown(laid)} == {None}
    lay(laid, [Alike("sent", (("c", 1),), "a", MONTHS[0], has_tag=False, size=10)])
    assert {each.late_arrivals for each in shown(laid)} == {0}


@pytest.mark.parametrize(("few", "is_shown"), [(9, False), (10, True)])
def test_a_tag_is_not_shown_beside_a_campaign_of_which_few_do_not_hold_it(
    laid: Laid, few: int, is_shown: bool
) -> None:
    groups = [
        Alike("sent", (("c", 1),), "a", MONTHS[0], has_tag=has_tag, size=size)
        for has_tag, size in ((True, 40), (False, few))
    ]
    lay(laid, groups)
    found = {each.name: each.visited for each in shown(laid)}
    assert isinstance(found["c"], Share)
    assert isinstance(found["t"], Share) == is_shown


@pytest.mark.parametrize(("few", "is_shown"), [(9, False), (10, True)])
def test_a_purpose_is_not_shown_where_few_were_told_by_one_campaign_alone(
    laid: Laid, few: int, is_shown: bool
) -> None:
    lay(laid, [
        Alike("sent", (("c", 1),), "a", MONTHS[0], has_tag=False, size=40),
        Alike("sent", (("d", 1),), "a", MONTHS[0], has_tag=False, size=few),
        Alike("sent", (("c", 1), ("d", 1)), "a", MONTHS[0], has_tag=False, size=30),
    ])  # fmt: skip
    (found,) = [each for each in shown(laid) if each.name == "visit"]
    assert isinstance(found.visited, Share) == is_shown


def test_a_back_test_hides_a_month_by_which_a_small_one_could_be_reckoned(laid: Laid) -> None:
    months = [date(2026, month, 1) for month in (1, 2, 3)]
    lay(laid, [
        Alike("sent", (("c", 1),), "a", month, has_tag=False, size=size)
        for month, size in zip(months, (5, 12, 40), strict=True)
    ])  # fmt: skip
    laid.night(OVER)
    found = {total.month: total.came for total in read_totals(laid.con)
             if total.step is None}  # fmt: skip
    assert found[months[0]] is found[months[1]] is Hidden.TOO_FEW
    assert isinstance(found[months[2]], Share)
    assert isinstance(found[None], Share)


@pytest.mark.parametrize(
    ("few", "shown_of"),
    [
        # Three of forty-three would be all less those shown.
        (3, {"土曜": 30, "夜": None, "朝": None}),
        (0, {"土曜": 30, "夜": 10}),
    ],
)
def test_answers_are_hidden_until_what_they_hide_together_is_enough(
    parsed: Path, few: int, shown_of: dict[str, int | None]
) -> None:
    laid = Laid(parsed)
    laid.lay("meta.build", {"as_of": OVER})
    asked = {"questionnaire": "voice", "question": "来やすい時"}
    answered = 40 + few
    for label, people in (("土曜", 30), ("夜", 10)):
        row = {**asked, "label": label, "people": people, "share": people / answered}
        laid.lay("answer_results", row)
    if few:
        laid.lay("answer_results", {**asked, "label": "朝"})
    (question,) = answer_counts(laid.con)
    assert {each.label: each.people for each in question.choices} == shown_of
