"""What no SQL of ours may do: codes as literals, names matched, the clock read, `select *`."""

import re
from collections.abc import Iterator

from dagster_project.authoring.finding import Finding, is_written
from dagster_project.authoring.sql import Sql

KANA = "ぁ-んァ-ヶ一-龥々ｦ-ﾟ"
LIKE = r"\b(?:not\s+)?(?:i?like|similar\s+to|glob)"
BY_NAME = (
    "a name is matched by how it is written",
    "match on codes (dbt/seeds/), a spelling differs from clinic to clinic",
)
BAD = [
    (
        # Seven-digit diseases, nine-digit acts and drugs, ICD-10 (also as a prefix to match).
        re.compile(
            r"""['"](?:\d{7}|\d{9}|[A-Z]\d{2}(?:\.?\d{1,2})?)%?['"]"""
            r"|\w*code\s*(?:=|<>|in\s*\()\s*(?:\d{9}|\d{7})\b"
        ),
        "a disease, act or drug code in SQL",
        "put the code into a file of dbt/seeds/ and join it",
    ),
    (
        re.compile(
            rf"{LIKE}\s*'[^']*[{KANA}]|\w*name\w*\s+{LIKE}\s*'"
            rf"|\bregexp_\w+\s*\(\s*[\w.]*name|\b(?:regexp_\w+|contains|starts_with)"
            rf"\s*\([^()']*'[^']*[{KANA}]",
            re.IGNORECASE,
        ),
        *BY_NAME,
    ),
    (
        re.compile(
            r"\b(?:current_date|current_timestamp|now\s*\(|today\s*\(|get_current_time"
            r"|localtime)",
            re.IGNORECASE,
        ),
        "SQL reads the clock",
        "use {{ as_of() }}, the business day of the night",
    ),
]
# Jinja joins texts with the same sign.
TILDE = re.compile(r"!?~{1,3}\*?\s*'")
STAR = re.compile(r"\bselect\s+(?:distinct\s+)?(?:\w+\.)?\*", re.IGNORECASE)
SAYS_SOMETHING = 10  # characters; shorter is no sentence


def lint_text(sql: Sql) -> Iterator[Finding]:
    """Yield what is wrong in any SQL file of ours."""
    if not sql.is_utf8:
        yield Finding(sql.path, 1, "not UTF-8", "save it as UTF-8, as an editor calls it")
    for pattern, wrong, to_do, text in (
        *((*each, sql.bare) for each in BAD),
        (TILDE, *BY_NAME, sql.plain),
    ):
        for found in pattern.finditer(text):
            said = " ".join(found.group().split())
            yield Finding(sql.path, sql.line(found.start()), f"{wrong} ({said})", to_do)


def lint_rule(sql: Sql) -> Iterator[Finding]:
    """Yield a finding where a tag or segment does not begin with its rule in a sentence."""
    if len(sql.rule) < SAYS_SOMETHING or not is_written(sql.rule):
        to_do = "begin the file with `-- ` and one sentence: who is in it, and who is unknown"
        yield Finding(sql.path, 1, "the first line does not say the rule", to_do)


def lint_columns(sql: Sql) -> Iterator[Finding]:
    """Yield every `select *` that is not one side of a union within a CTE."""
    for found in STAR.finditer(sql.bare):
        if not re.search(r"\bunion\b", _within(sql.bare, found.start()), re.IGNORECASE):
            to_do = "list the columns, so that a new one upstream changes nothing here"
            yield Finding(sql.path, sql.line(found.start()), "`select *`", to_do)


def _within(text: str, offset: int) -> str:
    """Return the parenthesis an offset stands in, or nothing at the top level."""
    start = _partner(text, range(offset - 1, -1, -1), ")(")
    end = _partner(text, range(offset, len(text)), "()")
    return "" if start is None or end is None else text[start:end]


def _partner(text: str, steps: range, pair: str) -> int | None:
    """Return where a walk leaves the parenthesis it began in."""
    depth = 0
    for at in steps:
        if text[at] == pair[0]:
            depth += 1
        elif text[at] == pair[1]:
            depth -= 1
            if depth < 0:
                return at
    return None
