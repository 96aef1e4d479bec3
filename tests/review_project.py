"""A dbt project of twenty small tags, each of patients with numbers from one to another."""

import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path

from nights import DBT

SQL = """-- Has a number from {first} to {last}.
select
    patient_id,
    'has' as state,
    cast(null as date) as since,
    {{{{ evidence("'stg_patients'", "'a number'") }}}}
from {{{{ ref("patients_today") }}}}
where cast(patient_id as integer) between {first} and {last}
"""
YML = """version: 2
models:
  - name: tag_{tag}
    description: 番号が{first}から{last}まで。
    config:
      meta: {{label_ja: 番号 {first}〜{last}, family: numbers, owner: {tag}の責任者, purpose: 試験,
        validity_days: 30, review_on: "2026-12-01", sensitivity: low,
        looks_at: {{fact: patients_today}}}}
    columns:
      - {{name: patient_id, data_type: varchar}}
      - {{name: state, data_type: varchar}}
      - {{name: since, data_type: date}}
      - {{name: evidence_table, data_type: varchar}}
      - {{name: evidence_file_id, data_type: varchar}}
      - {{name: evidence_line_no, data_type: bigint}}
      - {{name: evidence_on, data_type: date}}
      - {{name: evidence_value, data_type: varchar}}
      - {{name: evidence_threshold, data_type: varchar}}
"""
SEGMENT_SQL = """-- Patients with one of its tags. A comment is no use of a tag: tag = 'unused_1'.
{{# Nor is one of Jinja: tag = 'unused_2'. #}}
select
    patient_id,
    max(since) as since,
    cast(null as date) as due_on,
    cast(null as date) as deadline_on,
    min(tag) as evidence
from {{{{ ref("patient_tags") }}}}
where tag in ({names}) and state = 'has'
group by patient_id
"""
SEGMENT_YML = """version: 2
models:
  - name: seg_{name}
    description: そのタグのどれかがある。
    config:
      materialized: table
      contract: {{enforced: true}}
      meta:
        label_ja: お知らせ {name}
        campaign:
          purpose: visit
          priority: {priority}
          step: 1
          cooldown_days: 0
          cycle: month
          visited_within_days: 0
          tags: [{tags}]
          max_share_of_clinic: 1.0
    columns:
      - {{name: patient_id, data_type: varchar}}
      - {{name: since, data_type: date}}
      - {{name: due_on, data_type: date}}
      - {{name: deadline_on, data_type: date}}
      - {{name: evidence, data_type: varchar}}
"""


def write_project(
    dbt: Path,
    tags: Mapping[str, tuple[int, int]],
    campaigns: Mapping[str, Sequence[str]],
    readers: Mapping[str, str],
) -> None:
    """Write a dbt folder with these tags and campaigns in the place of the project's own.

    A reader is a tag that selects from another one, instead of all patients.
    """
    shutil.copytree(DBT, dbt, ignore=shutil.ignore_patterns("target", "logs", "campaigns"))
    for family in (dbt / "models/tags").iterdir():
        if family.is_dir():
            shutil.rmtree(family)
    (dbt / "models/tags/numbers").mkdir()
    for tag, (first, last) in tags.items():
        path = dbt / f"models/tags/numbers/tag_{tag}.sql"
        path.write_text(SQL.format(first=first, last=last), encoding="utf-8")
        path.with_suffix(".yml").write_text(
            YML.format(tag=tag, first=first, last=last), encoding="utf-8"
        )
    for tag, other in readers.items():
        path = dbt / f"models/tags/numbers/tag_{tag}.sql"
        text = path.read_text(encoding="utf-8").replace("patients_today", f"tag_{other}")
        columns = '\'a number\'", file_id="evidence_file_id", line_no="evidence_line_no")'
        path.write_text(text.replace("'a number'\")", columns), encoding="utf-8")
    _list(dbt / "models/tags/patient_tags.sql", "tags", tags)
    _list(dbt / "models/segments/segment_members.sql", "segments", campaigns)
    for priority, (name, names) in enumerate(campaigns.items(), 1):
        write_segment(dbt, name, names, priority)


def write_segment(dbt: Path, name: str, tags: Sequence[str], priority: int) -> None:
    """Write a campaign's segment, for those who have one of the tags."""
    folder = dbt / "campaigns" / name
    folder.mkdir(parents=True, exist_ok=True)
    names = ", ".join(f"'{tag}'" for tag in tags)
    (folder / f"seg_{name}.sql").write_text(SEGMENT_SQL.format(names=names), encoding="utf-8")
    yml = SEGMENT_YML.format(name=name, priority=priority, tags=", ".join(tags))
    (folder / f"seg_{name}.yml").write_text(yml, encoding="utf-8")
    message = DBT / "campaigns" / "lapsed_6_months" / "message.json"
    shutil.copy(message, folder / "message.json")


def _list(path: Path, variable: str, names: Mapping[str, object]) -> None:
    """Put other names into a file's list of everything there is."""
    head, rest = path.read_text(encoding="utf-8").split(f"{{% set {variable} = [", 1)
    listed = "".join(f'\n    "{name}",' for name in names)
    tail = rest.split("]", 1)[1]
    path.write_text(f"{head}{{% set {variable} = [{listed}\n]{tail}", encoding="utf-8")
