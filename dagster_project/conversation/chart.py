"""診察券番号 and 生年月日 in the chat: judged against the published charts before anything is kept.

What is kept of such a message is the verdict alone, never its text: an event of one of the
kinds below, which LINE does not have. So the birth date is nowhere in the ledger, and the
accounts stay a fold over events that gives the same whenever it is done again.
"""

import hashlib
import re
import unicodedata
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path

import duckdb

from dagster_project.conversation.codes import code_in
from dagster_project.conversation.events import (
    CHART_ASKED,
    CHART_NAMED,
    CHART_TRIED,
    Event,
    day_of,
)
from dagster_project.conversation.fold import WRONG, Account, chart_step
from dagster_project.conversation.words import Words
from dagster_project.ingest.dates import parse_date
from dagster_project.ingest.reachability import patient_id

CHILD_YEARS = 16  # as delivery_decisions has it: below, a parent is written to
DASHES = re.compile(r"[‐‑–—−]")
NUMBER = r"(?:診察券(?:番号)?[:\s]*)?(?P<number>\d{1,12})"
SEPARATED = r"(?:(?:明治|大正|昭和|平成|令和|[MTSHR明大昭平令])\.?\s*(?:\d{1,2}|元)|\d{4})"
BIRTH = (
    rf"(?P<birth>{SEPARATED}\s*[-/.年]\s*\d{{1,2}}\s*[-/.月]\s*\d{{1,2}}\s*日?"
    r"|[MTSHR]\d{6}|\d{7,8})(?:\s*生(?:まれ)?)?"
)
BIRTH_ALONE = re.compile(BIRTH)
NUMBER_ALONE = re.compile(NUMBER)
BOTH = re.compile(rf"{NUMBER}[\s,、・]+{BIRTH}")
ASKED_BIRTH = re.compile(r"(?P<birth>.*\d.*\d.*)")  # any answer with figures is a try


@dataclass(frozen=True)
class Judge:
    """Judges one clinic's messages; `account` returns an account as the ledger knows it."""

    published: Path
    words: Words
    account: Callable[[str], Account]

    def __call__(self, events: Iterable[Event]) -> list[Event]:
        """Return the events of one webhook as they may be kept, in the order they happened."""
        stands: dict[str, tuple[str, str]] = {}
        judged = []
        for event in sorted(events):
            after = self._judged(event, stands.get(event.line_user_id))
            if after.kind in {"message", CHART_ASKED, CHART_NAMED, CHART_TRIED}:
                stands[event.line_user_id] = chart_step(after, Account())
            judged.append(after)
        return judged

    def _judged(self, event: Event, stands: tuple[str, str] | None) -> Event:
        """Return a verdict for a chart's number and birth date, any other event as it is.

        `stands` is what an earlier event of the same webhook left asked, None where there is none.
        """
        if event.kind != "message" or self.words.is_urgent(event.said):
            return event  # an emergency is heard whatever was asked
        said = DASHES.sub("-", unicodedata.normalize("NFKC", event.said)).strip().upper()
        if self.words.means(event.said, "chart"):
            return replace(event, kind=CHART_ASKED, said="")
        if both := BOTH.fullmatch(said):
            return self._tried(event, both["number"], both["birth"])
        if not any(each.isdigit() for each in said):
            return event
        if stands is None:
            before = self.account(event.line_user_id)
            stands = before.chart_step, before.chart_no
        step, named = stands
        if step == "number" and (number := NUMBER_ALONE.fullmatch(said)):
            return replace(event, kind=CHART_NAMED, said=patient_id(number["number"]))
        is_code = code_in(said) and not said.isdecimal()
        if step == "birth" and ASKED_BIRTH.fullmatch(said) and not is_code:
            return self._tried(event, named, said.removesuffix("まれ").removesuffix("生"))
        # Asked of nobody, or before its question came: understood by nobody, and kept of nobody.
        return replace(event, said="") if BIRTH_ALONE.fullmatch(said) and not is_code else event

    def _tried(self, event: Event, number: str, birth: str) -> Event:
        """Return the verdict. The chart is looked up whatever is wrong, to take the same time."""
        chart = patient_id(number)
        born = born_on(self.published, chart)
        try:
            given = parse_date(birth)
        except ValueError:
            given = None
        is_right = born is not None and given == born
        relation = _relation(born, day_of(event)) if born and is_right else WRONG
        return replace(event, kind=CHART_TRIED, said=f"{chart_digest(chart)} {relation} {chart}")


def chart_digest(chart: str) -> str:
    """Return by which the tries at one chart are counted, whoever makes them."""
    return hashlib.sha256(f"tagline chart {chart}".encode()).hexdigest()


def born_on(published: Path, chart: str) -> date | None:
    """Return the birth date of a chart that is listed tonight, None where none is.

    The file is open for the one question, read only: a night is published beside it.
    """
    if not published.exists():
        return None
    try:
        with duckdb.connect(str(published), read_only=True) as con:
            found = con.execute(
                "select birth_date from stg_patients where patient_id = ? and vanished_on is null"
                " and not is_test and not is_deceased",
                [chart],
            ).fetchone()
    except duckdb.Error:
        return None
    return found[0] if found else None


def _relation(born: date, on_day: date) -> str:
    birthdays = on_day.year - born.year - ((on_day.month, on_day.day) < (born.month, born.day))
    return "parent" if birthdays < CHILD_YEARS else "self"
