"""Which clinics a command is about: those asked for, or all, whatever befalls one of them."""

import io
from collections.abc import Callable
from pathlib import Path

import pytest
from rich.console import Console

from dagster_project.clinic import ClinicError
from dagster_project.clinics import each_clinic, the_clinic
from dagster_project.exit_codes import FAILED, OK, STALE


@pytest.fixture
def exports(tmp_path: Path) -> Path:
    for name in ("north", "south"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "clinic.yaml").touch()
    (tmp_path / "no_clinic").mkdir()
    return tmp_path


def walked(
    exports: Path, *asked: str, one: Callable[[str], int] = lambda _: OK
) -> tuple[int, list[str], str]:
    seen: list[str] = []
    said = io.StringIO()

    def noted(clinic_id: str) -> int:
        seen.append(clinic_id)
        return one(clinic_id)

    code = each_clinic(exports, asked, Console(file=said, width=200), noted)
    return code, seen, said.getvalue()


def test_all_there_are_or_those_asked_for_in_the_order_asked(exports: Path) -> None:
    assert walked(exports) == (OK, ["north", "south"], "")
    assert walked(exports, "south", "north")[1] == ["south", "north"]


def test_one_that_is_not_there_is_named_with_those_that_are_and_costs_no_other_its_turn(
    exports: Path,
) -> None:
    code, seen, said = walked(exports, "no_clinic", "south")
    assert (code, seen) == (FAILED, ["south"])
    assert said == f"{exports}: no clinic no_clinic; there: north, south\n"


def test_no_clinic_at_all_is_a_failure(tmp_path: Path) -> None:
    code, seen, said = walked(tmp_path)
    assert (code, seen) == (FAILED, [])
    assert "no folder with a clinic.yaml" in said
    assert "there: none" in walked(tmp_path, "north")[2]


def test_what_one_raises_is_said_and_the_next_has_its_turn(exports: Path) -> None:
    def one(clinic_id: str) -> int:
        if clinic_id == "north":
            raise ValueError("[red] is no colour here")
        return STALE

    code, seen, said = walked(exports, one=one)
    assert (code, seen) == (FAILED, ["north", "south"])
    assert said == "north: ValueError: [red] is no colour here\n"


def test_stale_is_worse_than_well_and_failed_worse_than_stale(exports: Path) -> None:
    assert walked(exports, one=lambda each: STALE if each == "north" else OK)[0] == STALE
    assert walked(exports, one=lambda each: STALE if each == "north" else FAILED)[0] == FAILED


def test_one_clinic_is_meant_where_it_is_named_or_there_is_no_other(exports: Path) -> None:
    assert the_clinic(exports, "south") == "south"
    with pytest.raises(ClinicError, match="which clinic\\? --clinic north or south"):
        the_clinic(exports, None)
    with pytest.raises(ClinicError, match="no clinic east; there: north, south"):
        the_clinic(exports, "east")
    (exports / "north" / "clinic.yaml").unlink()
    assert the_clinic(exports, None) == "south"
