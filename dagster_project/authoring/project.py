"""The dbt folder as its authors see it: tags and segments, each with its SQL and its yml.

Read as text, without dbt: it has to answer in under a second, and also about a folder that dbt
would refuse.
"""

import csv
import re
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from dagster_project.authoring.sql import Sql, read_sql
from dagster_project.authoring.yml import Keys, Yml, mapping, read_yml

TAG, SEGMENT = "tag_", "seg_"
NAMED = re.compile(
    r"\btag\s*(?:=|<>|!=)\s*'([^']*)'|\btag\s+(?:not\s+)?in\s*\(([^)]*)\)", re.IGNORECASE
)


@dataclass(frozen=True)
class Model:
    """One model of ours: its SQL, and what its yml says of it where there is one."""

    sql: Sql
    yml: Yml | None

    @property
    def name(self) -> str:
        """Return the name dbt knows it by."""
        return self.sql.path.stem

    @property
    def folder(self) -> str:
        """Return the folder it stands in: a tag's family, a segment's campaign."""
        return self.sql.path.parent.name

    @cached_property
    def keys(self) -> Keys | None:
        """Return where its yml describes it, None where it does not."""
        listed = self.yml.entries("models") if self.yml else []
        return next((("models", at) for at, each in listed if each.get("name") == self.name), None)

    @cached_property
    def said(self) -> dict[str, Any]:
        """Return what its yml says of it."""
        return mapping(self.yml.data["models"][self.keys[1]]) if self.yml and self.keys else {}

    @property
    def meta(self) -> dict[str, Any]:
        """Return its `config.meta`."""
        return mapping(mapping(self.said.get("config")).get("meta"))

    @property
    def unit_tests(self) -> list[tuple[int, dict[str, Any]]]:
        """Return its unit tests, each with its place in the yml."""
        listed = self.yml.entries("unit_tests") if self.yml else []
        return [(at, each) for at, each in listed if each.get("model") == self.name]

    def line(self, *keys: str | int) -> int:
        """Return the yml line of a key of its `config.meta`, or the nearest there is."""
        if self.yml is None:
            return 1
        return self.yml.line(*(self.keys or ()), "config", "meta", *keys)

    @cached_property
    def tags_named(self) -> dict[str, int]:
        """Return the tags its SQL asks for by name, with the line of the first mention."""
        found: dict[str, int] = {}
        for each in NAMED.finditer(self.sql.bare):
            names = [each[1]] if each[1] is not None else re.findall(r"'([^']*)'", each[2])
            for name in names:
                found.setdefault(name, self.sql.line(each.start()))
        for each in re.finditer(r"""\bref\(\s*["']tag_(\w+)["']""", self.sql.bare):
            found.setdefault(each[1], self.sql.line(each.start()))
        return found


@dataclass(frozen=True)
class Project:
    """One dbt folder."""

    dbt_dir: Path

    @cached_property
    def tags(self) -> dict[str, Model]:
        """Return every tag with a file of its own, by name."""
        found = [_model(path) for path in sorted(self.dbt_dir.glob("models/tags/*/tag_*.sql"))]
        return {model.name.removeprefix(TAG): model for model in found}

    @cached_property
    def segments(self) -> dict[str, Model]:
        """Return the segment of every campaign folder that has one, by campaign."""
        found = [_model(path) for path in sorted(self.dbt_dir.glob("campaigns/*/seg_*.sql"))]
        return {model.name.removeprefix(SEGMENT): model for model in found}

    @cached_property
    def families(self) -> dict[str, list[str]]:
        """Return the tags of each family, as patient_tags.sql lists them, others after."""
        listed = read_sql(self.tag_list).listed("tags") if self.tag_list.exists() else None
        order = {name: at for at, (name, _) in enumerate(listed or [])}
        families: dict[str, list[str]] = {}
        for name in sorted(self.tags, key=lambda each: (order.get(each, len(order)), each)):
            families.setdefault(self.tags[name].folder, []).append(name)
        return families

    @cached_property
    def purposes(self) -> list[str]:
        """Return the purposes a person can consent to, by their seed."""
        path = self.dbt_dir / "seeds" / "consent_purposes.csv"
        with path.open(encoding="utf-8", newline="") as file:
            return [row["purpose"] for row in csv.DictReader(file)]

    @property
    def tag_list(self) -> Path:
        """Return the file that lists every tag once."""
        return self.dbt_dir / "models" / "tags" / "patient_tags.sql"

    @property
    def segment_list(self) -> Path:
        """Return the file that lists every campaign's segment once."""
        return self.dbt_dir / "models" / "segments" / "segment_members.sql"

    @cached_property
    def sql_files(self) -> list[Sql]:
        """Return every SQL file of ours in models, campaigns and macros."""
        folders = ("models", "campaigns", "macros")
        paths = [path for each in folders for path in (self.dbt_dir / each).rglob("*.sql")]
        return [read_sql(path) for path in sorted(paths)]

    @cached_property
    def model_names(self) -> set[str]:
        """Return the name of every model."""
        return {sql.path.stem for sql in self.sql_files if "macros" not in sql.path.parts}


def _model(path: Path) -> Model:
    beside = path.with_suffix(".yml")
    return Model(read_sql(path), read_yml(beside) if beside.exists() else None)
