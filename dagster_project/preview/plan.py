"""Which models to build again, and which to take from the published night as they are."""

from collections.abc import Set
from dataclasses import dataclass, field

from dbt.contracts.graph.manifest import Manifest

from dagster_project.rules import DECIDING, PROJECT, stands_on

# What the report reads.
WANTED = ("tag_catalog", "patient_tags", "delivery_decisions", "tag_member_findings")
# These read the yml of tags and segments, of which no version speaks, or what was read of it, and
# stop at a tag or a segment nobody listed: built anew whatever has changed.
ALWAYS = frozenset(
    {*WANTED, "campaigns", "campaign_steps", "segment_members", "tag_references", "retired_tags",
     "campaign_turns", *DECIDING}
)  # fmt: skip


@dataclass
class Plan:
    """Unique ids, parents first: to be built anew, and to be read from the published night."""

    builds: list[str] = field(default_factory=list)
    reads: list[str] = field(default_factory=list)

    def models(self, manifest: Manifest) -> list[str]:
        """Return the names of what dbt has to compile."""
        nodes = (manifest.nodes[unique_id] for unique_id in self.builds)
        return [node.name for node in nodes if node.resource_type == "model"]

    def reads_landing(self, manifest: Manifest) -> bool:
        """Return whether something to be built stands on the exports themselves."""
        landing = f"source.{PROJECT}.landing."
        return any(
            parent.startswith(landing)
            for unique_id in self.builds
            for parent in getattr(manifest.nodes[unique_id].depends_on, "nodes", [])
        )


def plan(manifest: Manifest, changed: Set[str], stored: Set[str]) -> Plan:
    """Return the least that has to be built, given what differs and what is stored."""
    made = Plan()
    seen: set[str] = set()

    def visit(unique_id: str) -> None:
        node = manifest.nodes.get(unique_id)  # sources are laid out whole
        if node is None or unique_id in seen:
            return
        seen.add(unique_id)
        is_model = node.resource_type == "model"
        own = stands_on(manifest, node.name) if is_model else {node.name}
        if node.name in stored and node.name not in ALWAYS and not own & changed:
            made.reads.append(unique_id)
            return
        for parent in getattr(node.depends_on, "nodes", []):
            visit(parent)
        made.builds.append(unique_id)

    for name in WANTED:
        visit(f"model.{PROJECT}.{name}")
    return made
