"""The dbt project: parsed once, run in this process, its nodes turned into plain results.

dbt in process costs about 4 s less a step than a subprocess, and makes no call to
the package index. One parsed manifest serves every clinic: only the file behind
``TAGLINE_WAREHOUSE`` and the variable ``as_of`` change.
"""

import hashlib
import os
import shutil
import uuid
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import date
from functools import cache
from pathlib import Path

from dbt.adapters.duckdb.connections import DuckDBConnectionManager
from dbt.adapters.factory import reset_adapters
from dbt.artifacts.schemas.run import RunResult
from dbt.cli.main import dbtRunner
from dbt.contracts.graph.manifest import Manifest

WAREHOUSE = "warehouse.duckdb"  # the name of the file is the name of dbt's database
QUIET = ("--log-level", "none", "--log-level-file", "none", "--no-use-colors")


class DbtError(Exception):
    """dbt could not parse or run; the message is dbt's own."""


@dataclass(frozen=True)
class NodeResult:
    """What became of one dbt node: a model, a seed or a test."""

    unique_id: str
    status: str  # success | pass | warn | error | fail | skipped
    seconds: float
    message: str
    failures: int | None

    @property
    def is_ok(self) -> bool:
        """Return whether the node did what it should; a warning is not a failure."""
        return self.status in {"success", "pass", "warn"}


@cache
def parse(dbt_dir: Path, target_dir: Path) -> Manifest:
    """Return dbt's parsed manifest."""
    return parse_again(dbt_dir, target_dir)


def parse_again(dbt_dir: Path, target_dir: Path) -> Manifest:
    """Return the manifest of the project as its files stand now, whatever was parsed before."""
    # Nothing opens it. Another name, or folder, would throw dbt's partial parse away.
    os.environ["TAGLINE_WAREHOUSE"] = WAREHOUSE
    target_dir.mkdir(parents=True, exist_ok=True)
    try:
        outcome = dbtRunner().invoke(
            [*QUIET, "parse", "--no-write-json", *_folders(dbt_dir, target_dir)]
        )
    finally:
        _let_go()
    if not outcome.success:
        raise DbtError(str(outcome.exception or "dbt parse failed"))
    return outcome.result


def build(
    dbt_dir: Path, target_dir: Path, warehouse: Path, as_of: date, selection: Sequence[str]
) -> list[NodeResult]:
    """Build the selected nodes and their data tests in a warehouse file, as of a day.

    Returns one result per node that dbt touched, also when some failed. Raises
    DbtError when dbt could not start at all. Unit tests say what a tag means, not
    whether tonight's data is sound, and are left to `make test`.
    """
    runner = dbtRunner(manifest=parse(dbt_dir, target_dir))
    os.environ["TAGLINE_WAREHOUSE"] = str(warehouse)
    command = ["build", "--no-write-json", "--vars", f"{{as_of: '{as_of}'}}"]
    command += ["--exclude-resource-type", "unit_test", "--no-populate-cache"]
    try:
        outcome = runner.invoke([*QUIET, *command, *_folders(dbt_dir, target_dir), *selection])
    finally:
        _let_go()
    if outcome.exception is not None:
        raise DbtError(str(outcome.exception))
    return [_result(node) for node in getattr(outcome.result, "results", [])]


def seeded(dbt_dir: Path, target_dir: Path) -> Path:
    """Return a warehouse file that holds the seeds alone, built anew when any of them changed.

    Every night of every clinic starts from it: what the seeds say is the repository's, not
    tonight's. Raises DbtError, naming the seeds that could not be read.
    """
    manifest = parse(dbt_dir, target_dir)
    said = [(dbt_dir / "macros" / "seeds.sql").read_text(encoding="utf-8")]
    for unique_id, node in sorted(manifest.nodes.items()):
        if node.resource_type == "seed":
            said.append(f"{unique_id} {node.checksum.checksum} {node.config.column_types}")
    version = hashlib.sha256("\n".join(said).encode()).hexdigest()[:12]
    folder = target_dir / f"seeds-{version}"
    if not folder.exists():
        aside = target_dir / f"seeds-{uuid.uuid4().hex}"
        aside.mkdir(parents=True)
        try:
            # Any day does: no seed asks which one it is.
            only = ["--select", "resource_type:seed"]
            results = build(dbt_dir, target_dir, aside / WAREHOUSE, date.min, only)
            if bad := [f"{node.unique_id}: {node.message}" for node in results if not node.is_ok]:
                raise DbtError("\n".join(bad))
            with suppress(OSError):  # another process was quicker, and built the same
                aside.rename(folder)
        finally:
            shutil.rmtree(aside, ignore_errors=True)
    return folder / WAREHOUSE


def compile_models(
    manifest: Manifest, dbt_dir: Path, target_dir: Path, as_of: date, names: Sequence[str]
) -> dict[str, str]:
    """Return the SQL of the named models as of a day, without touching a warehouse.

    Raises DbtError with dbt's message on what does not compile.
    """
    command = ["compile", "--no-write-json", "--no-introspect", "--no-populate-cache"]
    command += ["--vars", f"{{as_of: '{as_of}'}}", "--indirect-selection", "empty"]
    command += [*_folders(dbt_dir, target_dir), "--select", *names]
    try:
        outcome = dbtRunner(manifest=manifest).invoke([*QUIET, *command])
    finally:
        _let_go()
    if outcome.exception is not None:
        raise DbtError(str(outcome.exception))
    bad = [str(node.message) for node in outcome.result.results if not _result(node).is_ok]
    if bad:
        raise DbtError("\n".join(bad))
    return {each.node.name: str(each.node.compiled_code) for each in outcome.result.results}


def _let_go() -> None:
    """Close the warehouse file and forget the adapter, which would keep using it for ever."""
    DuckDBConnectionManager.close_all_connections()
    reset_adapters()


def _folders(dbt_dir: Path, target_dir: Path) -> list[str]:
    folders = {"--project-dir": dbt_dir, "--profiles-dir": dbt_dir}
    # dbt would make a folder for logs it is told not to write, among the rules.
    folders |= {"--target-path": target_dir, "--log-path": target_dir}
    return [word for option, path in folders.items() for word in (option, str(path))]


def _result(node: RunResult) -> NodeResult:
    return NodeResult(
        unique_id=node.node.unique_id,
        status=str(node.status),
        seconds=float(node.execution_time),
        message=str(node.message or ""),
        failures=node.failures,
    )
