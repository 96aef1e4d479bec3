"""Did the messages bring people: what can be said of each campaign, in a sentence, and why not."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

from dagster_project.insight.render_results import interval, name_of
from dagster_project.insight.results import Result, pooled
from dagster_project.insight.shares import Hidden, Share
from dagster_project.insight.uplift import POWER, Uplift, detectable


class Mark(Enum):
    """The short answer: as it is read, and in English."""

    MORE = ("増えた", "more came")
    FEWER = ("減った", "fewer came")
    OPEN = ("まだ言えない", "cannot be told yet")

    @property
    def ja(self) -> str:
        """Return it in Japanese."""
        return self.value[0]

    @property
    def en(self) -> str:
        """Return it in English."""
        return self.value[1]


@dataclass(frozen=True)
class Verdict:
    """What can be said of one campaign's effect over all months, in both languages."""

    label_ja: str
    uplift: Uplift | None
    ja: str
    en: str

    @property
    def mark(self) -> Mark:
        """Return the short answer: more or fewer only where the interval leaves zero out."""
        return mark_of(self.uplift)


def verdicts(results: Sequence[Result]) -> list[Verdict]:
    """Return the verdict on each campaign, the told ones first, those with more visits before.

    Later steps have none: who is left out is left out of the whole scenario, so that its effect
    is that of the first step.
    """
    firsts: dict[str, Result] = {}
    for each in pooled(results):
        known = firsts.get(each.name)
        if known is None or (each.step or 0) < (known.step or 0):
            firsts[each.name] = each
    found = [verdict(each) for each in sorted(firsts.values(), key=lambda each: -_added(each))]
    return sorted(found, key=lambda each: (each.mark is Mark.OPEN, each.uplift is None))


def mark_of(found: Uplift | None) -> Mark:
    """Return the short answer: more or fewer only where the interval leaves zero out."""
    if found is None or not found.is_told:
        return Mark.OPEN
    return Mark.MORE if found.points > 0 else Mark.FEWER


def verdict(result: Result) -> Verdict:
    """Return what can be said of a campaign, or of a tag, and of an open one why."""
    is_open = mark_of(result.uplift) is Mark.OPEN
    ja, en = _why_open(result) if is_open else _told(result)
    return Verdict(name_of(result), result.uplift, ja, en)


def _added(result: Result) -> float:
    return result.incremental_visits or 0.0


def _told(result: Result) -> tuple[str, str]:
    found, added = result.uplift, round(_added(result))
    ja = f"送った人の {result.visited}、送らなかった人の {result.holdout} が来院。"
    ja += f"差は {interval(found)}。"
    en = f"{result.visited} of those told came, {result.holdout} of those left out"
    if result.yen_per_visit is None:
        ja += f"配信のない場合より来院が約 {-added:,} 件少ない。"
        return ja, f"{en}: about {-added:,} visits fewer."
    ja += f"配信で増えた来院は約 {added:,} 件、1件あたり {result.yen_per_visit:,.0f} 円以下。"
    return ja, f"{en}: about {added:,} visits more, at most {result.yen_per_visit:,.0f} yen each."


def _why_open(result: Result) -> tuple[str, str]:
    shown = (result.visited, result.holdout)
    if result.uplift is not None:
        ja = f"差は {interval(result.uplift)} で、0 をまたぐので偶然かもしれない。"
        en = "The interval holds zero: it may be chance."
        points = _visible(result)
        if points is None:
            return ja, en
        ja += f"いまの人数で {POWER:.0%} の見込みで見分けられるのは、"
        ja += f"約 {points:.1f} ポイントからの差。"
        return ja, f"{en} With so many people {points:.1f} points would be seen, {POWER:.0%} sure."
    if result.holdout is Hidden.NOBODY:
        return "送らずに比べる人がいない。", "Nobody is left out to compare with."
    if Hidden.NOT_YET in shown:
        return "来院を数える期間がまだ終わっていない。", "The windows are still open."
    if Hidden.TOO_FEW in shown:
        return "人数が少なく比べられない。", "Too few people to compare."
    return "来院した人がまだ少なく、差の幅を出せない。", "Too few visits to put bounds to it."


def _visible(result: Result) -> float | None:
    """Return the smallest uplift, in points, that so many people would show."""
    told, left_out = result.visited, result.holdout
    if not (isinstance(told, Share) and isinstance(left_out, Share)):
        return None
    people = told.of + left_out.of
    return detectable(people, left_out.of / people, left_out.count / left_out.of)
