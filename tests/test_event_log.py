"""Dagster's history through our connections is the history Dagster itself would have written."""

import os
from pathlib import Path

import dagster as dg
import sqlalchemy as db
from dagster._core.storage.event_log.sqlite.sqlite_event_log import SqliteEventLogStorage
from nights import MONDAY, World

from dagster_project.event_log import EventLog
from dagster_project.runner import open_instance


def storage(world: World) -> EventLog:
    log = open_instance(world.settings(MONDAY)).event_log_storage
    assert isinstance(log, EventLog)
    return log


def test_dagsters_own_class_reads_every_event_of_a_night(planned: World) -> None:
    log = storage(planned)
    runs = log.get_all_run_ids()
    assert runs
    dagsters = SqliteEventLogStorage(str(planned.settings(MONDAY).dagster_home() / "history/runs"))
    for run in runs:
        assert dagsters.get_logs_for_run(run) == log.get_logs_for_run(run)
    published = dg.AssetKey("published_warehouse")
    assert dagsters.get_asset_records([published]) == log.get_asset_records([published])
    assert dagsters.get_asset_records([published])[0].asset_entry.last_materialization


def test_the_file_of_a_run_changes_with_every_event_as_a_live_page_needs(planned: World) -> None:
    log = storage(planned)
    run, *_ = log.get_all_run_ids()
    path = Path(log.path_for_shard(run))
    os.utime(path, (0, 0))
    log.store_event(log.get_logs_for_run(run)[-1])
    assert path.stat().st_mtime > 0


def test_a_table_or_column_that_comes_later_is_found(world: World) -> None:
    log = storage(world)
    assert log.has_table("asset_keys")
    assert not log.has_table("of_a_later_dagster")
    assert not log.has_asset_key_col("of_a_later_dagster")
    with log.index_connection() as connection:
        connection.execute(db.text("create table of_a_later_dagster (id int)"))
        connection.execute(db.text("alter table asset_keys add column of_a_later_dagster int"))
    assert log.has_table("of_a_later_dagster")
    assert log.has_asset_key_col("of_a_later_dagster")
