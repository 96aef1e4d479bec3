"""Mutants: one mistake each, wherever the place it is made in has found its way to."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from bench.mutants.mutations import edits
from bench.mutants.sites import Site
from bench.mutants.sql import Edit, Sql


@dataclass
class Mutant:
    """One mistake: where it is made, and how.

    In SQL it is edits, by the name of the unit test or model whose SQL they are made in; in
    a seed it is a statement that changes the table.
    """

    file: str
    line: int
    text: str
    kind: str
    before: str
    after: str
    edits: dict[str, list[Edit]] = field(default_factory=dict)
    seed: str = ""
    change: str = ""

    def __str__(self) -> str:
        """Return file, line, before and after, for a person."""
        before, after = self.before or "(nothing)", self.after.strip() or "(nothing)"
        return f"{self.file}:{self.line}  {self.kind}: {before} -> {after}\n    {self.text}"


def mutants(
    texts: Mapping[str, tuple[str, Sql]], sites: Mapping[int, Site], dbt_dir: Path
) -> list[Mutant]:
    """Return every mutant of the named SQL, each given with the name of the model it belongs to."""
    found: dict[tuple[object, ...], Mutant] = {}
    for name, (model, sql) in texts.items():
        for edit in edits(sql):
            site = sites[edit.site]
            key: tuple[object, ...] = (edit.site, edit.kind)
            before = " ".join(sql.before(edit).split())
            if site.is_templated:
                said = _said_in(model, before.strip("'"), dbt_dir)
                if said is None:
                    continue
                site, key = said, (model, edit.kind, before)
            mutant = found.get(key)
            if mutant is None:
                after = " ".join(edit.after.split())
                mutant = Mutant(site.file, site.line, site.text, edit.kind, before, after)
                found[key] = mutant
            mutant.edits.setdefault(name, []).append(edit)
    return sorted(found.values(), key=lambda m: (m.file, m.line, m.kind, m.before))


def _said_in(model: str, value: str, dbt_dir: Path) -> Site | None:
    """Return where a model's own file says what Jinja fills into a macro's string."""
    path = next(dbt_dir.rglob(f"{model}.sql"))
    for line, text in enumerate(path.read_text("utf-8").split("\n"), 1):
        if re.search(rf'"(/\*\d+\*/)?{re.escape(value)}"', text):
            return Site(0, f"dbt/{path.relative_to(dbt_dir)}", line, text.strip(), True)
    return None
