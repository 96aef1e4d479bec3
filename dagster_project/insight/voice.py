"""`tagline voice`: what patients answered; their own words only for whom the clinic names.

Numbers come from `answer_results`, small groups left out. What was written in one's own words is
read from the ledger, by a reader whom clinic.yaml names, without the account that wrote it; and
that it was read is written down.
"""

from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
from rich.console import Console
from rich.markup import escape
from rich.table import Table
from sqlalchemy import Engine, select

from dagster_project.clinic import clinic_in
from dagster_project.clinics import each_clinic
from dagster_project.conversation.events import tokyo_day
from dagster_project.conversation.script import Script, script_of
from dagster_project.exit_codes import FAILED, OK
from dagster_project.insight.answer_counts import Question, answer_counts
from dagster_project.insight.shares import Hidden
from dagster_project.ledger.audit import write_audit
from dagster_project.ledger.chat_tables import line_event
from dagster_project.ledger.conversation import accounts
from dagster_project.ledger.store import open_ledger, reading, writing
from dagster_project.settings import Settings


def show_voice(
    settings: Settings, chosen: Sequence[str], reader: str | None, console: Console
) -> int:
    """Print each clinic's answers, and for a `reader` the texts; return the exit code."""

    def one(clinic_id: str) -> int:
        console.rule(clinic_id)
        _numbers(settings.published_path(clinic_id), console)
        return _texts(settings, clinic_id, reader, console) if reader else OK

    return each_clinic(settings.exports_dir, chosen, console, one)


def _numbers(published: Path, console: Console) -> None:
    questions: list[Question] = []
    if published.exists():
        with duckdb.connect(str(published), read_only=True) as con:
            questions = answer_counts(con)
    if not questions:
        console.print("まだ答えがありません / no answers yet")
    for each in questions:
        title = f"{each.questionnaire} / {each.question}"
        table = Table("答え", "人数", "割合", title=title, box=None)
        for choice in each.choices:
            numbers = (str(Hidden.TOO_FEW), "")
            if choice.people is not None:
                numbers = (f"{choice.people}", f"{choice.share:.1%}")
            table.add_row(escape(str(choice.label)), *numbers)
        console.print(table)


def _texts(settings: Settings, clinic_id: str, reader: str, console: Console) -> int:
    if reader not in clinic_in(settings.exports_dir, clinic_id).voice_readers:
        said = f"{reader} は自由記述を読む人として clinic.yaml の voice_readers にありません"
        console.print(f"[red]{escape(said)}[/]", soft_wrap=True)
        return FAILED
    script, _ = script_of(settings.exports_dir / clinic_id)
    ledger, now = open_ledger(settings.ledger()), settings.now()
    texts = own_words(ledger, clinic_id, settings.as_of(), script)
    with writing(ledger, clinic_id) as con:
        write_audit(con, now, clinic_id, "voice_read", reader, f"{len(texts)} texts")
    for question, day, text in texts:
        console.print(f"{day} {escape(question)}: {escape(text)}", highlight=False, soft_wrap=True)
    return OK


def own_words(
    engine: Engine, clinic_id: str, until: date, script: Script
) -> list[tuple[str, date, str]]:
    """Return the texts that answer questions, the oldest first: question, day, text."""
    told = {
        answer.event_id: ("/".join(asked), tokyo_day(answer.at_ms))
        for account in accounts(engine, clinic_id, until, script).values()
        for asked, answer in account.answers.items()
        if not answer.chosen
    }
    here = (line_event.c.clinic_id == clinic_id, line_event.c.said != "")
    with reading(engine) as con:
        rows: Sequence[Any] = con.execute(
            select(line_event.c.event_id, line_event.c.said)
            .where(*here)
            .order_by(line_event.c.at_ms, line_event.c.event_id)
        ).all()
    return [(*told[row.event_id], row.said) for row in rows if row.event_id in told]
