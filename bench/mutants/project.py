"""The marked copy of the dbt project, and what dbt made of it: models and unit tests as SQL."""

import csv
import os
import re
import shutil
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from dbt.adapters.duckdb.connections import DuckDBConnectionManager
from dbt.adapters.factory import reset_adapters
from dbt.artifacts.resources import UnitTestInputFixture
from dbt.artifacts.schemas.run import RunResult
from dbt.cli.main import dbtRunner
from dbt.contracts.graph.nodes import ManifestNode, UnitTestDefinition

from bench.mutants.sites import Marker, Site
from bench.mutants.sql import Sql
from dagster_project import transform
from dagster_project.clinic import load_clinic
from dagster_project.prepare import Night, prepare
from dagster_project.publish import Build
from dagster_project.settings import ROOT

sys.path.insert(0, str(ROOT / "tests"))
from clinic_builder import write_clinic
from nights import MONDAY, at

RULES = ("models/staging", "models/facts", "models/tags", "macros")
# They write SQL for dbt, or read the yml, or say what is to be looked at again (test_review.py),
# or who may be reached (test_chat_and_night.py): no patient has or lacks a tag by them.
NO_RULES = {
    "materializations",
    "campaigns",
    "tags",
    "tag_catalog",
    "retired_tags",
    "tag_references",
}
NO_RULES |= {"review", "tag_review", "tag_overlaps", "tag_member_findings", "stg_line_links"}


class NotGreenError(Exception):
    """A unit test does not pass as it stands, so nothing it says of mutants would mean anything."""


@dataclass(frozen=True)
class Case:
    """A unit test of dbt's: its SQL, fixtures and all, and the rows it must give."""

    name: str
    model: str
    sql: Sql
    columns: tuple[str, ...]
    rows: Sequence[Mapping[str, object]]
    seeds: frozenset[str]  # those it reads as they are


@dataclass(frozen=True)
class Marked:
    """A marked project, parsed, with a warehouse in which every relation stands."""

    dbt_dir: Path
    target: Path
    warehouse: Path
    sites: Mapping[int, Site]

    def models(self, names: Sequence[str], as_of: date = MONDAY) -> dict[str, Sql]:
        """Return the SQL of models as of a day."""
        manifest = transform.parse(self.dbt_dir, self.target)
        compiled = transform.compile_models(manifest, self.dbt_dir, self.target, as_of, names)
        return {name: Sql.of(sql) for name, sql in compiled.items()}

    def decides_tags(self) -> list[ManifestNode]:
        """Return the models and seeds that patient_tags stands on, each after what it reads."""
        nodes = transform.parse(self.dbt_dir, self.target).nodes
        order: dict[str, ManifestNode] = {}

        def visit(node: ManifestNode) -> None:
            for unique_id in node.depends_on_nodes:
                if unique_id in nodes and unique_id not in order:
                    visit(nodes[unique_id])
            order[node.unique_id] = node

        visit(next(node for node in nodes.values() if node.name == "patient_tags"))
        return list(order.values())

    def rule_seeds(self) -> set[str]:
        """Return the seeds that a model which decides tags, and is marked, reads."""
        nodes = self.decides_tags()
        models = [node for node in nodes if node.resource_type == "model"]
        rules = [node for node in models if node.name not in NO_RULES]
        read = {unique_id for node in rules for unique_id in node.depends_on_nodes}
        seeds = (node for node in nodes if node.resource_type == "seed")
        return {node.name for node in seeds if node.unique_id in read}

    def rule_models(self) -> list[str]:
        """Return the models whose files are marked."""
        files = {Path(site.file) for site in self.sites.values()}
        return sorted(file.stem for file in files if file.parts[1] == "models")

    def cases(self, names: Sequence[str]) -> list[Case]:
        """Run dbt's unit tests of models and return them. Raises NotGreenError with the failed."""
        selected = [f"{name},test_type:unit" for name in names]
        results = self._test(["--select", *selected])
        broken = [f"{result.node.name}: {result.message}" for result in results if not _ok(result)]
        if broken:
            raise NotGreenError("\n".join(broken))
        definitions = transform.parse(self.dbt_dir, self.target).unit_tests
        return [
            self._case(definitions[result.node.unique_id], str(result.node.compiled_code))
            for result in results
        ]

    def _case(self, test: UnitTestDefinition, sql: str) -> Case:
        seeds: set[str] = set()
        for given in test.given:
            seed = self._seed(given)
            if seed is None:
                continue
            seeds.add(seed)
            if not isinstance(given.rows, str):
                # dbt writes a seed's rows into the SQL; here the name is to mean the seed itself.
                sql = sql.replace(f"__dbt__cte__{seed} as (", f"__as_given__{seed} as (", 1)
        rows = list(test.expect.rows or [])
        columns = tuple(rows[0] if rows else ())
        return Case(test.name, test.model, Sql.of(sql), columns, rows, frozenset(seeds))

    def _seed(self, given: UnitTestInputFixture) -> str | None:
        """Return the seed whose own rows a test is given, all or by a query of some, if it is."""
        name = re.fullmatch(r"""ref\(["'](\w+)["']\)""", given.input)
        path = self.dbt_dir / "seeds" / f"{name[1] if name else ''}.csv"
        if name is None or not path.exists():
            return None
        if isinstance(given.rows, str):
            return name[1] if re.search(rf"from {name[1]}\b", given.rows) else None
        with path.open(encoding="utf-8", newline="") as file:
            header, *rows = csv.reader(file)
        given_rows = given.rows or []
        is_seed = len(given_rows) == len(rows) and list(given_rows[0]) == header
        return name[1] if is_seed else None

    def _test(self, selection: Sequence[str]) -> list[RunResult]:
        os.environ["TAGLINE_WAREHOUSE"] = str(self.warehouse)
        command = ["test", "--no-write-json", "--vars", f"{{as_of: '{MONDAY}'}}", *selection]
        command += ["--project-dir", str(self.dbt_dir), "--profiles-dir", str(self.dbt_dir)]
        command += ["--target-path", str(self.target), "--log-path", str(self.target)]
        runner = dbtRunner(manifest=transform.parse(self.dbt_dir, self.target))
        try:
            outcome = runner.invoke([*transform.QUIET, *command])
        finally:
            DuckDBConnectionManager.close_all_connections()
            reset_adapters()
        if outcome.exception is not None:
            raise transform.DbtError(str(outcome.exception))
        found = outcome.result.results
        return [each for each in found if each.node.resource_type == "unit_test"]


def marked_project(folder: Path, original: Path = ROOT / "dbt") -> Marked:
    """Copy a dbt project into a folder with its rules marked, and build it on no data."""
    dbt_dir, target = folder / "dbt", folder / "target"
    shutil.copytree(original, dbt_dir, ignore=shutil.ignore_patterns("target", "logs"))
    marker = Marker()
    for rules in RULES:
        for path in sorted((dbt_dir / rules).rglob("*.sql")):
            if path.stem not in NO_RULES:
                name = f"dbt/{path.relative_to(dbt_dir)}"
                path.write_text(marker.mark(name, path.read_text("utf-8")), "utf-8")
    clinic = load_clinic(write_clinic(folder, "units", MONDAY, {}) / "clinic.yaml")
    warehouse = folder / "warehouse.duckdb"
    build = Build(clinic.clinic_id, "mutants", MONDAY, at(MONDAY, 2))
    prepare(warehouse, Night(build, clinic, folder / "landing", folder / "none"))
    only_relations = ["--exclude-resource-type", "test"]
    results = transform.build(dbt_dir, target, warehouse, MONDAY, only_relations)
    broken = [f"{node.unique_id}: {node.message}" for node in results if not node.is_ok]
    if broken:
        raise NotGreenError("\n".join(broken))
    return Marked(dbt_dir, target, warehouse, marker.sites)


def _ok(result: RunResult) -> bool:
    return str(result.status) == "pass"
