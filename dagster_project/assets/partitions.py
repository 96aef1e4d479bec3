"""Clinics as partitions: one folder of exports, one partition."""

import dagster as dg

from dagster_project.clinic import Clinic, load_clinics
from dagster_project.settings import Settings


def clinic_partitions(settings: Settings) -> dg.StaticPartitionsDefinition:
    """Return one partition per clinic folder under ``exports``."""
    clinics = load_clinics(settings.exports_dir)
    return dg.StaticPartitionsDefinition([clinic.clinic_id for clinic in clinics])


def clinic_of(settings: Settings, clinic_id: str) -> Clinic:
    """Return the clinic of a partition; raises KeyError when its folder is gone."""
    clinics = {clinic.clinic_id: clinic for clinic in load_clinics(settings.exports_dir)}
    return clinics[clinic_id]
