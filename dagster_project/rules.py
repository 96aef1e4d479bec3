"""Rule versions: which rule decided a night, so that an edited rule is told from moved patients.

A tag's version is a hash of its SQL and of every model, seed and macro of ours that its
SQL stands on. The business day is a variable in them and no part of it; comments and
layout are not either.
"""

import hashlib
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from dbt.contracts.graph.manifest import Manifest

PROJECT = "tagline"
TAG = "tag_"
# The steps of a decision, each upon those before it.
DECIDING = (
    "candidate_messages",
    "contact_history",
    "delivery_reasons",
    "account_places",
    "quota_shares",
    "delivery_decisions",
)
COMMENT = re.compile(r"--[^\n]*|\{#.*?#\}", re.DOTALL)


@dataclass(frozen=True)
class Rules:
    """What tonight is decided by: a version for each tag, and for each model and seed."""

    tags: Mapping[str, str]
    nodes: Mapping[str, str]


UNVERSIONED = Rules({}, {})  # where nobody asks by which rule


def rules_of(manifest: Manifest) -> Rules:
    """Return the versions of everything in a parsed project."""
    return Rules(rule_versions(manifest), node_versions(manifest))


def node_versions(manifest: Manifest) -> dict[str, str]:
    """Return a hash of what each model and seed itself says, by its name."""
    return {
        node.name: _hash(_own(manifest, unique_id))
        for unique_id, node in manifest.nodes.items()
        if node.resource_type in {"model", "seed"}
    }


def version_without(manifest: Manifest, name: str, listed: Iterable[str]) -> str:
    """Return what the version of a model would be if its list did not have these names."""
    unique_id = f"model.{PROJECT}.{name}"
    bare = _bare(manifest.nodes[unique_id].raw_code)
    for each in listed:
        bare = bare.replace(f'"{each}", ', "")
    return _hash(bare + "".join(sorted(_macros(manifest, unique_id))))


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
    node = manifest.nodes[unique_id]
    # dbt adds the macros it meets only while it runs to those it parsed: a manifest that has
    # built one clinic would say something else of the next, so the text is asked as well.
    waiting = [*node.depends_on.macros, *_called(manifest, node.raw_code)]
    while waiting:
        macro_id = waiting.pop()
        macro = manifest.macros.get(macro_id)
        if macro is not None and macro.package_name == PROJECT and macro_id not in seen:
            seen.add(macro_id)
            yield _bare(macro.macro_sql)
            waiting += [*macro.depends_on.macros, *_called(manifest, macro.macro_sql)]


def _called(manifest: Manifest, text: str) -> list[str]:
    words = set(re.findall(r"\w+(?=\()", text))
    ours = (f"macro.{PROJECT}.{word}" for word in words)
    return [macro_id for macro_id in ours if macro_id in manifest.macros]


def _bare(sql: str) -> str:
    return " ".join(COMMENT.sub(" ", sql).split())


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:12]
