"""A campaign's scenario in its yml: the steps, their days and branches, and re-entry."""

from collections.abc import Iterator
from typing import Any

from dagster_project.authoring.finding import Finding, is_whole
from dagster_project.authoring.project import Model, Project
from dagster_project.authoring.yml import mapping

REENTRY = ("once", "per_episode", "always")
BRANCHES = ("only_if", "unless")
SETTINGS = ("reentry", "reentry_gap_days", "lapse_days", "steps")


def steps_of(segment: Model) -> list[dict[str, Any]]:
    """Return the steps a campaign's yml writes, empty where it has no scenario."""
    steps = mapping(mapping(segment.meta.get("campaign")).get("scenario")).get("steps")
    return [mapping(step) for step in steps] if isinstance(steps, list) else []


def lint_scenario(project: Project, segment: Model) -> Iterator[Finding]:
    """Yield what is wrong with a campaign's scenario, if it has one."""
    campaign = mapping(segment.meta.get("campaign"))
    if segment.yml is None or "scenario" not in campaign:
        return
    path, scenario = segment.yml.path, mapping(campaign["scenario"])

    def at(*keys: str | int) -> int:
        return segment.line("campaign", "scenario", *keys)

    steps = steps_of(segment)
    before = -1
    for number, step in enumerate(steps):
        day = step.get("after_days")
        if isinstance(day, int) and day > before:
            before = day
        else:
            to_do = "whole days after the entry, each later than the one before"
            yield Finding(path, at("steps", number), f"after_days is {day!r}", to_do)
        yield from _lint_branches(project, segment, number, at("steps", number))
    for key in scenario.keys() - set(SETTINGS):
        to_do = f"a scenario has {', '.join(SETTINGS)}"
        yield Finding(path, at(key), f"no such setting {key!r}", to_do)
    if not steps:
        yield Finding(path, at("steps"), "no steps", "list them, each with its after_days")
    reentry, gap = scenario.get("reentry"), scenario.get("reentry_gap_days")
    if reentry not in REENTRY:
        to_do = f"say what happens on a second entry: one of {', '.join(REENTRY)}"
        yield Finding(path, at("reentry"), f"reentry is {reentry!r}", to_do)
    elif (reentry == "per_episode") != is_whole(gap, 1):
        to_do = "per_episode, and it alone, needs the days out of the segment before a new entry"
        yield Finding(path, at("reentry_gap_days"), f"reentry_gap_days is {gap!r}", to_do)
    if not is_whole(scenario.get("lapse_days"), 1):
        to_do = "days after the last step until the entry ends, from 1"
        wrong = f"lapse_days is {scenario.get('lapse_days')!r}"
        yield Finding(path, at("lapse_days"), wrong, to_do)
    for other in ("cooldown_days", "visited_within_days"):
        if campaign.get(other) not in (0, None):
            wrong = f"{other} is {campaign[other]!r} in a scenario"
            to_do = "write 0: the steps say when, a visit after the entry ends it"
            yield Finding(path, segment.line("campaign", other), wrong, to_do)


def _lint_branches(project: Project, segment: Model, number: int, line: int) -> Iterator[Finding]:
    assert segment.yml is not None  # noqa: S101 - the caller has looked
    step = steps_of(segment)[number]
    for branch in BRANCHES:
        tags = step.get(branch, [])
        if not isinstance(tags, list) or (number == 0 and tags):
            to_do = "the segment says whom the first step is for; later ones list tags"
            yield Finding(segment.yml.path, line, f"{branch} is {tags!r}", to_do)
            continue
        for tag in tags:
            if tag not in project.tags:
                yield Finding(segment.yml.path, line, f"no tag {tag!r}", "name one of models/tags/")
    for key in step.keys() - {"after_days", *BRANCHES}:
        to_do = f"a step has after_days, {', '.join(BRANCHES)}"
        yield Finding(segment.yml.path, line, f"no such setting {key!r}", to_do)
