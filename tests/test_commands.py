"""What a person at a terminal, or in Dagster's pages, is told."""

import fcntl
import multiprocessing
import os
from datetime import timedelta
from pathlib import Path

import dagster as dg
from click.testing import CliRunner
from clinic_builder import Row
from nights import MONDAY, World, at

from dagster_project.cli import main
from dagster_project.runner import PID, open_instance
from dagster_project.sample import write_sample

VISITORS = range(1, 31)


def rows() -> dict[str, list[Row]]:
    return {
        "patients": [{"patient_no": str(n)} for n in VISITORS],
        "visits": [{"patient_no": str(n), "visited_on": "2026-05-20"} for n in VISITORS],
    }


def test_an_unknown_clinic_is_named_with_those_that_are_there(world: World) -> None:
    world.write("good", MONDAY, rows())
    assert world.nightly(clinics=["goood"]) == 1
    assert "no clinic goood; there: good" in world.text()


def test_no_clinic_at_all_is_an_error_that_says_so(world: World) -> None:
    assert world.nightly() == 1
    assert "no folder with a clinic.yaml" in world.text()


def test_status_before_the_first_night_is_stale_and_says_why(world: World) -> None:
    world.write("good", MONDAY, rows())
    assert world.status(MONDAY) == 3
    assert "まだ公開された夜がありません" in world.text()


def test_two_terminals_on_one_clinic_do_not_collide(planned: World) -> None:
    world, lock = planned, planned.folder / "data" / "work" / "good.lock"
    with lock.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        assert world.nightly() == 1
    assert "another run is under way" in world.text()
    world.said.clear()
    assert world.send(MONDAY, at(MONDAY, 10, 1)) == 0
    assert sum(world.received("good").values()) == 3


def test_an_earlier_day_never_replaces_a_later_one(planned: World) -> None:
    """The tag history lives in the published file, and would be cut off."""
    world, saturday = planned, MONDAY - timedelta(days=2)
    world.write("good", saturday, rows())
    history = world.published("good", "select * from tag_history order by all")
    assert world.nightly(saturday) == 1
    assert "earlier: nothing replaced" in world.text()
    assert world.published("good", "select * from tag_history order by all") == history


def test_a_run_whose_process_was_killed_is_failed_at_the_next_start(world: World) -> None:
    child = multiprocessing.get_context("fork").Process(target=os._exit, args=(0,))
    child.start()
    child.join()
    instance = open_instance(world.settings(MONDAY))
    run = instance.create_run_for_job(
        dg.Definitions(jobs=[_job]).resolve_job_def("_job"),
        tags={PID: str(child.pid)},
        status=dg.DagsterRunStatus.STARTED,
    )
    again = open_instance(world.settings(MONDAY))
    assert again.get_run_by_id(run.run_id).status is dg.DagsterRunStatus.FAILURE


@dg.job
def _job() -> None:
    pass


def test_a_link_list_that_cannot_be_read_makes_the_plan_wait_and_loses_nobody(
    planned: World,
) -> None:
    world = planned
    links = world.exports / "good" / f"line_links_{MONDAY:%Y%m%d}.csv"
    good = links.read_bytes()
    links.write_bytes(good + b"a line of one cell\r\n")
    assert world.send(MONDAY, at(MONDAY, 10, 1)) == 0
    assert not world.received("good")
    assert "同意を確かめられません" in world.text()
    links.write_bytes(good)
    assert world.send(MONDAY, at(MONDAY, 10, 11)) == 0
    assert sum(world.received("good").values()) == 3


def test_a_sample_is_written_for_the_day_of_the_one_that_is_there(tmp_path: Path) -> None:
    """A sample written again stands on its own business day, not on today."""
    write_sample(tmp_path, 50, 1, MONDAY)
    done = CliRunner().invoke(main, ["sample", "--patients", "50", "--out", str(tmp_path)])
    assert done.exit_code == 0
    assert f"as of {MONDAY}" in done.output
    assert (tmp_path / "business_day").read_text(encoding="utf-8").strip() == str(MONDAY)
