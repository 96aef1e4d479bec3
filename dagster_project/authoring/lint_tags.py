"""What a tag must say of itself, and that it stands in the list of tags exactly once."""

import re
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import date
from typing import Any

from dagster_project.authoring.finding import Finding, is_japanese, is_whole, is_written
from dagster_project.authoring.lint_examples import lint_examples
from dagster_project.authoring.lint_sql import lint_columns, lint_rule
from dagster_project.authoring.project import TAG, Model, Project
from dagster_project.authoring.yml import mapping

PRECEDENCE = re.compile(r"""patients_who_said\([^)]*["'](\w+)["']\s*\)""")
SENSITIVITIES = ("low", "medium", "high")
DAYS = 'days on which the law moves people, month and day in quotes (["04-01"])'
Check = tuple[str, Callable[[Any], bool], str]


def lint_tag(project: Project, tag: Model, as_of: date) -> Iterator[Finding]:
    """Yield what is wrong with one tag's SQL and yml."""
    yield from lint_rule(tag.sql)
    yield from lint_columns(tag.sql)
    if tag.yml is None:
        to_do = f"write {tag.name}.yml (`tagline new tag` shows what it says)"
        yield Finding(tag.sql.path, 1, "no yml beside it", to_do)
        return
    if tag.yml.error:
        return  # said once for every yml
    if tag.keys is None:
        to_do = f"describe it under `models:` as `name: {tag.name}`"
        yield Finding(tag.yml.path, 1, f"{tag.name} is not described", to_do)
        return
    yield from _lint_metadata(project, tag)
    yield from lint_examples(tag)
    review_on = day(tag.meta.get("review_on"))
    if review_on and review_on < as_of:
        wrong = f"review_on {review_on} has passed"
        to_do = f"{tag.meta.get('owner')} looks whether the tag is still right, and sets a new day"
        yield Finding(tag.yml.path, tag.line("review_on"), wrong, to_do, is_error=False)


def lint_list(project: Project) -> Iterator[Finding]:
    """Yield tags that patient_tags.sql does not list once, and names without a file."""
    path = project.tag_list
    sql = next((each for each in project.sql_files if each.path == path), None)
    listed = sql.listed("tags") if sql else None
    if listed is None:
        yield Finding(path, 1, "no list of tags", "write {% set tags = [...] %}")
        return
    counts = Counter(name for name, _ in listed)
    for name, tag in project.tags.items():
        if not counts[name]:
            yield Finding(tag.sql.path, 1, "not listed", f'add "{name}" to {path.name}')
    for name, line in listed:
        if name not in project.tags:
            to_do = f"write {TAG}{name}.sql in a folder of models/tags/, or drop it from the list"
            yield Finding(path, line, f'"{name}" is listed and has no file', to_do)
        elif counts[name] > 1:
            yield Finding(path, line, f'"{name}" is listed {counts[name]} times', "list it once")


def lint_folder(project: Project) -> Iterator[Finding]:
    """Yield files of the tag folders that belong to no tag."""
    for path in sorted(project.dbt_dir.glob("models/tags/*/*")):
        if path.suffix == ".yml" and not path.with_suffix(".sql").exists():
            yield Finding(path, 1, f"no {path.stem}.sql beside it", "write it, or drop this yml")
        elif path.suffix == ".sql" and not path.name.startswith(TAG):
            to_do = f"call it {TAG}<what is true of the patient>.sql, or move it to models/facts/"
            yield Finding(path, 1, "not the name of a tag", to_do)


def _lint_metadata(project: Project, tag: Model) -> Iterator[Finding]:
    assert tag.yml is not None  # noqa: S101 - the caller has looked
    if not (is_written(tag.said.get("description")) and is_japanese(tag.said["description"])):
        line = tag.yml.line(*(tag.keys or ()), "description")
        yield Finding(tag.yml.path, line, "no description", "say in Japanese who has the tag")
    checks: list[Check] = [
        ("label_ja", lambda it: is_written(it) and is_japanese(it), "name it in Japanese"),
        ("family", lambda it: it == tag.folder, f"it stands in the folder {tag.folder}"),
        ("owner", is_written, "write who answers for the tag (a role, 「院長」)"),
        ("purpose", is_written, "write what the tag is for"),
        (
            "validity_days",
            lambda it: is_whole(it, 1),
            "for how many days is a record good enough (over 0)",
        ),
        ("review_on", lambda it: day(it) is not None, "a day to look at it again (YYYY-MM-DD)"),
        ("sensitivity", lambda it: it in SENSITIVITIES, f"one of {', '.join(SENSITIVITIES)}"),
    ]
    if "moves_on" in tag.meta:
        checks.append(("moves_on", is_days, DAYS))
    if counts := PRECEDENCE.search(tag.sql.bare):
        to_do = f"its SQL says {counts[1]}: whose word counts where the answer and the EMR differ"
        checks.append(("precedence", lambda it: it == counts[1], to_do))
    for field, is_right, to_do in checks:
        value = tag.meta.get(field)
        if not is_right(value):
            wrong = f"no {field}" if value is None or value == "" else f"{field} is {value!r}"
            yield Finding(tag.yml.path, tag.line(field), wrong, to_do)
    fact = mapping(tag.meta.get("looks_at")).get("fact")
    if not isinstance(fact, str) or fact not in project.model_names:
        wrong = f"looks_at.fact is {fact!r}" if fact else "no looks_at.fact"
        to_do = "name the model whose rows decide (a file of models/facts/): `explain` shows them"
        yield Finding(tag.yml.path, tag.line("looks_at", "fact"), wrong, to_do)


def is_days(value: object) -> bool:
    """Return whether there is a list of days of a year, each as month and day (04-01)."""
    return isinstance(value, list) and all(
        isinstance(each, str) and len(each) == len("04-01") and day(f"2000-{each}")
        for each in value
    )


def day(value: object) -> date | None:
    """Return the day a value of yml says, None where it says none."""
    try:
        return date.fromisoformat(str(value)[:10] if isinstance(value, date) else str(value))
    except ValueError:
        return None
