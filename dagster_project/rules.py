"""Rule versions: which rule decided a night, so that an edited rule is told from moved patients.

A tag's version is a hash of its SQL and of every model, seed and macro of ours that its
SQL stands on. The business day is a variable in them and no part of it; comments and
layout are not either.
"""

import hashlib
import re
from collections.abc import Iterator

from dbt.contracts.graph.manifest import Manifest

PROJECT = "tagline"
TAG = "tag_"
COMMENT = re.compile(r"--[^\n]*|\{#.*?#\}", re.DOTALL)


def node_versions(manifest: Manifest) -> dict[str, str]:
    """Return a hash of what each model and seed itself says, by its name."""
    return {
        node.name: _hash(_own(manifest, unique_id))
        for unique_id, node in manifest.nodes.items()
        if node.resource_type in {"model", "seed"}
    }


def rule_versions(manifest: Manifest) -> dict[str, str]:
    """Return the rule version of each tag: twelve hex digits."""
    own = node_versions(manifest)
    return {
        tag: _hash("".join(sorted(own[name] for name in stands_on(manifest, f"{TAG}{tag}"))))
        for tag in tags(manifest)
    }


def tags(manifest: Manifest) -> list[str]:
    """Return every tag with a file of its own, by name."""
    return sorted(
        node.name.removeprefix(TAG)
        for node in manifest.nodes.values()
        if node.resource_type == "model"
        and node.name.startswith(TAG)
        and re.fullmatch(r"models/tags/[^/]+/[^/]+\.sql", node.original_file_path)
    )


def stands_on(manifest: Manifest, name: str) -> set[str]:
    """Return a model's name and those of all models and seeds it reads, directly or not."""
    found: set[str] = set()
    waiting = [f"model.{PROJECT}.{name}"]
    while waiting:
        unique_id = waiting.pop()
        node = manifest.nodes.get(unique_id)  # sources are not ours to version
        if node is not None and node.name not in found:
            found.add(node.name)
            waiting += getattr(node.depends_on, "nodes", [])
    return found


def _own(manifest: Manifest, unique_id: str) -> str:
    node = manifest.nodes[unique_id]
    if node.resource_type == "seed":
        return str(node.checksum.checksum)
    return _bare(node.raw_code) + "".join(sorted(_macros(manifest, unique_id)))


def _macros(manifest: Manifest, unique_id: str) -> Iterator[str]:
    seen: set[str] = set()
    waiting = list(manifest.nodes[unique_id].depends_on.macros)
    while waiting:
        macro_id = waiting.pop()
        macro = manifest.macros.get(macro_id)
        if macro is not None and macro.package_name == PROJECT and macro_id not in seen:
            seen.add(macro_id)
            yield _bare(macro.macro_sql)
            waiting += macro.depends_on.macros


def _bare(sql: str) -> str:
    return " ".join(COMMENT.sub(" ", sql).split())


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:12]
