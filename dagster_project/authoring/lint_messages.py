"""What a campaign says: a text for every case, in an A/B test in both variants, fit to be sent."""

import json
from collections.abc import Iterator
from pathlib import Path

from dagster_project.authoring.finding import PLACEHOLDER, Finding, is_whole
from dagster_project.authoring.lint_scenarios import steps_of
from dagster_project.authoring.project import Model
from dagster_project.authoring.yml import mapping
from dagster_project.line.messages import lint, texts
from dagster_project.line.wording import advice
from dagster_project.line.wordings import VARIANTS, named

WORDINGS = ("several", "urgent", "several_urgent")  # as delivery_plan names them
AB = "whole shares from 1 of the two texts, 100 together, as {a: 50, b: 50}"


def is_ab(value: object) -> bool:
    """Return whether a yml gives each text of an A/B test a share, and all of them 100."""
    shares = mapping(value)
    whole = all(is_whole(share, 1) for share in shares.values())
    return shares.keys() == {*VARIANTS} and whole and sum(shares.values()) == 100


def lint_messages(segment: Model) -> Iterator[Finding]:
    """Yield what is wrong with the texts of a campaign folder, and those it does not have."""
    folder = segment.sql.path.parent
    there = set(folder.glob("message.*.json"))
    steps = {folder / f"message.{step}.json" for step in _later_steps(segment)}
    wanted = {folder / "message.json", *steps}
    has_test = "ab" in mapping(segment.meta.get("campaign"))
    if has_test:
        # What differs by the case differs in both texts, or nobody knows what was compared.
        both = {path.with_name(f"{path.stem}.b.json") for path in wanted | there if not _is_b(path)}
        wanted |= both
    for path in sorted(wanted | there):
        yield from _lint_text(segment, path)
        if _is_b(path) and not has_test:
            to_do = "say campaign.ab in its yml, or take the file away"
            yield Finding(path, 1, "a second text, and no A/B test", to_do)
        elif _is_b(path) and _says_the_same(path):
            yield Finding(path, 1, "says the same as text a", "write what is to be compared")


def _is_b(path: Path) -> bool:
    return named(path.name)[0] != VARIANTS[0]


def _says_the_same(path: Path) -> bool:
    other = path.with_name(path.name.replace(".b.json", ".json"))
    return path.exists() and other.exists() and path.read_bytes() == other.read_bytes()


def _lint_text(segment: Model, path: Path) -> Iterator[Finding]:
    wording = named(path.name)[1]
    wordings = [*WORDINGS, *map(str, _later_steps(segment))]
    if wording and wording not in wordings:
        yield Finding(path, 1, f"no wording {wording!r}", f"one of {', '.join(wordings)}")
    try:
        raw = path.read_text(encoding="utf-8")
        messages = json.loads(raw)
    except (OSError, ValueError) as error:
        line = getattr(error, "lineno", 1)
        said = f"no {path.name}" if isinstance(error, OSError) else str(error)
        yield Finding(path, line, said, "write a list of 1 to 5 LINE message objects")
        return
    lines = {where: _line(raw, text) for where, text in texts(messages)}

    def found(where: str, said: str, to_do: str, *, is_error: bool = True) -> Finding:
        told = f"{segment.folder} {where}: {said}"
        return Finding(path, lines.get(where, 1), told, to_do, is_error)

    for where, text in texts(messages):
        if PLACEHOLDER.search(text):
            yield found(where, "not written", "write what it says")
    problems = lint(messages)
    for each in problems:
        yield found(each.path, each.found, f"expected {each.expected}")
    for hint in advice(messages) if not problems else ():
        to_do = f"{hint.rule.to_do} ({hint.rule.source})"
        yield found(hint.path, f"{hint.rule.rule} {hint.found!r}", to_do, is_error=False)


def _line(raw: str, text: str) -> int:
    """Return the line a text first stands on, 1 where the file spells it another way."""
    return raw.count("\n", 0, max(raw.find(json.dumps(text, ensure_ascii=False)), 0)) + 1


def _later_steps(segment: Model) -> range:
    return range(2, len(steps_of(segment)) + 1)
