"""Night after night of one campaign, each with what was known then, and a ledger of its own."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

import duckdb
from dbt.contracts.graph.manifest import Manifest

from dagster_project.backtest.outcome import Total, read_totals
from dagster_project.backtest.run import Run
from dagster_project.backtest.tables import tables_of
from dagster_project.backtest.warehouse import CARRIED, BacktestError, carry, make_standing
from dagster_project.clinic import Clinic
from dagster_project.replay.landing import lay_out_landing
from dagster_project.replay.past import PastNight, read_past
from dagster_project.settings import Settings

OUTCOMES = "message_outcomes"  # asked once, after the last night
WANTED = ("delivery_decisions", *CARRIED, "decision_reasons", OUTCOMES, "answer_rules")
SENT = (
    "select occurrence_id, campaign, step, line_user_id, patient_id, 'accepted', $day, $at,"
    " null, content_version, purpose from delivery_decisions where outcome = 'send'"
    " order by occurrence_id, line_user_id, patient_id"
)
FIRST_KNOWN = (
    "select min(greatest(exported_on, coalesce(known_on, first_seen_as_of)))"
    " from read_parquet($registry)"
)


@dataclass(frozen=True)
class NightCount:
    """One night: who was in the segment, what would have left, and what kept the others back."""

    day: date
    is_open: bool
    members: int
    messages: int  # one may be for several patients
    reasons: Mapping[str, int]  # patients by reason, `send` among them


@dataclass(frozen=True)
class Backtest:
    """A campaign's nights, and who came anyway."""

    nights: list[NightCount]
    labels: Mapping[str, str]  # of every reason, in their order
    totals: list[Total]
    told_until: date  # the published night whose exports say who came
    is_of_published: bool  # else there were none in the range, and every day of it is a night


def backtest(
    settings: Settings,
    clinic: Clinic,
    manifest: Manifest,
    campaign: str,
    start: date,
    end: date,
    at_night: Callable[[int, int], None],
) -> Backtest:
    """Return what a campaign would have sent from start to end, had it begun on the first night.

    `at_night` is told how many nights of how many are done. Nothing but a scratch folder is
    written. Raises BacktestError, ReplayError or DbtError.
    """
    with TemporaryDirectory(dir=settings.data_dir.resolve(), prefix="backtest-") as name:
        scratch = Path(name)
        (scratch / "history").mkdir()
        published = settings.published_path(clinic.clinic_id)
        past = read_past(published, scratch / "history", start, end)
        landing = scratch / "landing" / clinic.clinic_id
        lay_out_landing(settings.landing_dir() / clinic.clinic_id, landing, past)
        first_known = _first_known(landing, past.build.as_of)
        nights = [night for night in past.nights if night.day >= first_known]
        if not nights:
            raise BacktestError(
                f"最初のエクスポートは {first_known} に届きました: それより前の夜は何も知りません"
                " / no export had arrived by then"
            )
        tables = tables_of(settings, manifest, campaign, WANTED)
        run = Run(settings, clinic, replace(past, nights=nights), tables, scratch)
        make_standing(run.standing, tables)
        counts = []
        for count in _each(run):
            counts.append(count)
            at_night(len(counts), len(nights))
        with run.open(PastNight(past.build.as_of, None, False), tables) as con:
            reasons = con.execute("select reason, label_ja from decision_reasons order by rank")
            labels = dict(reasons.fetchall())
            totals = read_totals(con)
    is_of_published = any(night.is_published for night in nights)
    return Backtest(counts, labels, totals, past.build.as_of, is_of_published)


def _each(run: Run) -> Iterator[NightCount]:
    tables = [table for table in run.tables if table.name != OUTCOMES]
    for night in run.past.nights:
        with run.open(night, tables) as con:
            at = datetime.combine(night.day, run.clinic.send_window.opens)
            sent = con.execute(SENT, {"day": night.day, "at": at}).fetchall()
            decided = con.execute(
                "select reason, count(*), count(*) filter (standing = 'member')"
                " from delivery_decisions group by reason"
            ).fetchall()
            carry(con, run.carried)
        run.deliveries += sent
        yield NightCount(
            night.day,
            run.clinic.calendar.is_open(night.day),
            sum(members for _, _, members in decided),
            len({(occurrence, account) for occurrence, _, _, account, *_ in sent}),
            {reason: patients for reason, patients, _ in decided},
        )


def _first_known(landing: Path, otherwise: date) -> date:
    registry = str(landing / "files" / "registry.parquet")
    with duckdb.connect() as con:
        ((day,),) = con.execute(FIRST_KNOWN, {"registry": registry}).fetchall()
    return day or otherwise
