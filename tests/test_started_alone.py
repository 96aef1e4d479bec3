"""Whatever is started alone, in any order, from Dagster's page: past no check and past no gate."""

import hashlib
from datetime import timedelta

import dagster as dg
import pytest
from clinic_builder import user
from nights import MONDAY, World, at, lapsed_rows, written_to

from dagster_project.definitions import definitions
from dagster_project.runner import open_instance

TUESDAY = MONDAY + timedelta(days=1)
PEOPLE = written_to("good", "visit", 3)
# One asset of every step there is, in the order of the data.
STEPS = (
    "warehouse_input",
    "patients_today",
    "audience_verdicts",
    "delivery_decisions",
    "plan_verdicts",
    "published_warehouse",
    "morning_plan",
    "line_preflight",
    "morning_sheet",
    "line_sweep",
    "line_delivery",
)


def start_alone(world: World, *names: str) -> dict[str, bool]:
    """Materialize assets on Tuesday at eleven, each by itself, and return which succeeded."""
    settings = world.settings(TUESDAY, at(TUESDAY, 11))
    defs = definitions(settings)
    job = defs.resolve_implicit_global_asset_job_def()
    with open_instance(settings) as instance:
        return {
            name: job.execute_in_process(
                instance=instance,
                partition_key="good",
                asset_selection=[dg.AssetKey(name)],
                raise_on_error=False,
            ).success
            for name in names
        }


def published(world: World) -> str:
    path = world.settings(MONDAY).published_path("good")
    return hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.mark.long
def test_after_a_failed_check_no_step_started_alone_publishes_or_sends(planned: World) -> None:
    world, before = planned, published(planned)
    rows = lapsed_rows(PEOPLE)
    world.write("good", TUESDAY, rows | {"visits": rows["visits"][:10]})
    assert world.nightly(TUESDAY, at(TUESDAY, 2)) == 3
    assert "volume_near_last_export" in world.text()
    backwards = start_alone(world, *reversed(STEPS))
    assert not backwards["published_warehouse"]
    forwards = start_alone(world, *STEPS)
    # Every step up to the last look can be made of what failed; it is publishing that refuses.
    assert forwards["plan_verdicts"]
    assert not forwards["published_warehouse"]
    assert published(world) == before
    assert world.calls("good") == 0


@pytest.mark.long
def test_of_a_good_night_every_step_started_again_sends_once(planned: World) -> None:
    world = planned
    world.write("good", TUESDAY, lapsed_rows(PEOPLE))
    assert world.nightly(TUESDAY, at(TUESDAY, 2)) == 0
    start_alone(world, "line_delivery", *STEPS, *reversed(STEPS), "morning_plan", "line_delivery")
    assert world.received("good") == {user(n): 1 for n in PEOPLE}
