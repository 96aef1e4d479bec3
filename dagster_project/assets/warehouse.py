"""Tonight's warehouse: opened with its checked input, audited, and published at the end."""

import dagster as dg
import duckdb

from dagster_project import checks
from dagster_project.assets.partitions import clinic_of
from dagster_project.checks.run import CheckResult
from dagster_project.delivery.snapshot import deliveries_for_warehouse
from dagster_project.ingest.contract import DATASETS
from dagster_project.ledger.store import open_ledger
from dagster_project.line.messages import content_versions
from dagster_project.prepare import prepare
from dagster_project.publish import Build, publish, set_stage
from dagster_project.settings import Settings
