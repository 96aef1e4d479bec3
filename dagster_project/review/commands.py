"""What `tagline review` does: show what is published, and record what was decided of it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

import duckdb
from rich.console import Console
from rich.markup import escape

from dagster_project.authoring.project import Project
from dagster_project.authoring.references import own_files, references
from dagster_project.clinic import clinic_ids
from dagster_project.exit_codes import FAILED, OK
from dagster_project.ledger.store import open_ledger
from dagster_project.ledger.tag_decisions import (
    Action,
    Decision,
    DecisionError,
    Found,
    decide,
    retired,
)
from dagster_project.overrides.commands import name_or_login
from dagster_project.overrides.known import Known
from dagster_project.review.read import read_review
from dagster_project.review.render import ACTIONS, render_retired, render_review
from dagster_project.settings import Settings

REVIEWED_AFTER = timedelta(days=183)


@dataclass(frozen=True)
class Wish:
    """A decision somebody asks for: what of which tag, why, by whom, and its two particulars."""

    tag: str
    action: Action
    reason: str | None
    by: str | None
    into: str | None
    until: date | None


def show(settings: Settings, clinics: Sequence[str], console: Console) -> int:
    """Print what each clinic asked, or each there is, has to look at; and what is retired."""
    there = clinic_ids(settings.exports_dir)
    worst = OK
    for clinic_id in clinics or there:
        console.rule(clinic_id)
        if clinic_id not in there:
            console.print(f"[red]no clinic {clinic_id}; there: {', '.join(there) or 'none'}[/]")
            worst = FAILED
            continue
        try:
            found = read_review(settings.published_path(clinic_id))
        except duckdb.Error:
            found = None
        if found:
            render_review(console, found)
        else:
            console.print("[yellow]まだ見直しのある夜がありません / run `tagline nightly` first[/]")
    render_retired(console, retired(open_ledger(settings.ledger()), settings.as_of()))
    return worst


def record(settings: Settings, wish: Wish, console: Console) -> int:
    """Record a decision and say what follows; FAILED, with what to do, where that may not be."""
    try:
        decision = _decision(settings, wish)
        engine = open_ledger(settings.ledger())
        decide(engine, decision, settings.as_of(), settings.now())
    except DecisionError as error:
        console.print(f"[red]{escape(str(error))}[/]", highlight=False)
        return FAILED
    for line in _consequences(settings, decision):
        console.print(escape(line), highlight=False, soft_wrap=True)
    return OK


def _decision(settings: Settings, wish: Wish) -> Decision:
    project = Project(settings.dbt_dir)
    tag = _named(project, wish.tag)
    gone = retired(open_ledger(settings.ledger()), settings.as_of())
    reason, by = wish.reason or "", name_or_login(wish.by)
    if wish.action == "keep":
        if wish.into:
            raise DecisionError("--into goes with merge only")
        if tag in gone:  # in use again, and whatever is found of it will be found anew
            return Decision(tag, "keep", reason, by)
        until = wish.until or _next_review(project, tag, settings.as_of())
        return Decision(tag, "keep", reason, by, kept_until=until, found=_found(settings, tag))
    if wish.until:
        raise DecisionError("--until goes with keep only (期日は継続のときだけです)")
    if tag in gone:
        raise DecisionError(f"{tag} is retired since {gone[tag].made_on} (もう廃止されています)")
    if (wish.action == "merge") != bool(wish.into):
        raise DecisionError(f"merge, and nothing else, needs --into TAG: which tag takes {tag} in?")
    into = _named(project, wish.into) if wish.into else None
    if into == tag or into in gone:
        raise DecisionError(f"{tag} cannot be merged into {into}: name another tag that is in use")
    return Decision(tag, wish.action, reason, by, into_tag=into)


def _named(project: Project, said: str) -> str:
    labels = {name: str(each.meta.get("label_ja") or name) for name, each in project.tags.items()}
    try:
        return Known(frozenset(), labels).tag(said)
    except KeyError as error:
        raise DecisionError(f"no tag {said}: give {error.args[0]}") from error


def _next_review(project: Project, tag: str, as_of: date) -> date:
    """Return the day its yml says, or half a year from now where that has passed."""
    try:
        said = date.fromisoformat(str(project.tags[tag].meta.get("review_on")))
    except ValueError:
        said = as_of
    return said if said > as_of else as_of + REVIEWED_AFTER


def _found(settings: Settings, tag: str) -> list[Found]:
    """Return what is found of a tag at any clinic now: that much is kept, and nothing later."""
    found: dict[Found, None] = {}
    for clinic_id in clinic_ids(settings.exports_dir):
        try:
            review = read_review(settings.published_path(clinic_id))
        except duckdb.Error:
            continue
        for each in review.open if review else []:
            if each.tag == tag:
                found[(each.finding, each.other_tag)] = None
            elif each.other_tag == tag:
                found[(each.finding, each.tag)] = None
    if not found:
        raise DecisionError(f"nothing is found of {tag} (指摘がありません): nothing to keep")
    return list(found)


def _consequences(settings: Settings, decision: Decision) -> list[str]:
    """Return what the decision means, and which files ask for an engineer."""
    label = f"{decision.tag}: {ACTIONS[decision.action]}"
    project, root = Project(settings.dbt_dir), settings.dbt_dir.parent
    if decision.action == "keep":
        if decision.kept_until is None:
            return [f"{label}。次の夜間処理からまた使われます / in use again from the next night"]
        count = len(decision.found)
        until = f"いまの指摘 {count} 件は {decision.kept_until} まで出しません"
        return [f"{label}。{until} / its findings are silent until then, from the next night"]
    said = [f"{label}。次の夜間処理から誰にも付きません / nobody has it from the next night"]
    places = references(project, decision.tag)
    if places:
        said.append(
            "まだ使われています。直すまで夜間処理は止まります"
            " / still named here, and the night stops until it is not:"
        )
        said += [f"  {each.path.relative_to(root)}:{each.line}" for each in places]
    files = [path.relative_to(root) for path in own_files(project, decision.tag)]
    said.append(
        f"エンジニアへ / for an engineer: delete {' and '.join(map(str, files))},"
        f" and its line in {project.tag_list.relative_to(root)}"
    )
    return said
