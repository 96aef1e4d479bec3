"""A campaign's own send window in its yml: hours of a day, within those of every clinic."""

import re
from collections.abc import Iterator, Mapping
from datetime import time
from pathlib import Path

from dagster_project.authoring.finding import Finding
from dagster_project.authoring.project import Model, Project
from dagster_project.authoring.yml import mapping
from dagster_project.clinic import ClinicError, SendWindow, clinic_ids, clinic_in

HOUR = re.compile(r"([01]\d|2[0-3]):[0-5]\d")
HOURS = 'hours in quotes, the first before the second: {from: "12:00", to: "15:00"}'


def is_window(value: object) -> bool:
    """Return whether a value of yml is a send window."""
    return _window(value) is not None


def lint_windows(project: Project, clinics: Mapping[str, SendWindow]) -> Iterator[Finding]:
    """Yield each campaign whose own hours go beyond a clinic's: it would never be sent in those."""
    for segment in project.segments.values():
        window = _window(_said(segment))
        if window is None or segment.yml is None:
            continue
        for clinic_id, hours in clinics.items():
            if window.opens < hours.opens or window.closes > hours.closes:
                line = segment.line("campaign", "send_window")
                wrong = f"send_window {_shown(window)} goes beyond that of {clinic_id}"
                yield Finding(segment.yml.path, line, wrong, f"stay within {_shown(hours)}")


def windows_of(exports_dir: Path) -> dict[str, SendWindow]:
    """Return every clinic's hours; of a clinic.yaml that cannot be read its night says so."""
    found = {}
    for clinic_id in clinic_ids(exports_dir):
        try:
            found[clinic_id] = clinic_in(exports_dir, clinic_id).send_window
        except ClinicError:
            continue
    return found


def _said(segment: Model) -> object:
    return mapping(segment.meta.get("campaign")).get("send_window")


def _window(value: object) -> SendWindow | None:
    said = mapping(value)
    if said.keys() != {"from", "to"} or not all(isinstance(each, str) for each in said.values()):
        return None
    if not all(HOUR.fullmatch(said[each]) for each in said):
        return None
    opens, closes = (time.fromisoformat(said[each]) for each in ("from", "to"))
    return SendWindow(opens=opens, closes=closes) if opens < closes else None


def _shown(window: SendWindow) -> str:
    return f"{window.opens:%H:%M}-{window.closes:%H:%M}"
