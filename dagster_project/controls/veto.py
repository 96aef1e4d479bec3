"""What `tagline veto` and `tagline approve` do: a person's word on one patient, or one campaign."""

from collections.abc import Mapping
from pathlib import Path

import duckdb
from rich.console import Console
from sqlalchemy import Engine

from dagster_project.checks.audience import out_of_band
from dagster_project.clinic import clinic_in
from dagster_project.clinics import the_clinic
from dagster_project.controls.commands import say, trying
from dagster_project.delivery.approval import Campaign, campaigns_in
from dagster_project.delivery.merges import merges_in, named_today
from dagster_project.ingest.cells import clean
from dagster_project.ingest.reachability import patient_id
from dagster_project.ledger.approvals import ApprovalError, Wish, approve_audience
from dagster_project.ledger.approvals import approve as record
from dagster_project.ledger.holds import HoldError, end, in_force, place
from dagster_project.ledger.store import writing
from dagster_project.overrides.known import read_known
from dagster_project.publish import read_build
from dagster_project.settings import Settings


def veto(
    settings: Settings,
    clinic: str | None,
    patient: str | None,
    campaign: str | None,
    by: str,
    reason: str,
    console: Console,
    *,
    is_withdrawn: bool,
) -> int:
    """Keep messages from one patient, or of one campaign, until the veto is withdrawn."""

    def do(engine: Engine) -> None:
        clinic_id, now = the_clinic(settings.exports_dir, clinic), settings.now()
        merged = _merged(settings.published_path(clinic_id))
        subject = _subject(settings, clinic_id, patient, campaign, merged)
        with writing(engine, clinic_id) as con:
            if is_withdrawn:
                vetoes = [each.subject for each in in_force(con, clinic_id, "veto")]
                same = [each for each in vetoes if named_today(each, merged) == subject]
                if not [end(con, clinic_id, "veto", reason, by, now, each) for each in same]:
                    raise HoldError(f"{clinic_id}: no veto on {subject} (止められていません)")
            elif not place(con, clinic_id, "veto", reason, by, now, subject):
                say(console, clinic_id, f"{subject}: もう止められています")
                return
        verb = "また送れます" if is_withdrawn else "取り消すまで送りません (`--withdraw` で取消)"
        say(console, clinic_id, f"{subject}: {verb}")
        if not is_withdrawn and clinic_in(settings.exports_dir, clinic_id).may_send_at(now):
            say(console, clinic_id, "送信時間に入っています。もう送ったものは戻せません")

    return trying(settings, console, do)


def approve(
    settings: Settings,
    clinic: str | None,
    campaign: str,
    by: str,
    console: Console,
    people: int | None = None,
) -> int:
    """Approve what a campaign says now, for the business day; not by its owner.

    With `people` also that it is for so many tonight, where a check of that number failed.
    """

    def do(engine: Engine) -> None:
        clinic_id = the_clinic(settings.exports_dir, clinic)
        found = _campaign(settings, campaign)
        wishes = [Wish(content, found.owner, by) for content in found.contents]
        path = settings.published_path(clinic_id)
        build, held = read_build(path), out_of_band(path).get(campaign)
        is_today = build is not None and build.as_of == settings.as_of()
        if people is not None and (not is_today or held != people):
            asks = f"{held} people" if is_today and held is not None else "no approval of a number"
            raise ApprovalError(f"{campaign}: tonight asks for {asks} (人数が今夜のものと違います)")
        with writing(engine, clinic_id) as con:
            for wish in wishes:
                record(con, clinic_id, wish, settings.as_of(), settings.now())
            if people is not None and build is not None:
                approve_audience(con, wishes[0], build, people, settings.now())
        said = ", ".join(version for _, version in found.contents)
        text = f"{campaign} ({said}) を {by} が承認しました ({settings.as_of()})"
        say(console, clinic_id, text)
        if people is not None:
            say(console, clinic_id, f"対象 {people} 人も承認しました。`tagline nightly` で送れます")
        elif is_today and held is not None:
            say(console, clinic_id, f"対象 {held} 人は検査で保留です (`--people {held}` で承認)")

    return trying(settings, console, do)


def _subject(
    settings: Settings,
    clinic_id: str,
    patient: str | None,
    campaign: str | None,
    merged: Mapping[str, str],
) -> str:
    if (patient is None) == (campaign is None):
        raise HoldError("say --patient P or --campaign C, one of them (どちらか一方)")
    if campaign is not None:
        _campaign(settings, campaign)
        return f"campaign {campaign}"
    asked = patient_id(clean(patient or ""))
    who = merged.get(asked, asked)
    path = settings.published_path(clinic_id)
    if not path.exists() or who not in read_known(path).patients:
        raise HoldError(f"{clinic_id}: patient {patient} is not in the published list")
    return f"patient {who}"


def _merged(published: Path) -> dict[str, str]:
    if not published.exists():
        return {}
    with duckdb.connect(str(published), read_only=True) as con:
        return merges_in(con)


def _campaign(settings: Settings, name: str) -> Campaign:
    there = campaigns_in(settings.dbt_dir / "campaigns")
    if name not in there:
        raise ApprovalError(f"no campaign {name}; there: {', '.join(there)}")
    return there[name]
