"""The SQL of one campaign, compiled once: of a night only the business day is put in."""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date

import duckdb
from dbt.contracts.graph.manifest import Manifest
from dbt.contracts.graph.nodes import ManifestNode

from dagster_project import transform
from dagster_project.preview.scratch import read_seed
from dagster_project.rules import PROJECT, TAG, tags
from dagster_project.settings import Settings

ANY_DAY = date(1900, 1, 1)  # stands in the compiled SQL where the business day goes
SEGMENT = "seg_"
# What a message of each campaign brings decides only which of several goes first.
OF_SEVERAL = "campaign_turns"


@dataclass(frozen=True)
class Table:
    """One model or seed, and the SQL that makes it on ANY_DAY."""

    name: str
    sql: str
    is_standing: bool  # the same every night: neither a day nor a record has a say in it

    def make(self, con: duckdb.DuckDBPyConnection, day: date) -> None:
        """Create it in the open warehouse as of a day."""
        # Only patient_tags reads a tag; any other view would be reckoned again by each reader.
        kind = "view" if self.name.startswith(TAG) else "table"
        sql = self.sql.replace(f"'{ANY_DAY}'", f"'{day}'")
        con.execute(f"create {kind} main.{self.name} as {sql}").fetchall()


def tables_of(
    settings: Settings, manifest: Manifest, campaign: str, wanted: Sequence[str]
) -> list[Table]:
    """Return what the wanted models stand on and themselves, parents first.

    There is one campaign in them; nobody is in the segments of the others, nobody holds a tag
    that it does not name. Raises DbtError.
    """
    named = _named_by(settings, manifest, campaign)
    nodes = list(_parents_first(manifest, named, wanted))
    models = [node.name for node in nodes if node.resource_type == "model"]
    compiled = _compile(settings, manifest, models)
    tables: list[Table] = []
    standing: set[str] = set()
    for node in nodes:
        if node.resource_type == "seed":
            sql = read_seed(settings.dbt_dir / node.original_file_path, node.config)
        elif not named(node.name):
            sql = _nobody(node)
        elif node.name == "campaigns":
            sql = f"from ({compiled[node.name]}) where campaign = '{campaign}'"
        else:
            sql = compiled[node.name]
        parents = _parents(node) if named(node.name) else []
        is_standing = f"'{ANY_DAY}'" not in sql and standing.issuperset(parents)
        if is_standing:
            standing.add(node.unique_id)
        tables.append(Table(node.name, sql, is_standing))
    return tables


def _named_by(settings: Settings, manifest: Manifest, campaign: str) -> Callable[[str], bool]:
    """Return what says whether a campaign has a use for a model: of segments and tags, its own."""
    segment = f"{SEGMENT}{campaign}"
    node = manifest.nodes[f"model.{PROJECT}.{segment}"]
    (sql,) = _compile(settings, manifest, [segment]).values()
    words = {*re.findall(r"\w+", f"{sql} {node.config.meta}")}

    def is_of_use(name: str) -> bool:
        if name.startswith(TAG):
            return name.removeprefix(TAG) in words or name not in tag_files
        if name == OF_SEVERAL:
            return False
        return not name.startswith(SEGMENT) or name == segment

    tag_files = {f"{TAG}{tag}" for tag in tags(manifest)}
    return is_of_use


def _parents_first(
    manifest: Manifest, is_of_use: Callable[[str], bool], wanted: Sequence[str]
) -> Iterator[ManifestNode]:
    seen: set[str] = set()

    def visit(unique_id: str) -> Iterator[ManifestNode]:
        node = manifest.nodes.get(unique_id)  # sources are laid in by the night
        if node is None or unique_id in seen:
            return
        seen.add(unique_id)
        if is_of_use(node.name):
            for parent in _parents(node):
                yield from visit(parent)
        yield node

    for name in wanted:
        kind = "model" if f"model.{PROJECT}.{name}" in manifest.nodes else "seed"
        yield from visit(f"{kind}.{PROJECT}.{name}")


def _compile(settings: Settings, manifest: Manifest, models: Sequence[str]) -> dict[str, str]:
    target = settings.dbt_target_dir()
    return transform.compile_models(manifest, settings.dbt_dir, target, ANY_DAY, models)


def _nobody(node: ManifestNode) -> str:
    nulls = (f"cast(null as {each.data_type}) as {each.name}" for each in node.columns.values())
    return f"select {', '.join(nulls)} where false"


def _parents(node: ManifestNode) -> list[str]:
    return list(getattr(node.depends_on, "nodes", []))
