"""The preview of one clinic: the published night against the working tree's rules."""

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date

import duckdb
from dbt.contracts.graph.manifest import Manifest

from dagster_project import transform
from dagster_project.clinic import Clinic
from dagster_project.preview.campaign_diff import CampaignDiff, campaign_diffs
from dagster_project.preview.changes import Changes, PreviewError, find_changes
from dagster_project.preview.plan import plan
from dagster_project.preview.scratch import build_scratch, open_published, stored_models
from dagster_project.preview.tag_diff import TagDiff, count_tags, examples, warnings
from dagster_project.publish import Build, build_of
from dagster_project.rules import Rules
from dagster_project.settings import Settings


@dataclass(frozen=True)
class Preview:
    """What would change at one clinic; campaigns are those that use a tag shown, or differ."""

    build: Build
    monthly_limit: int | None
    tags: Sequence[TagDiff]
    campaigns: Sequence[CampaignDiff]
    edited_nodes: Sequence[str]

    @property
    def is_empty(self) -> bool:
        """Return whether there is nothing to show: no tag, and nobody treated differently."""
        return not self.tags and not self.campaigns


def preview(
    settings: Settings, clinic: Clinic, manifest: Manifest, rules: Rules, asked: str | None
) -> Preview:
    """Return what the working tree's rules would change at a clinic, and write nothing.

    Raises PreviewError, or DbtError for SQL that does not compile.
    """
    path = settings.published_path(clinic.clinic_id)
    if not path.exists():
        raise PreviewError(
            "まだ公開された夜がありません: 先に tagline nightly を実行してください"
            " / no published night: run `tagline nightly` first"
        )
    with open_published(path) as con:
        build = build_of_published(con)
        changes = find_changes(con, rules)
        shown = changes.tags(asked)
        made = plan(manifest, changes.nodes, stored_models(con))
        database = build_scratch(
            con,
            manifest,
            made,
            lambda names: _compile(settings, manifest, build.as_of, names),
            settings.landing_dir() / clinic.clinic_id,
            settings.dbt_dir,
            changes.kept_tags(manifest),
        )
        tags = _tag_diffs(con, database, changes, shown, _labels(con, database))
        campaigns = [
            each
            for each in campaign_diffs(con, database)
            if each.is_changed or any(each.uses(tag) for tag in shown)
        ]
        edited = sorted(changes.nodes | changes.removed_nodes)
        return Preview(build, clinic.line.monthly_limit, tags, campaigns, edited)


def build_of_published(con: duckdb.DuckDBPyConnection) -> Build:
    """Return the published build behind a connection that has it attached."""
    con.execute("use published").fetchall()
    return build_of(con)


def _compile(
    settings: Settings, manifest: Manifest, as_of: date, names: Sequence[str]
) -> Mapping[str, str]:
    target = settings.dbt_target_dir()
    return transform.compile_models(manifest, settings.dbt_dir, target, as_of, names)


def _tag_diffs(
    con: duckdb.DuckDBPyConnection,
    database: str,
    changes: Changes,
    shown: Sequence[str],
    labels: Mapping[str, str],
) -> list[TagDiff]:
    key = secrets.token_bytes(16)
    counts = count_tags(con, database, shown) if shown else {}
    said = warnings(con, database, labels) if shown else {}
    diffs = []
    for tag in shown:
        gained, lost, kept, unknown_before, unknown_after = counts.get(tag, (0, 0, 0, 0, 0))
        diff = TagDiff(
            tag=tag,
            label_ja=labels.get(tag, tag),
            change=changes.of(tag),
            version_before=changes.before.get(tag),
            version_after=changes.after.get(tag),
            gained=gained,
            lost=lost,
            kept=kept,
            unknown_before=unknown_before,
            unknown_after=unknown_after,
            gained_examples=[],
            lost_examples=[],
            warnings=said.get(tag, []),
        )
        if gained:
            diff = replace(diff, gained_examples=examples(con, tag, database, "published", key))
        if lost:
            diff = replace(diff, lost_examples=examples(con, tag, "published", database, key))
        diffs.append(diff)
    return diffs


def _labels(con: duckdb.DuckDBPyConnection, database: str) -> dict[str, str]:
    """Return the tags' Japanese names, as the working tree has them where it has them."""
    labels = [
        con.execute(f"select tag, label_ja from {side}.main.tag_catalog").fetchall()
        for side in ("published", database)
    ]
    return {tag: label for side in labels for tag, label in side}
