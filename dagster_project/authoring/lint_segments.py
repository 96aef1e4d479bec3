"""What a campaign folder must hold: who (SQL), when (yml), what (message.json), and which tags."""

import difflib
import re
from collections.abc import Callable, Iterator
from typing import Any

from dagster_project.authoring.finding import Finding, is_japanese, is_whole, is_written
from dagster_project.authoring.lint_examples import lint_examples
from dagster_project.authoring.lint_messages import AB, is_ab, lint_messages
from dagster_project.authoring.lint_scenarios import lint_scenario
from dagster_project.authoring.lint_sql import lint_columns, lint_rule
from dagster_project.authoring.lint_tags import DAYS, day, is_days
from dagster_project.authoring.lint_windows import HOURS, is_window
from dagster_project.authoring.project import SEGMENT, Model, Project
from dagster_project.authoring.yml import mapping

CYCLES = ("month", "half_year", "year")
IF_MISSED = ("next_window", "drop")  # the window goes by; without a word, the next one
STATE = re.compile(r"\bstate\s*(?:=|in\s*\()\s*'")


def lint_segment(project: Project, segment: Model) -> Iterator[Finding]:
    """Yield what is wrong with one campaign folder."""
    yield from lint_rule(segment.sql)
    yield from lint_columns(segment.sql)
    yield from _lint_state(segment)
    yield from lint_messages(segment)
    if segment.yml and segment.yml.error:
        return  # said once for every yml
    if segment.yml is None or segment.keys is None:
        to_do = f"describe {segment.name} in {segment.name}.yml, as the other campaigns are"
        yield Finding(segment.sql.path, 1, "not described", to_do)
        return
    yield from _lint_settings(project, segment)
    yield from _lint_tags(project, segment)
    yield from lint_scenario(project, segment)
    yield from lint_examples(segment)


def lint_campaigns(project: Project) -> Iterator[Finding]:
    """Yield campaign folders without a segment, and segments that are not listed once."""
    for folder in sorted(project.dbt_dir.glob("campaigns/*/")):
        path = folder / f"{SEGMENT}{folder.name}.sql"
        if not path.exists():
            yield Finding(path, 1, "the campaign has no segment", "write who it is for")
    path = project.segment_list
    sql = next((each for each in project.sql_files if each.path == path), None)
    listed = [name for name, _ in (sql.listed("segments") if sql else None) or []]
    for name, segment in project.segments.items():
        if listed.count(name) != 1:
            wrong = f"listed {listed.count(name)} times"
            yield Finding(segment.sql.path, 1, wrong, f'list "{name}" once in {path.name}')


def _lint_state(segment: Model) -> Iterator[Finding]:
    reads = re.findall(r"""\bref\(\s*["']patient_tags["']\s*\)""", segment.sql.bare)
    if len(STATE.findall(segment.sql.bare)) < len(reads):
        wrong = f"reads patient_tags {len(reads)} times and does not name the state each time"
        yield Finding(segment.sql.path, 1, wrong, "add state = 'has': unknown is never written to")


def _lint_settings(project: Project, segment: Model) -> Iterator[Finding]:
    assert segment.yml is not None  # noqa: S101 - the caller has looked
    for what, value in (("description", segment.said.get("description")),
                        ("label_ja", segment.meta.get("label_ja"))):  # fmt: skip
        if not (is_written(value) and is_japanese(value)):
            yield Finding(
                segment.yml.path, segment.line(what), f"no {what}", "write it in Japanese"
            )
    checks: dict[str, tuple[Callable[[Any], bool], str]] = {
        "purpose": (
            lambda it: it in project.purposes,
            "the consent it needs, as in consent_purposes: " + ", ".join(project.purposes),
        ),
        "owner": (is_written, "who made it: somebody else approves it"),
        "priority": (_is_whole(1), "a whole number from 1, the smaller goes first"),
        "step": (_is_whole(1), "a whole number from 1"),
        "cooldown_days": (_is_whole(0), "days until the same patient may hear of it again"),
        "cycle": (lambda it: it in CYCLES, f"one of {', '.join(CYCLES)}"),
        "visited_within_days": (_is_whole(0), "days after a visit without an invitation, or 0"),
        "tags": (lambda it: isinstance(it, list), "the tags it stands on, as a list"),
        "max_share_of_clinic": (_is_share, "a share over 0 and up to 1"),
    }
    if_set: dict[str, tuple[Callable[[Any], bool], str]] = {
        "urgent_days": (_is_whole(1), "days before the last day from which the text is another"),
        "attribution_days": (_is_whole(1), "days after a message in which a visit counts"),
        "moves_on": (is_days, DAYS),
        "min_members": (_is_whole(1), "the fewest people it is sent to"),
        "if_missed": (lambda it: it in IF_MISSED, f"one of {', '.join(IF_MISSED)}"),
        "not_after": (lambda it: day(it) is not None, "the last day it is sent (YYYY-MM-DD)"),
        "send_window": (is_window, HOURS),
        "holdout_share": (_is_share, "the share who are not written to, to compare with"),
        "ab": (is_ab, AB),
        "in_parts": (lambda it: isinstance(it, bool), "true or false"),
    }
    campaign = mapping(segment.meta.get("campaign"))
    if "approval" in campaign:
        checks["approval"] = (lambda it: it == "required", "required, or leave it out")
    checks |= {field: rule for field, rule in if_set.items() if field in campaign}
    # A setting nobody reads would be followed by nobody: a misspelt cap is no cap.
    known = [*checks, *if_set, "approval", "scenario"]
    for field in campaign.keys() - set(known):
        near = difflib.get_close_matches(str(field), known, n=1)
        to_do = f"write {near[0]}" if near else f"one of {', '.join(sorted(set(known)))}"
        line = segment.line("campaign", field)
        yield Finding(segment.yml.path, line, f"no such setting {field!r}", to_do)
    for field, (is_right, to_do) in checks.items():
        if not is_right(campaign.get(field)):
            wrong = f"campaign.{field} is {campaign[field]!r}" if field in campaign else (
                f"no campaign.{field}")  # fmt: skip
            yield Finding(segment.yml.path, segment.line("campaign", field), wrong, to_do)


def _lint_tags(project: Project, segment: Model) -> Iterator[Finding]:
    assert segment.yml is not None  # noqa: S101 - the caller has looked
    written = mapping(segment.meta.get("campaign")).get("tags")
    stated = [str(each) for each in written] if isinstance(written, list) else []
    line = segment.line("campaign", "tags")
    for name, at in segment.tags_named.items():
        if name not in project.tags:
            to_do = "name a tag of models/tags/, or write it (`tagline new tag`)"
            yield Finding(segment.sql.path, at, f"no tag {name!r}", to_do)
    for name in stated:
        if name not in project.tags:
            yield Finding(segment.yml.path, line, f"no tag {name!r}", "name one of models/tags/")
    # One that reads a fact names no tag in SQL: its yml says whose failed check would hold it.
    if "patient_tags" in segment.sql.bare and set(stated) != set(segment.tags_named):
        wrong = f"tags are [{', '.join(stated)}], its SQL names {', '.join(segment.tags_named)}"
        yield Finding(segment.yml.path, line, wrong, "a failed check holds the tags listed here: "
                      "list the same")  # fmt: skip


def _is_whole(least: int) -> Callable[[Any], bool]:
    return lambda it: is_whole(it, least)


def _is_share(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 < value <= 1
