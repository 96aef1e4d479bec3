"""Advice on how a message is worded: rules as data, each with its id and where it comes from.

医療広告ガイドライン (AD), and wording that is still true where a tag was wrong (FP). A
pattern cannot tell advertising from a quotation, so none of it fails a build.
"""

import csv
import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from dagster_project.line.messages import Message, texts

SEEN = re.compile(r"\.(text|altText|label|displayText)$")


@dataclass(frozen=True)
class Rule:
    """One rule: what it looks for, what makes that right, what to do, and who says so."""

    rule: str
    pattern: str
    unless: str
    to_do: str
    source: str


@dataclass(frozen=True)
class Advice:
    """One place a rule speaks of: the JSON path and the words found there."""

    path: str
    found: str
    rule: Rule


def advice(messages: list[Message]) -> list[Advice]:
    """Return what the rules find in the words of a message; `unless` may stand anywhere in it."""
    words = [(path, text) for path, text in texts(messages) if SEEN.search(path)]
    whole = " ".join(text for _, text in words)
    found = []
    for rule in rules():
        if rule.unless and re.search(rule.unless, whole, re.DOTALL):
            continue
        for path, text in words:
            if hit := re.search(rule.pattern, text, re.IGNORECASE):
                found.append(Advice(path, hit[0], rule))
                break  # once for each rule: the message is read as a whole
    return found


@cache
def rules() -> tuple[Rule, ...]:
    """Return the rules of `wording_rules.csv`."""
    path = Path(__file__).with_name("wording_rules.csv")
    with path.open(encoding="utf-8", newline="") as file:
        return tuple(Rule(**row) for row in csv.DictReader(file))
