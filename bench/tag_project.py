"""A dbt project of so many tags: variants of each family's, with codes and bounds of their own."""

import csv
import re
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import product
from pathlib import Path

LIST = re.compile(r"\{% set tags = \[.*?\] %\}", re.DOTALL)
# A tag of each family whose yml its variants take over.
MODELS = {
    "department": "department_internal_medicine", "age": "age_0_5", "sex": "sex_female",
    "visits": "no_visit_6_months", "conditions": "diabetes", "measurements": "waist_over_threshold",
}  # fmt: skip
DEPARTMENTS = ("01", "09", "11", "19", "25", "27", "10", "20", "26", "33", "34", "35")
WHOLE = {"age_bands", "department_groups"}  # where a row says it of every patient
YEARS, YOUNGER_THAN = 4, 112  # every patient is in one band
CONDITIONS = 21
MONTHS = (6, 3, 12, 4, 5, 7, 8, 9, 10, 11, 13, 14, 15, 18, 24, 36)
LIMITS = {
    "sbp_mmhg": (130, 140, 160, 180), "dbp_mmhg": (85, 90, 100, 110),
    "waist_cm": (80, 85, 90, 95), "hba1c_percent": (5.6, 6.0, 6.5, 8.0),
    "fasting_glucose_mg_dl": (100, 110, 126), "casual_glucose_mg_dl": (140, 200),
}  # fmt: skip


@dataclass(frozen=True)
class Variant:
    """One tag: its family, name and SQL, and what it needs said in a seed."""

    family: str
    name: str
    sql: str
    seed: str = ""
    row: tuple[tuple[str, str], ...] = ()


def write_project(original: Path, folder: Path, tags: int) -> None:
    """Copy a dbt project with so many tags in place of its own, up to 100.

    The families have the same shares whatever the number.
    """
    ignored = shutil.ignore_patterns("target", "logs")
    shutil.copytree(original, folder, ignore=ignored)
    templates = {
        family: (name, next(original.glob(f"models/tags/*/tag_{name}.yml")).read_text("utf-8"))
        for family, name in MODELS.items()
    }
    for family in {path.parent for path in folder.glob("models/tags/*/tag_*.sql")}:
        shutil.rmtree(family)
    ranked = [variant for _, variant in sorted(_ranked(), key=lambda pair: pair[0])]
    chosen = ranked[:tags]
    for variant in ranked:  # whatever the number, a patient has an age band and a department
        if variant.seed in WHOLE:
            _add(folder / "seeds" / f"{variant.seed}.csv", dict(variant.row))
    for variant in chosen:
        path = folder / "models" / "tags" / variant.family / f"tag_{variant.name}.sql"
        path.parent.mkdir(exist_ok=True)
        path.write_text(f"-- {variant.name}\n{variant.sql}\n", "utf-8")
        model, yml = templates[variant.family]
        path.with_suffix(".yml").write_text(yml.replace(model, variant.name), "utf-8")
        if variant.seed and variant.seed not in WHOLE:
            _add(folder / "seeds" / f"{variant.seed}.csv", dict(variant.row))
    names = ", ".join(f'"{variant.name}"' for variant in chosen)
    union = folder / "models" / "tags" / "patient_tags.sql"
    union.write_text(LIST.sub(f"{{% set tags = [{names}] %}}", union.read_text("utf-8")), "utf-8")


def _ranked() -> Iterator[tuple[float, Variant]]:
    """Yield every variant with how far down its family it stands, from 0 to 1."""
    families: tuple[Callable[[], Iterator[Variant]], ...] = (
        _departments, _ages, _sexes, _visits, _conditions, _measurements,
    )  # fmt: skip
    for family in families:
        variants = list(family())
        for nth, variant in enumerate(variants):
            yield nth / len(variants), variant


def _departments() -> Iterator[Variant]:
    for code in DEPARTMENTS:
        row = (("department_code", code), ("department_group", f"code_{code}"))
        sql = f'{{{{ patients_of_department("code_{code}") }}}}'
        yield Variant("department", f"department_{code}", sql, "department_groups", row)


def _ages() -> Iterator[Variant]:
    for low in range(0, YOUNGER_THAN, YEARS):
        high = low + YEARS - 1
        band = f"{low}_{high}"
        row = (("age_band", band), ("min_age", str(low)), ("max_age", str(high)))
        sql = f'{{{{ patients_of_age_band("{band}") }}}}'
        yield Variant("age", f"age_{band}", sql, "age_bands", row)


def _sexes() -> Iterator[Variant]:
    for sex in ("female", "male"):
        yield Variant("sex", f"sex_{sex}", f'{{{{ patients_of_sex("{sex}") }}}}')


def _visits() -> Iterator[Variant]:
    for months in MONTHS:
        sql = f"{{{{ patients_without_visit_for({months}) }}}}"
        yield Variant("visits", f"no_visit_{months}_months", sql)


def _conditions() -> Iterator[Variant]:
    pairs = [("I10", "I15"), ("E10", "E14"), ("E78", "E78")]
    for letter, first, last in product("IE", range(10, 15), range(10, 15)):
        if first <= last and (letter, first, last) != ("E", 10, 14):
            pairs.append((f"{letter}{first}", f"{letter}{last}"))
    for low, high in pairs[:CONDITIONS]:
        name = f"condition_{low}_{high}".lower()
        row = (("condition", name), ("icd10_from", low), ("icd10_to", high))
        sql = f'{{{{ patients_with_condition("{name}") }}}}'
        yield Variant("conditions", name, sql, "condition_concepts", row)


def _measurements() -> Iterator[Variant]:
    for item, limits in LIMITS.items():
        for limit in limits:
            name = f"{item}_from_{limit}".replace(".", "_")
            row = (("tag", name), ("item", item), ("sex", "any"), ("threshold", str(limit)))
            sql = f'{{{{ patients_over_threshold("{name}") }}}}'
            yield Variant("measurements", name, sql, "observation_thresholds", row)


def _add(seed: Path, row: dict[str, str]) -> None:
    """Put a row in a seed, like its first one but for what is said; and in place of its key."""
    with seed.open(encoding="utf-8", newline="") as file:
        reader = csv.DictReader(file)
        header, rows = list(reader.fieldnames or ()), list(reader)
    key = "department_code" if "department_code" in header else ""
    kept = [each for each in rows if not key or each[key] != row[key]]
    if seed.stem == "age_bands":  # a patient is in one band alone
        kept = [each for each in kept if each["label_ja"] == ""]
    with seed.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, header, lineterminator="\n")
        writer.writeheader()
        writer.writerows([*kept, {**rows[0], "label_ja": "", **row}
                          if "label_ja" in header else {**rows[0], **row}])  # fmt: skip
