"""What a person says to the sender, written into the ledger: stop, resume, reset, retry."""

from collections.abc import Callable, Sequence

from rich.console import Console
from rich.markup import escape
from sqlalchemy import Engine

from dagster_project.clinic import ClinicError
from dagster_project.clinics import each_clinic, fail, the_clinic
from dagster_project.exit_codes import OK
from dagster_project.ledger.approvals import ApprovalError
from dagster_project.ledger.dead_letters import DeadLetterError, Decision, decide, undecided
from dagster_project.ledger.holds import EVERY_CLINIC, HoldError, Kind, end, in_force, place
from dagster_project.ledger.store import moment_of, open_ledger, reading, writing
from dagster_project.publish import read_build
from dagster_project.settings import Settings


def stop(settings: Settings, clinics: Sequence[str], by: str, reason: str, console: Console) -> int:
    """Stop sending, at the clinics named or at all there are and will be; at once, not at the end.

    A sender at work asks before every batch: at most the one that is on its way still arrives.
    """

    def do(engine: Engine) -> None:
        for clinic_id in _whom(settings, clinics):
            with writing(engine, clinic_id) as con:
                is_new = place(con, clinic_id, "stop", reason, by, settings.now())
            say(console, clinic_id, "配信を止めました" if is_new else "もう止まっています")

    return trying(settings, console, do)


def resume(
    settings: Settings, clinics: Sequence[str], by: str, reason: str, console: Console
) -> int:
    """End a stop: that of the clinics named, or the one that was said to all of them."""

    def do(engine: Engine) -> None:
        for clinic_id in _whom(settings, clinics):
            _end(engine, settings, clinic_id, "stop", by, reason)
            say(console, clinic_id, "配信を再開します")
            with reading(engine) as con:
                left = in_force(con, clinic_id, "stop", "breaker")
            for each in left:
                say(console, each.clinic_id, f"まだ止まっています ({each.kind}): {each.said}")

    return trying(settings, console, do)


def reset(
    settings: Settings, clinics: Sequence[str], by: str, reason: str, console: Console
) -> int:
    """Reset the circuit breaker of the clinics named, or of the only one there is."""

    def do(engine: Engine) -> None:
        asked: Sequence[str | None] = clinics or [None]
        for clinic_id in [the_clinic(settings.exports_dir, each) for each in asked]:
            _end(engine, settings, clinic_id, "breaker", by, reason)
            say(console, clinic_id, "遮断器を解除しました")

    return trying(settings, console, do)


def retry(
    settings: Settings,
    clinic: str | None,
    begins: str,
    decision: Decision,
    by: str,
    reason: str,
    console: Console,
) -> int:
    """Decide on a batch nobody knows the fate of: send it again as a new one, or let it go."""

    def do(engine: Engine) -> None:
        clinic_id = the_clinic(settings.exports_dir, clinic)
        build = read_build(settings.published_path(clinic_id))
        if build is None or build.as_of != settings.as_of():
            raise DeadLetterError(
                f"{clinic_id}: nothing of today is published: run the night first"
            )
        with writing(engine, clinic_id) as con:
            letter = decide(con, build, begins, decision, by, reason, settings.now())
        verb = {"resend": "もう一度送ります (送信時間内に)", "drop": "送り直しません"}[decision]
        say(console, clinic_id, f"{letter.id[:8]} {letter.campaign} {letter.recipients} 人: {verb}")

    return trying(settings, console, do)


def dead_letters(settings: Settings, clinics: Sequence[str], console: Console) -> int:
    """List the batches that wait for somebody to decide."""
    engine = open_ledger(settings.ledger())

    def one(clinic_id: str) -> int:
        with reading(engine) as con:
            letters = undecided(con, clinic_id)
        for each in letters:
            tried = moment_of(each.first_try_at)
            line = f"{each.id[:8]} {each.campaign} {each.recipients} 人 ({tried:%Y-%m-%d %H:%M})"
            say(console, clinic_id, line)
        if not letters:
            say(console, clinic_id, "判断を待つものはありません")
        return OK

    return each_clinic(settings.exports_dir, clinics, console, one)


def trying(settings: Settings, console: Console, do: Callable[[Engine], None]) -> int:
    """Do one thing to the ledger; FAILED, with what to do, where it may not be."""
    try:
        do(open_ledger(settings.ledger()))
    except (HoldError, DeadLetterError, ApprovalError, ClinicError) as error:
        return fail(console, str(error))
    return OK


def _whom(settings: Settings, clinics: Sequence[str]) -> list[str]:
    named = [the_clinic(settings.exports_dir, each) for each in clinics]
    return named or [EVERY_CLINIC]


def _end(
    engine: Engine, settings: Settings, clinic_id: str, kind: Kind, by: str, reason: str
) -> None:
    with writing(engine, clinic_id) as con:
        if not end(con, clinic_id, kind, reason, by, settings.now()):
            raise HoldError(f"{_name(clinic_id)}: no {kind} is in force (止まっていません)")


def say(console: Console, clinic_id: str, text: str) -> None:
    """Print a line about a clinic, or about all of them."""
    console.print(f"{_name(clinic_id)}: {escape(text)}", highlight=False, soft_wrap=True)


def _name(clinic_id: str) -> str:
    return "すべての医院 / every clinic" if clinic_id == EVERY_CLINIC else clinic_id
