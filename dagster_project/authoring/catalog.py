"""`tagline catalog`: every tag, its rule, its examples and what it counts, for people to read."""

import csv
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import duckdb
from rich.console import Console

from dagster_project import transform
from dagster_project.authoring.catalog_counts import ClinicCount, clinic_counts
from dagster_project.authoring.catalog_examples import Example, examples
from dagster_project.authoring.catalog_review import decided, groups
from dagster_project.authoring.project import Model, Project
from dagster_project.authoring.words import FAMILIES
from dagster_project.authoring.yml import mapping
from dagster_project.clinic import clinic_ids
from dagster_project.ledger.store import open_existing
from dagster_project.ledger.tag_decisions import decisions, retired
from dagster_project.review.read import Review, read_review
from dagster_project.rules import rule_versions
from dagster_project.settings import Settings

SHOWN = (
    "label_ja", "owner", "purpose", "validity_days", "review_on", "sensitivity", "precedence",
    "source",
)  # fmt: skip


@dataclass(frozen=True)
class Entry:
    """One tag as its author describes it, and what it counts at each clinic."""

    name: str
    rule: str
    description: str
    meta: Mapping[str, object]
    version: str | None
    campaigns: Sequence[tuple[str, str]]  # name and label
    examples: Sequence[Example]
    counts: Sequence[ClinicCount]


@dataclass(frozen=True)
class Family:
    """One folder of tags."""

    name: str
    label: str
    entries: Sequence[Entry]


def read_catalog(
    project: Project,
    versions: Mapping[str, str],
    counts: Sequence[Mapping[str, ClinicCount]],
) -> list[Family]:
    """Return the tags by family, in the order patient_tags.sql lists them."""
    labels = _labels(project)

    def entry(name: str) -> Entry:
        tag = project.tags[name]
        return Entry(
            name=name,
            rule=tag.sql.rule,
            description=str(tag.said.get("description") or ""),
            meta={**dict.fromkeys(SHOWN), **tag.meta},
            version=versions.get(name),
            campaigns=_used_by(project, name),
            examples=examples(tag, labels),
            counts=[clinic[name] for clinic in counts if name in clinic],
        )

    return [
        Family(family, FAMILIES.get(family, family), [entry(name) for name in names])
        for family, names in project.families.items()
    ]


def run_catalog(settings: Settings, out: Path | None, console: Console) -> int:
    """Write the page and print where it is; what cannot be known is left out, and said."""
    # Jinja costs a moment, and only this command draws a page.
    from dagster_project.authoring.catalog_page import render_catalog  # noqa: PLC0415

    project, as_of = Project(settings.dbt_dir), settings.as_of()
    families = read_catalog(project, _versions(settings, console), _counts(settings, console))
    labels = {name: str(tag.meta.get("label_ja") or name) for name, tag in project.tags.items()}
    engine = open_existing(settings.ledger())
    page = render_catalog(
        families,
        as_of,
        groups(_reviews(settings, console)),
        decided(decisions(engine) if engine else [], labels),
        {tag: it.made_on for tag, it in (retired(engine, as_of) if engine else {}).items()},
    )
    path = out or settings.data_dir / "pages" / "tags.html"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(page, encoding="utf-8")
    console.print(str(path), markup=False, highlight=False, soft_wrap=True)
    return 0


def _versions(settings: Settings, console: Console) -> dict[str, str]:
    try:
        return rule_versions(transform.parse(settings.dbt_dir, settings.dbt_target_dir()))
    except transform.DbtError as error:
        said = f"without rule versions, dbt cannot read the project: {error}"
        console.print(said, markup=False, highlight=False, soft_wrap=True)
        return {}


def _counts(settings: Settings, console: Console) -> list[Mapping[str, ClinicCount]]:
    found: list[Mapping[str, ClinicCount]] = []
    for clinic_id in clinic_ids(settings.exports_dir):
        try:
            found.append(clinic_counts(clinic_id, settings.published_path(clinic_id)))
        except duckdb.Error:
            said = f"{clinic_id}: without counts, an older version published it: run `nightly`"
            console.print(said, markup=False, highlight=False, soft_wrap=True)
    return found


def _reviews(settings: Settings, console: Console) -> list[Review]:
    found: list[Review] = []
    for clinic_id in clinic_ids(settings.exports_dir):
        try:
            review = read_review(settings.published_path(clinic_id))
        except duckdb.Error:
            said = f"{clinic_id}: without a review, an older version published it: run `nightly`"
            console.print(said, markup=False, highlight=False, soft_wrap=True)
            continue
        if review:
            found.append(review)
    return found


def _labels(project: Project) -> dict[str, str]:
    """Return what staff call a value: an item, or what tags are named after (6_15, female)."""
    labels = dict(_items(project.dbt_dir / "seeds" / "observation_items.csv"))
    for name, tag in project.tags.items():
        label = str(tag.meta.get("label_ja") or name)
        labels[name] = labels[name.removeprefix(f"{tag.folder}_")] = label
    return labels


def _items(path: Path) -> Iterator[tuple[str, str]]:
    if path.exists():
        with path.open(encoding="utf-8", newline="") as file:
            for row in csv.DictReader(file):
                yield row["item"], row["label_ja"]


def _used_by(project: Project, tag: str) -> list[tuple[str, str]]:
    return [
        (name, str(segment.meta.get("label_ja") or name))
        for name, segment in project.segments.items()
        if tag in segment.tags_named or tag in _stated(segment)
    ]


def _stated(segment: Model) -> Sequence[object]:
    tags = mapping(segment.meta.get("campaign")).get("tags")
    return tags if isinstance(tags, list) else []
