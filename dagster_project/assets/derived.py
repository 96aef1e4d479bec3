"""Staging, facts, tags, segments, decisions: the dbt project as assets, its tests as checks.

Two steps, because the decisions read what the checks on the tags found: `derive`
builds everything up to the segments, `decide` builds ``models/delivery``.
"""

import re
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import dagster as dg
import duckdb
from dagster_dbt import DagsterDbtTranslator, DagsterDbtTranslatorSettings, dbt_assets

from dagster_project import publish, transform
from dagster_project.assets.waterfall import TABLE, waterfall_metadata
from dagster_project.settings import Settings

DELIVERY = "fqn:tagline.delivery"
NO_ASSETS = "resource_type:unit_test resource_type:seed"
GENERIC_TESTS = {
    "unique": "同じキーの行がふたつない",
    "unique_together": "同じキーの行がふたつない",
    "not_empty": "行がひとつ以上ある",
    "not_null": "空の値がない",
    "accepted_values": "決められた値だけである",
    "relationships": "参照先がある",
}
QUOTED = re.compile(r"'[^']*'")
UNIQUE_ID = "dagster_dbt/unique_id"
Events = Iterator[dg.MaterializeResult | dg.AssetCheckResult]


class Translator(DagsterDbtTranslator):
    """Names dbt nodes the way the rest of the graph does."""

    def __init__(self, dbt_dir: Path) -> None:
        self._dbt_dir = dbt_dir
        super().__init__(DagsterDbtTranslatorSettings(enable_duplicate_source_asset_keys=True))

    def get_asset_key(self, dbt_resource_props: Mapping[str, Any]) -> dg.AssetKey:
        """Return landing/<dataset>, one key for the other sources, the name for the rest."""
        if dbt_resource_props["resource_type"] != "source":
            return dg.AssetKey(dbt_resource_props["name"])
        source = dbt_resource_props["source_name"]
        if source == "landing":
            return dg.AssetKey(["landing", dbt_resource_props["name"]])
        return dg.AssetKey("audience_verdicts" if source == "checks" else "warehouse_input")

    def get_group_name(self, dbt_resource_props: Mapping[str, Any]) -> str | None:
        """Return the layer: the folder under models/, or segments for campaigns/."""
        if dbt_resource_props["resource_type"] == "source":
            return "landing"
        path = Path(dbt_resource_props["original_file_path"])
        if path.parts[0] == "campaigns":
            return "segments"
        return path.parts[1] if path.parts[0] == "models" else path.parts[0]

    def get_description(self, dbt_resource_props: Mapping[str, Any]) -> str:
        """Return the Japanese label, if any, the description, and the SQL itself."""
        label = dbt_resource_props.get("config", {}).get("meta", {}).get("label_ja")
        text = dbt_resource_props.get("description", "")
        said = f"{label}: {text}" if label else text
        sql = dbt_resource_props.get("raw_code")
        return f"{said}\n\n```sql\n{sql}\n```" if sql else said

    def get_metadata(self, dbt_resource_props: Mapping[str, Any]) -> Mapping[str, Any]:
        """Return dagster-dbt's own metadata and a link to the file that says the rule."""
        path = self._dbt_dir / dbt_resource_props["original_file_path"]
        link = dg.LocalFileCodeReference(file_path=str(path), line_number=1, label=path.name)
        return {
            **super().get_metadata(dbt_resource_props),
            "dagster/code_references": dg.CodeReferencesMetadataValue(code_references=[link]),
        }


def derived_assets(
    settings: Settings, partitions: dg.PartitionsDefinition
) -> list[dg.AssetsDefinition]:
    """Return the two dbt steps. dbt is parsed here, once, before the graph is known."""
    common = {
        "manifest": _manifest(settings.dbt_dir, settings.dbt_target_dir()),
        "dagster_dbt_translator": Translator(settings.dbt_dir),
        "partitions_def": partitions,
        "pool": "warehouse",
    }

    @dbt_assets(name="derive", exclude=f"{DELIVERY} {NO_ASSETS}", **common)
    def derive(context: dg.AssetExecutionContext, settings: dg.ResourceParam[Settings]) -> Events:
        # The seeds' rows are the repository's, not tonight's: the warehouse was opened with them.
        rules = ["--exclude", DELIVERY, "--exclude-resource-type", "seed"]
        yield from _run_step(context, settings, rules, "prepared", "derived")

    @dbt_assets(name="decide", select=DELIVERY, exclude=NO_ASSETS, **common)
    def decide(context: dg.AssetExecutionContext, settings: dg.ResourceParam[Settings]) -> Events:
        yield from _run_step(context, settings, ["--select", DELIVERY], "derived", "decided")

    return [derive, decide]


@cache
def _manifest(dbt_dir: Path, target_dir: Path) -> dict[str, Any]:
    """Return what manifest.json holds, with what each test says where dagster-dbt looks for it.

    Like the parse it comes from, it is made once: to write it out costs a fifth of a second.
    """
    parsed = transform.parse(dbt_dir, target_dir)
    manifest: dict[str, Any] = parsed.writable_manifest().to_dict(omit_none=False)
    for node in manifest["nodes"].values():
        if node["resource_type"] == "test":
            kind = (node.get("test_metadata") or {}).get("name", "")
            said = node["description"] or GENERIC_TESTS.get(kind)
            node["meta"] = {"description": said, **node["meta"]}
    return manifest


def _run_step(
    context: dg.AssetExecutionContext,
    settings: Settings,
    selection: list[str],
    before: str,
    after: str,
) -> Events:
    """Build one whole step, always: a half-built warehouse must never look like a night."""
    work = settings.work_path(context.partition_key)
    with duckdb.connect(str(work)) as con:
        publish.require_stage(con, before)
        build = publish.build_of(con)
    results = transform.build(
        settings.dbt_dir, settings.dbt_target_dir(), work, build.as_of, selection
    )
    with duckdb.connect(str(work)) as con:
        yield from _events(context, results, con)
        bad = [node for node in results if not node.is_ok]
        if not bad and results:
            publish.set_stage(con, build, after)
            return
    # A database error may quote the cell it choked on; the history keeps it for ever.
    causes = [node for node in bad if node.status != "skipped"] or bad
    broken = "; ".join(f"{n.unique_id}: {QUOTED.sub('…', n.message)}" for n in causes[:10])
    raise dg.Failure(f"dbt: {broken or 'nothing was built'}", allow_retries=False)


def _events(
    context: dg.AssetExecutionContext,
    results: list[transform.NodeResult],
    con: duckdb.DuckDBPyConnection,
) -> Events:
    members = _members(con)
    graph, here = context.job_def.asset_layer.asset_graph, context.assets_def.keys
    assets = {spec.metadata[UNIQUE_ID]: spec.key for spec in context.assets_def.specs}
    checks = {spec.metadata[UNIQUE_ID]: spec for spec in context.assets_def.check_specs}
    for node in results:
        if key := assets.get(node.unique_id):
            if node.is_ok and key in context.selected_asset_keys:
                about = _about(con, key, node, members)
                if graph.get(key).child_keys <= here:
                    # No other step waits for it: one event says all, a result costs four.
                    partition = context.partition_key
                    context.log_event(dg.AssetMaterialization(key, None, about, partition))
                else:
                    yield dg.MaterializeResult(asset_key=key, metadata=about)
            continue
        spec = checks.get(node.unique_id)
        if spec and node.status != "skipped" and spec.key in context.selected_asset_check_keys:
            yield _check(spec, node)


def _members(con: duckdb.DuckDBPyConnection) -> dict[str, dict[str, int]]:
    """Return what was counted of each tag, by the name of its model; nothing before it was."""
    try:
        found = con.execute('select tag, has, "unknown", gained, lost from tag_counts').fetchall()
    except duckdb.CatalogException:
        return {}
    names = ("members", "unknown", "gained", "lost")
    return {f"tag_{tag}": dict(zip(names, counts, strict=True)) for tag, *counts in found}


def _about(
    con: duckdb.DuckDBPyConnection,
    key: dg.AssetKey,
    node: transform.NodeResult,
    members: Mapping[str, Mapping[str, int]],
) -> dict[str, Any]:
    name, seconds = key.path[-1], {"seconds": round(node.seconds, 2)}
    if counts := members.get(name):  # a tag is a view: counting it again would derive it again
        return {"dagster/row_count": counts["members"] + counts["unknown"], **counts, **seconds}
    (rows,) = con.execute(f"select count(*) from {name}").fetchall()[0]
    more = waterfall_metadata(con) if name == TABLE else {}
    return {"dagster/row_count": rows, **seconds, **more}


def _check(spec: dg.AssetCheckSpec, node: transform.NodeResult) -> dg.AssetCheckResult:
    return dg.AssetCheckResult(
        asset_key=spec.asset_key,
        check_name=spec.name,
        passed=node.status == "pass",
        severity=dg.AssetCheckSeverity.ERROR if spec.blocking else dg.AssetCheckSeverity.WARN,
        description=spec.description,
        metadata={"expected": "0 rows that break the rule", "found": node.failures or 0},
    )
