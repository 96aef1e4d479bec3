"""Which rules differ between the working tree and the night that is published."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Literal

import duckdb
from dbt.contracts.graph.manifest import Manifest

from dagster_project.rules import Rules, version_without

# What patient_tags makes of every tag: by hand, retired.
ABOUT_ALL_TAGS = frozenset({"overrides_in_force", "retired_tags"})
Change = Literal["edited", "new", "removed", "same"]


class PreviewError(Exception):
    """The preview cannot be computed; the message says why and what to do."""


def said(error: duckdb.Error) -> str:
    """Return the database's message, without the values of patients that some of them quote."""
    if isinstance(error, (duckdb.ParserException, duckdb.BinderException, duckdb.CatalogException)):
        return str(error)  # of the SQL alone: no row was read
    return re.sub(r"'[^']*'|\"[^\"]*\"", "'…'", str(error))


@dataclass(frozen=True)
class Changes:
    """The rules before and after: versions of tags, and the models and seeds that differ."""

    before: Mapping[str, str]
    after: Mapping[str, str]
    nodes: frozenset[str]  # as the working tree has them: edited or new
    removed_nodes: frozenset[str]
    union_before: str | None = None  # version of patient_tags

    def of(self, tag: str) -> Change:
        """Return what became of a tag's rule."""
        if tag not in self.before:
            return "new"
        if tag not in self.after:
            return "removed"
        return "same" if self.before[tag] == self.after[tag] else "edited"

    def kept_tags(self, manifest: Manifest) -> list[str]:
        """Return the tags whose members are those of the night: none where the union differs."""
        new = [tag for tag in self.after if self.of(tag) == "new"]
        union = version_without(manifest, "patient_tags", new)
        if union != self.union_before or self.nodes & ABOUT_ALL_TAGS:
            return []
        return sorted(tag for tag in self.after if self.of(tag) == "same")

    def tags(self, asked: str | None) -> list[str]:
        """Return the tag asked for, or every tag whose rule differs.

        Raises PreviewError for a tag neither side knows.
        """
        known = sorted({*self.before, *self.after})
        if asked is None:
            return [tag for tag in known if self.of(tag) != "same"]
        if asked not in known:
            near = get_close_matches(asked, known, n=3)
            hint = f": {'、'.join(near)} のことですか" if near else ""
            raise PreviewError(f"タグ {asked} はありません / no such tag{hint}")
        return [asked]


def find_changes(con: duckdb.DuckDBPyConnection, now: Rules) -> Changes:
    """Return how the rules of the working tree differ from those of the attached night."""
    try:
        tags = con.execute("select tag, rule_version from published.meta.rule_versions").fetchall()
        nodes = con.execute("select node, version from published.meta.node_versions").fetchall()
    except duckdb.CatalogException:
        tags, nodes = [], []
    if not nodes:
        raise PreviewError(
            "公開された夜に規則の版がありません: 先に tagline nightly を実行してください"
            " / the published night has no rule versions: run `tagline nightly` first"
        )
    before = dict(nodes)
    return Changes(
        dict(tags),
        dict(now.tags),
        frozenset(name for name, version in now.nodes.items() if before.get(name) != version),
        frozenset(before.keys() - now.nodes.keys()),
        before.get("patient_tags"),
    )
