"""What a small mistake is: edits of compiled SQL, each begun at a marked place."""

import re
from collections.abc import Callable, Iterator

from bench.mutants.sql import Edit, Sql, branches, case_of, closes, items, level

COMPARISONS = {">=": ">", ">": ">=", "<=": "<", "<": "<=", "=": "<>", "<>": "=", "!=": "="}
SWAPS = {
    "or": "and", "min": "max", "max": "min", "greatest": "least", "least": "greatest",
    "inner": "left", "true": "false", "false": "true",
}  # fmt: skip
CODE = re.compile(r"'[a-z0-9_]*'")
OTHER_CODE = "'~'"


def edits(sql: Sql) -> Iterator[Edit]:
    """Yield every single mistake that can be made in it."""
    for index, word in enumerate(sql.words):
        site = sql.sites.get(word.start)
        if site is not None:
            for kind, start, end, after in _mistakes(sql, index):
                yield Edit(site, kind, start, end, after)
        elif word.start - 1 in sql.sites and sql.text[word.start - 1] == "-":  # a window back
            for kind, start, end, after in _number(sql, index):
                yield Edit(sql.sites[word.start - 1], kind, start, end, after)


Mistakes = Iterator[tuple[str, int, int, str]]


def _mistakes(sql: Sql, index: int) -> Mistakes:
    word = sql.words[index]
    if word.text in COMPARISONS:
        yield "comparison", word.start, word.end, COMPARISONS[word.text]
    elif word.text in SWAPS:
        yield "swap", word.start, word.end, SWAPS[word.text]
    elif word.text[0].isdigit():
        yield from _number(sql, index)
    elif CODE.fullmatch(word.text):
        yield "code", word.start, word.end, OTHER_CODE
    elif word.text in SPECIAL:
        yield from SPECIAL[word.text](sql, index)


def _number(sql: Sql, index: int) -> Mistakes:
    word = sql.words[index]
    if sql.words[index - 1].text in {"then", "else"}:
        return  # a rank, or a flag: only its order matters, and the branches are dropped anyway
    whole, _, decimals = word.text.partition(".")
    for step in (1, -1):
        digits = int(whole + decimals) + step
        after = f"{digits / 10 ** len(decimals):.{len(decimals)}f}"
        yield f"number {step:+d}", word.start, word.end, after


def _and(sql: Sql, index: int) -> Mistakes:
    depth = 0
    for word in reversed(sql.words[:index]):
        depth += (word.text == ")") - (word.text == "(")
        if depth < 0 or (depth == 0 and word.text in {"and", "or", "when", "where", "on", ","}):
            break
        if depth == 0 and word.text == "between":
            return
    yield "swap", sql.words[index].start, sql.words[index].end, "or"


def _distinct(sql: Sql, index: int) -> Mistakes:
    if sql.words[index + 1].text != "from":
        yield "swap", sql.words[index].start, sql.words[index].end, ""


def _not(sql: Sql, index: int) -> Mistakes:
    if sql.words[index - 1].text != "is":
        yield "not", sql.words[index].start, sql.words[index].end, ""


def _is(sql: Sql, index: int) -> Mistakes:
    word, following = sql.words[index], sql.words[index + 1]
    if following.text == "not":
        yield "not", following.start, following.end, ""
    else:
        yield "not", word.start, word.end, "is not"


def _between(sql: Sql, index: int) -> Mistakes:
    yield "not", sql.words[index].start, sql.words[index].end, "not between"


def _join(sql: Sql, index: int) -> Mistakes:
    word, following = sql.words[index], sql.words[index + 1]
    if following.text in {"join", "outer"}:
        end = following.end if following.text == "outer" else word.end
        yield "join", word.start, end, "left" if word.text == "full" else "inner"


def _coalesce(sql: Sql, index: int) -> Mistakes:
    spans = list(items(sql, index + 2))
    first, second, last = spans[0], spans[1], spans[-1]
    yield (
        "coalesce order",
        first[0],
        second[1],
        f"{sql.text[slice(*second)]}, {sql.text[slice(*first)]}",
    )
    yield "coalesce fallback", spans[-2][1], last[1], ""


def _order(sql: Sql, index: int) -> Mistakes:
    for nth, (start, end) in enumerate(items(sql, index + 1), 1):
        item = sql.text[start:end]
        after = item[: -len("desc")] if item.lower().endswith("desc") else f"{item} desc"
        yield f"order {nth}", start, end, after


def _partition(sql: Sql, index: int) -> Mistakes:
    columns = list(items(sql, index + 1, {"order by"}))
    for nth, (start, end) in enumerate(columns, 1):
        if len(columns) > 1:
            yield f"partition {nth}", start, end, "true"


def _case(sql: Sql, index: int) -> Mistakes:
    """Drop a branch of a case that has one alone; those of others begin at their own word."""
    whens, otherwise, end = branches(sql, index)
    if len(whens) == 1:
        after = "null" if otherwise is None else sql.text[otherwise.end : end.start]
        yield "branch", sql.words[index].start, end.end, after


def _when(sql: Sql, index: int) -> Mistakes:
    whens, otherwise, end = branches(sql, case_of(sql, index))
    if len(whens) > 1:
        starts = [each.start for each in [*whens, otherwise or end]]
        start = sql.words[index].start
        yield "branch", start, starts[starts.index(start) + 1], ""


def _else(sql: Sql, index: int) -> Mistakes:
    _, _, end = branches(sql, case_of(sql, index))
    yield "branch", sql.words[index].start, end.start, ""


def _union(sql: Sql, index: int) -> Mistakes:
    word = sql.words[index]
    if list(sql.sites.values()).count(sql.sites[word.start]) > 1:
        return  # written by a loop: the list it loops over says which branches there are
    has_all = sql.words[index + 1].text == "all"
    branch = index + 1 + has_all
    yield "union", word.start, closes(sql, branch, {"union"}), ""
    first = max(i for i in level(sql, index) if sql.words[i].text == "select")
    yield "union of first", sql.words[first].start, sql.words[branch - 1].end, ""


SPECIAL: dict[str, Callable[[Sql, int], Mistakes]] = {
    "and": _and, "not": _not, "is": _is, "between": _between, "left": _join, "full": _join,
    "coalesce": _coalesce, "order by": _order, "case": _case, "when": _when, "else": _else,
    "union": _union, "distinct": _distinct, "partition by": _partition,
}  # fmt: skip
