"""`tagline replay`: past nights of each clinic, beside what was published of them."""

from collections.abc import Sequence
from datetime import date

import duckdb
from rich.console import Console

from dagster_project import transform
from dagster_project.clinic import clinic_in
from dagster_project.clinics import each_clinic, fail
from dagster_project.exit_codes import FAILED, OK
from dagster_project.overrides.known import read_known
from dagster_project.preview.changes import said
from dagster_project.replay.compare import NightCheck
from dagster_project.replay.past import ReplayError
from dagster_project.replay.rebuild import replay
from dagster_project.replay.render import render_replay
from dagster_project.settings import Settings


def run_replay(
    settings: Settings, clinics: Sequence[str], start: date, end: date, console: Console
) -> int:
    """Replay each clinic's nights; FAILED where one differs and no changed rule says why."""

    def one(clinic_id: str) -> int:
        clinic = clinic_in(settings.exports_dir, clinic_id)
        console.rule(f"{clinic.name} ({clinic_id})")
        nights: list[NightCheck] = []
        try:
            with console.status(f"{clinic_id} ...") as status:
                for night in replay(settings, clinic, start, end):
                    nights.append(night)
                    status.update(f"{clinic_id}: {night.day}")
        except (ReplayError, transform.DbtError) as error:
            return fail(console, f"{clinic_id}: {error}")
        except duckdb.Error as error:
            return fail(console, f"{clinic_id}: {said(error)}")
        labels = read_known(settings.published_path(clinic_id)).labels
        render_replay(console, nights, labels)
        return FAILED if any(night.differing("fault") for night in nights) else OK

    return each_clinic(settings.exports_dir, clinics, console, one)
