"""`tagline review answers`: what patients answered and the record says otherwise, side by side."""

from collections.abc import Sequence

import duckdb
from rich.console import Console
from rich.table import Table

from dagster_project.clinics import each_clinic
from dagster_project.exit_codes import OK
from dagster_project.settings import Settings

QUERY = (
    "select c.patient_id, t.label_ja, coalesce(i.label_ja, c.said_value), c.said_on,"
    " coalesce(e.label_ja, c.emr_value), c.emr_on from answer_conflicts c"
    " join tag_catalog t on t.tag = c.tag"
    " left join answer_items i on i.item = c.item and i.value = c.said_value"
    " left join answer_items e on e.item = c.item and e.value = c.emr_value"
    " order by c.tag, c.patient_id"
)


def show_answers(settings: Settings, chosen: Sequence[str], console: Console) -> int:
    """Print each clinic's conflicts by patient id, and return the exit code."""

    def one(clinic_id: str) -> int:
        console.rule(clinic_id)
        path = settings.published_path(clinic_id)
        rows = []
        if path.exists():
            with duckdb.connect(str(path), read_only=True) as con:
                rows = con.execute(QUERY).fetchall()
        if not rows:
            console.print("本人の答えと記録が合わない人はいません / none")
            return OK
        table = Table(box=None)
        for heading in ("患者", "タグ", "本人の答え", "答えた日", "記録", "記録の日"):
            table.add_column(heading, overflow="fold")
        for row in rows:
            table.add_row(*("" if value is None else str(value) for value in row))
        console.print(table)
        return OK

    return each_clinic(settings.exports_dir, chosen, console, one)
