"""Compiled SQL as words, edits of it, and the ways from one word to others."""

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass

from sqlglot import tokenize

from bench.mutants.sites import unmarked

SPACE = re.compile(r"\s+")  # "order by" is one token


@dataclass(frozen=True)
class Word:
    """One token of SQL, in lower case, and where it stands."""

    text: str
    start: int
    end: int


@dataclass(frozen=True)
class Edit:
    """A stretch of SQL replaced by another: what a mutation of a kind does at a site."""

    site: int
    kind: str
    start: int
    end: int
    after: str


@dataclass(frozen=True)
class Sql:
    """Compiled SQL as tokens, with the site at each offset that has one."""

    text: str
    words: tuple[Word, ...]
    sites: Mapping[int, int]

    @classmethod
    def of(cls, marked: str) -> "Sql":
        """Return compiled SQL read without its marks."""
        text, sites = unmarked(marked)
        tokens = tokenize(text, dialect="duckdb")
        words = (SPACE.sub(" ", text[token.start : token.end + 1].lower()) for token in tokens)
        spans = ((token.start, token.end + 1) for token in tokens)
        return cls(text, tuple(Word(w, *s) for w, s in zip(words, spans, strict=True)), sites)

    def before(self, edit: Edit) -> str:
        """Return what an edit replaces."""
        return self.text[edit.start : edit.end]

    def after(self, edits: list[Edit]) -> str:
        """Return the SQL with edits made; of two that overlap the outer one."""
        made, at = [], 0
        for edit in sorted(edits, key=lambda each: (each.start, -each.end)):
            if edit.start >= at:
                made += [self.text[at : edit.start], f" {edit.after} " if edit.after else " "]
                at = edit.end
        return "".join([*made, self.text[at:]])


def level(sql: Sql, index: int) -> Iterator[int]:
    """Yield the words before this one that stand in the same parentheses."""
    depth = 0
    for at in range(index - 1, -1, -1):
        depth += (sql.words[at].text == ")") - (sql.words[at].text == "(")
        if depth < 0:
            return
        if depth == 0:
            yield at


def closes(sql: Sql, index: int, also: Collection[str] = ()) -> int:
    """Return the offset at which the parentheses around this word end, or such a word stands."""
    depth = 0
    for word in sql.words[index:]:
        depth += (word.text == "(") - (word.text == ")")
        if depth < 0 or (depth == 0 and word.text in also):
            return word.start
    return len(sql.text)


def items(sql: Sql, index: int, also: Collection[str] = ()) -> Iterator[tuple[int, int]]:
    """Yield the spans of a list's items, up to the parenthesis that ends it, or such a word."""
    depth, start, last = 0, sql.words[index].start, sql.words[index].end
    for word in sql.words[index:]:
        depth += (word.text == "(") - (word.text == ")")
        if depth < 0 or (depth == 0 and word.text in also):
            break
        if depth == 0 and word.text == ",":
            yield start, last
            start = -1
        else:
            start = word.start if start < 0 else start
            last = word.end
    yield start, last


def case_of(sql: Sql, index: int) -> int:
    """Return the index of the case that a word belongs to."""
    ends = 0
    for at in range(index - 1, -1, -1):
        ends += (sql.words[at].text == "end") - (sql.words[at].text == "case")
        if ends < 0:
            return at
    raise ValueError(sql.text[: sql.words[index].end])


def branches(sql: Sql, index: int) -> tuple[list[Word], Word | None, Word]:
    """Return a case's whens, its else, and its end."""
    inner = 0
    whens: list[Word] = []
    otherwise = None
    for word in sql.words[index + 1 :]:
        if word.text == "end" and inner == 0:
            return whens, otherwise, word
        inner += (word.text == "case") - (word.text == "end")
        if inner == 0 and word.text == "when":
            whens.append(word)
        elif inner == 0 and word.text == "else":
            otherwise = word
    raise ValueError(sql.text[sql.words[index].start :])
