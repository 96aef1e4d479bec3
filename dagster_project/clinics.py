"""Which clinics a command is about, and one after the other: the same for every command."""

from collections.abc import Callable, Sequence
from pathlib import Path

import duckdb
from rich.console import Console
from rich.markup import escape

from dagster_project.clinic import ClinicError, clinic_ids
from dagster_project.exit_codes import FAILED, STALE
from dagster_project.publish import OtherLayoutError, reading_published
from dagster_project.settings import Settings


def each_clinic(
    exports_dir: Path, asked: Sequence[str], console: Console, one: Callable[[str], int]
) -> int:
    """Do one thing for each clinic asked for, or for all; return the worst exit code.

    One that is not there is said to be so, and those that are. One clinic's trouble never
    keeps another from its turn.
    """
    codes = []
    for clinic_id in asked or clinic_ids(exports_dir):
        try:
            _require(exports_dir, clinic_id)
            codes.append(one(clinic_id))
        except ClinicError as error:
            codes.append(fail(console, str(error)))
        except OtherLayoutError as error:
            console.print(str(error), style="yellow", markup=False, soft_wrap=True)
            codes.append(STALE)
        except Exception as error:  # noqa: BLE001 - one clinic's trouble is not another's
            codes.append(fail(console, f"{clinic_id}: {type(error).__name__}: {error}"))
    if not codes:
        return fail(console, f"{exports_dir}: no folder with a clinic.yaml")
    return FAILED if FAILED in codes else max(codes)


def each_published(
    settings: Settings,
    asked: Sequence[str],
    console: Console,
    one: Callable[[str, duckdb.DuckDBPyConnection], int],
) -> int:
    """Do one thing with the published night of each clinic, under its name, as `each_clinic`.

    One that has none yet is said to be so, and is STALE.
    """

    def under_its_name(clinic_id: str) -> int:
        console.rule(clinic_id)
        path = settings.published_path(clinic_id)
        if not path.exists():
            console.print(f"[yellow]{clinic_id}: まだ公開された夜がありません[/]")
            return STALE
        with reading_published(path) as con:
            return one(clinic_id, con)

    return each_clinic(settings.exports_dir, asked, console, under_its_name)


def the_clinic(exports_dir: Path, asked: str | None) -> str:
    """Return the one clinic meant: the one asked for, or the only one there is.

    Raises ClinicError where that does not tell which: a patient's number alone does not.
    """
    there = clinic_ids(exports_dir)
    if asked is None and len(there) != 1:
        raise ClinicError(f"which clinic? --clinic {' or '.join(there) or 'C'}")
    clinic_id = asked or there[0]
    _require(exports_dir, clinic_id)
    return clinic_id


def fail(console: Console, message: str) -> int:
    """Print what went wrong and return the exit code for it."""
    console.print(f"[red]{escape(message)}[/]", highlight=False, soft_wrap=True)
    return FAILED


def _require(exports_dir: Path, clinic_id: str) -> None:
    there = clinic_ids(exports_dir)
    if clinic_id not in there:
        known = ", ".join(there) or "none"
        raise ClinicError(f"{exports_dir}: no clinic {clinic_id}; there: {known}")
