"""Clinics as partitions: one folder of exports, one partition."""

import dagster as dg

from dagster_project.clinic import clinic_ids
from dagster_project.settings import Settings


def clinic_partitions(settings: Settings) -> dg.StaticPartitionsDefinition:
    """Return one partition per clinic folder under ``exports``, also where its yaml is broken."""
    return dg.StaticPartitionsDefinition(clinic_ids(settings.exports_dir))
