"""What `tagline override` does: ask what is published, write to the ledger, say what came of it."""

import getpass
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from rich.console import Console
from sqlalchemy import Engine

from dagster_project.clinic import ClinicError
from dagster_project.clinics import each_clinic, fail, the_clinic
from dagster_project.exit_codes import OK
from dagster_project.ingest.cells import clean
from dagster_project.ingest.reachability import patient_id
from dagster_project.ledger.overrides import Action, OverrideError, Wish, make, overrides_of
from dagster_project.ledger.overrides import withdraw as withdraw_one
from dagster_project.ledger.store import open_ledger
from dagster_project.overrides.known import Known, read_known
from dagster_project.overrides.old_tags import read_old_tags
from dagster_project.overrides.render import render_overrides
from dagster_project.settings import Settings

SHOWN = 20  # errors of one file; whoever has more has one cause
EFFECT = "次の夜間処理から効きます / counts from the next `tagline nightly`"


@dataclass(frozen=True)
class Why:
    """What every override says of itself: the reason, its last day and who made it."""

    reason: str | None
    until: date | None
    by: str | None

    def wish(self, who: str, tag: str, action: Action) -> Wish:
        """Return the wish; what is missing is for the ledger to refuse."""
        return Wish(who, tag, action, self.reason or "", name_or_login(self.by), self.until)


def change(
    settings: Settings,
    clinic: str | None,
    action: Action,
    patient: str,
    tag: str,
    why: Why,
    console: Console,
) -> int:
    """Add or remove one tag of one patient; FAILED, with what to do, where that may not be."""

    def do(engine: Engine) -> None:
        clinic_id, known = _published(settings, clinic)
        who = patient_id(clean(patient))
        if who not in known.patients:
            raise OverrideError(
                f"patient {patient} is not in the published list of {clinic_id}: look at the"
                " 診察券番号 (患者一覧にいません)"
            )
        try:
            name = known.tag(tag)
        except KeyError as error:
            raise OverrideError(f"no tag {tag}: give {error.args[0]}") from error
        wish = why.wish(who, name, action)
        made = make(engine, clinic_id, [wish], settings.as_of(), settings.now())
        if made.already:
            console.print("同じものがもう効いています / already in force")
            return
        verb = {"add": "付けます / add", "remove": "外します / remove"}[action]
        console.print(
            f"{made.ids[0]}: {clinic_id} {who} {known.labels[name]} ({name}) を{verb},"
            f" {why.until} まで。{EFFECT}",
            highlight=False,
        )

    return _trying(settings, console, do)


def import_old_tags(
    settings: Settings, clinic: str | None, path: Path, why: Why, console: Console
) -> int:
    """Add every tag of a CSV, or none when anything in it is wrong."""

    def do(engine: Engine) -> None:
        clinic_id, known = _published(settings, clinic)
        asked, errors = read_old_tags(path, known)
        if errors:
            more = f"\n... and {len(errors) - SHOWN} more" if len(errors) > SHOWN else ""
            lines = "\n".join(f"{path.name}: {error}" for error in errors[:SHOWN])
            raise OverrideError(f"{lines}{more}\n何も取り込んでいません / nothing was imported")
        wishes = [why.wish(who, tag, "add") for who, tag in asked]
        made = make(engine, clinic_id, wishes, settings.as_of(), settings.now())
        console.print(
            f"{clinic_id}: {path.name} から {len(made.ids)} 件を付けます、もう効いているもの"
            f" {made.already} 件、{why.until} まで。{EFFECT}",
            highlight=False,
        )

    return _trying(settings, console, do)


def withdraw(settings: Settings, override_id: int, by: str | None, console: Console) -> int:
    """End an override now; FAILED when there is none of that id, or it has ended."""

    def do(engine: Engine) -> None:
        name, day = name_or_login(by), settings.as_of()
        gone = withdraw_one(engine, override_id, name, day, settings.now())
        console.print(
            f"{gone.id}: {gone.clinic_id} {gone.patient_id} {gone.tag} を取り消しました。{EFFECT}",
            highlight=False,
        )

    return _trying(settings, console, do)


def show(settings: Settings, clinics: Sequence[str], console: Console) -> int:
    """Print every override of each clinic asked, or of all: who, what, why, until when."""
    engine = open_ledger(settings.ledger())

    def one(clinic_id: str) -> int:
        path = settings.published_path(clinic_id)
        labels = read_known(path).labels if path.exists() else {}
        console.rule(clinic_id)
        render_overrides(console, overrides_of(engine, clinic_id), labels, settings.as_of())
        return OK

    return each_clinic(settings.exports_dir, clinics, console, one)


def name_or_login(by: str | None) -> str:
    """Return who does this: the name given, or that of the login; blank where there is neither."""
    if by is not None:
        return by
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return ""


def _trying(settings: Settings, console: Console, do: Callable[[Engine], None]) -> int:
    try:
        do(open_ledger(settings.ledger()))
    except (OverrideError, ClinicError) as error:
        return fail(console, str(error))
    return OK


def _published(settings: Settings, clinic: str | None) -> tuple[str, Known]:
    """Return the clinic meant and what it has published."""
    clinic_id = the_clinic(settings.exports_dir, clinic)
    try:
        return clinic_id, read_known(settings.published_path(clinic_id))
    except FileNotFoundError as error:
        raise OverrideError(
            f"{clinic_id}: まだ公開された夜がありません / run `tagline nightly` first"
        ) from error
