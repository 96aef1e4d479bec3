"""Everything Dagster sees, on one screen."""

import warnings

import dagster as dg

from dagster_project.assets.asked import asked_assets
from dagster_project.assets.derived import derived_assets
from dagster_project.assets.landing import landing_assets
from dagster_project.assets.line import line_assets
from dagster_project.assets.morning import morning_assets
from dagster_project.assets.partitions import clinic_partitions
from dagster_project.assets.preflight import preflight_asset
from dagster_project.assets.report import report_assets
from dagster_project.assets.warehouse import warehouse_assets
from dagster_project.jobs import jobs, new_exports_sensor, schedules
from dagster_project.settings import Settings

# Partitioned asset checks are a preview feature of Dagster 1.13; the version is pinned.
warnings.filterwarnings("ignore", category=dg.PreviewWarning)
warnings.filterwarnings("ignore", category=dg.BetaWarning)


def definitions(settings: Settings) -> dg.Definitions:
    """Return the whole code location for one set of surroundings."""
    clinics = clinic_partitions(settings)
    return dg.Definitions(
        assets=[
            landing_assets(clinics),
            *asked_assets(clinics),
            *warehouse_assets(clinics),
            *derived_assets(settings, clinics),
            preflight_asset(clinics),
            *line_assets(clinics),
            *morning_assets(clinics),
            *report_assets(clinics),
        ],
        jobs=jobs(clinics),
        schedules=schedules(settings, clinics),
        sensors=[new_exports_sensor(settings, clinics)],
        resources={"settings": settings},
        # One process for a run: a step process of its own would cost 6 s of imports each.
        executor=dg.in_process_executor,
    )


@dg.definitions
def defs() -> dg.Definitions:
    """Return the code location for the surroundings in the environment."""
    return definitions(Settings())
