"""Writes docs/data-model.md from dbt's own files, so that it cannot drift: `make docs`."""

import csv
import re
from collections.abc import Iterator
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parents[1]
DBT = ROOT / "dbt"
OUT = ROOT / "docs" / "data-model.md"
LAYERS = {
    "staging": "One shape for every source.",
    "facts": "One row per patient, or patient and thing: the expensive scans, done once.",
    "tags": "One file, one tag; and what is derived from all of them.",
    "campaigns": "Who a campaign is for: boolean over tags.",
    "segments": "All campaigns in one table, and how large their audiences have been.",
    "delivery": "Who is written to, and why the others are not.",
    "results": "What came of the messages; what patients answered, and what they wish for.",
}
DERIVED = {
    "further_evidence",
    "tag_catalog",
    "tag_counts",
    "tag_events",
    "tag_evidence",
    "tag_history",
    "tag_member_findings",
    "tag_overlaps",
    "tag_references",
    "tag_review",
}  # from all tags
REF = re.compile(r"""\bref\(\s*["']([a-z0-9_]+)["']""")
CALL = re.compile(r"\b([a-z0-9_]+)\(")
MACRO = re.compile(r"{% macro (\w+)\(.*?%}(.*?){% endmacro %}", re.DOTALL)
MACROS = {
    name: body
    for path in sorted((DBT / "macros").glob("*.sql"))
    for name, body in MACRO.findall(path.read_text(encoding="utf-8"))
}
HEAD = """# Data model

Written by `make docs` from the files in `dbt/`. Every model's rule is the first line of its SQL,
and its columns are an enforced contract in the yml beside it. `patient_id` is the 診察券番号
without leading zeros; days are `_on`, instants `_at`, amounts carry their unit. Every row of
staging says where it came from: `file_id` (the export's SHA-256) and `line_no`.
"""
SEEDS = "Codes, thresholds and schedules are data."
REASONS = "In this order; the first that holds is the one reason."


def text() -> str:
    """Return the whole page."""
    parts = [HEAD, _picture()]
    for layer, said in LAYERS.items():
        parts += _table(layer, said, "model | one row per, and the rule | columns")
        parts += [_row(path) for path in _models(layer)]
    parts += _table("Seeds", SEEDS, "seed | rows | columns")
    parts += [_seed(path) for path in sorted((DBT / "seeds").glob("*.csv"))]
    parts += _table("Why somebody is not written to", REASONS, "rank | reason | 日本語")
    with (DBT / "seeds" / "decision_reasons.csv").open(encoding="utf-8") as file:
        for reason in csv.DictReader(file):
            parts.append(f"| {reason['rank']} | `{reason['reason']}` | {reason['label_ja']} |")
    return "\n".join(parts) + "\n"


def _table(title: str, said: str, columns: str) -> list[str]:
    rule = "|".join("---" for _ in columns.split("|"))
    return [f"\n## {title}\n\n{said}\n", f"| {columns} |", f"|{rule}|"]


def _models(layer: str) -> list[Path]:
    folder = DBT / "campaigns" if layer == "campaigns" else DBT / "models" / layer
    return sorted(folder.rglob("*.sql"), key=lambda path: path.stem)


def _row(path: Path) -> str:
    (model,) = yaml.safe_load(path.with_suffix(".yml").read_text(encoding="utf-8"))["models"]
    columns = ", ".join(f"`{column['name']}`" for column in model["columns"])
    label = model.get("config", {}).get("meta", {}).get("label_ja")
    name = f"`{path.stem}`" + (f" {label}" if label else "")
    return f"| {name} | {_rule(path)} | {columns} |"


def _rule(path: Path) -> str:
    lines: list[str] = []
    for line in path.read_text(encoding="utf-8").splitlines():
        if not line.startswith("--"):
            break
        lines.append(line.removeprefix("--").strip())
    return " ".join(lines)


def _seed(path: Path) -> str:
    with path.open(encoding="utf-8") as file:
        header, *rows = csv.reader(file)
    return f"| `{path.stem}` | {len(rows)} | {', '.join(f'`{each}`' for each in header)} |"


def _picture() -> str:
    """Return which model reads which, without the tag files, which all read facts."""
    lines = ["\n```mermaid", "flowchart LR"]
    lines += [f"  {a} --> {b}" for a, b in sorted(set(_edges()))]
    return "\n".join([*lines, "```"])


def _edges() -> Iterator[tuple[str, str]]:
    seeds = {path.stem for path in (DBT / "seeds").glob("*.csv")}
    for layer in LAYERS:
        for path in _models(layer):
            target = _node(path.stem)
            for source in REF.findall(_with_its_macros(path.read_text(encoding="utf-8"))):
                is_model = source not in seeds and source != "seg_"
                if is_model and _node(source) != target:
                    yield _node(source), target
    yield "tags", "patient_tags"
    for path in _models("campaigns"):
        yield path.stem, "segment_members"


def _with_its_macros(sql: str) -> str:
    """Return a model's text and that of every macro it calls, directly or not."""
    found: dict[str, str] = {}
    waiting = [sql]
    while waiting:
        for name in set(CALL.findall(waiting.pop())) & MACROS.keys() - found.keys():
            found[name] = MACROS[name]
            waiting.append(MACROS[name])
    return "\n".join([sql, *found.values()])


def _node(name: str) -> str:
    is_tag_file = name.startswith("tag_") and name not in DERIVED
    return "tags" if is_tag_file else name


if __name__ == "__main__":
    OUT.write_text(text(), encoding="utf-8")
