"""`tagline results`: what came of the messages, on the terminal or as files."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import duckdb
from rich.console import Console

from dagster_project.clinics import each_published
from dagster_project.exit_codes import OK
from dagster_project.insight.export_results import export_results
from dagster_project.insight.render_results import render_results
from dagster_project.insight.results import (
    Result,
    campaign_results,
    pooled,
    purpose_results,
    tag_results,
    wordings,
)
from dagster_project.settings import Settings


def run_results(
    settings: Settings,
    clinics: Sequence[str],
    campaign: str | None,
    folders: Mapping[str, Path],
    console: Console,
) -> int:
    """Print each clinic's results, of one campaign by month and wording; return the exit code.

    `folders` says into which folder a file of a kind (csv, parquet) is to be written.
    """

    def one(clinic_id: str, con: duckdb.DuckDBPyConnection) -> int:
        campaigns = campaign_results(con)
        files: dict[str, Sequence[Result]] = {"campaign_results": campaigns}
        if campaign:
            campaigns = [each for each in campaigns if each.name == campaign]
            files = {"campaign_results": campaigns}
            render_results(console, "配信の結果", "配信", campaigns)
        else:
            files |= {"purpose_results": purpose_results(con), "tag_results": tag_results(con)}
            render_results(console, "配信の結果 (すべての月)", "配信", pooled(campaigns))
            if compared := wordings(campaigns):
                render_results(console, "文面の比較 (すべての月)", "配信", compared)
            for name, title, first in (
                ("purpose_results", "目的の結果 (すべての月)", "目的"),
                ("tag_results", "タグの結果 (すべての月)", "タグ"),
            ):
                render_results(console, title, first, pooled(files[name]))
        for kind, folder in folders.items():
            for name, results in files.items():
                written = export_results(folder / clinic_id, name, kind, results)
                console.print(str(written), markup=False, highlight=False, soft_wrap=True)
        return OK

    return each_published(settings, clinics, console, one)
