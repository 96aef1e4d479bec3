"""Whether 30,000 people are planned for and sent to within a minute of CPU: `make bench-send`.

A published night and a ledger with full flushes in this process, the simulator in another. The
floor is the same bytes to the same simulator over plain HTTP, with no ledger and no SDK.
"""

import multiprocessing
import resource
import socket
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from http.client import HTTPConnection
from pathlib import Path

import click
import duckdb
from published_nights import SHAPE, write_build
from sqlalchemy import Engine, select

from bench.measure import cost_here
from dagster_project.clinic import Clinic
from dagster_project.delivery.plan import PlanRow, plan_night
from dagster_project.delivery.run import DeliveryReport, deliver
from dagster_project.ledger.store import open_ledger, reading
from dagster_project.ledger.tables import batch
from dagster_project.line.client import LineClient
from dagster_project.line.simulated import introduce
from dagster_project.line.wordings import Wordings
from dagster_project.publish import Build
from dagster_project.settings import TOKYO
from dagster_project.simulator import run_forever

CAMPAIGNS = 4
NOW = datetime(2026, 6, 1, 10, 1, tzinfo=TOKYO)
CLINIC = Clinic.model_validate(
    {
        "clinic_id": "bench",
        "name": "bench",
        "line": {"channel": "bench", "monthly_limit": 1_000_000},
        "calendar": {},
        "feeds": {},
    }
)
BUILD = Build("bench", "bench-1", NOW.date(), NOW.replace(hour=2))
MESSAGES: Wordings = {
    "v1": [{"type": "text", "text": "そろそろ受診の時期です。ご予約をお待ちしています。"}]
}
# Every third message is for two siblings.
PLAN = f"""
insert into delivery_plan by name
select 'bench/c' || i % {CAMPAIGNS} || '/1/v1/2026-H1' as occurrence_id,
       printf('U%032x', i) as line_user_id,
       'p' || i || if(i % 3 = 0, ',s' || i, '') as patient_ids, 'plain' as wording,
       if(i % 3 = 0, 2, 1) as patients
from range($people) numbers (i);
"""
DECISIONS = """
insert into delivery_decisions
select split_part(occurrence_id, '/', 2), unnest(string_split(patient_ids, ',')), 'send'
from delivery_plan
"""


def publish(path: Path, people: int) -> list[PlanRow]:
    """Write a night with a message for each account and return its plan."""
    with duckdb.connect(str(path)) as con:
        con.execute(SHAPE)
        write_build(con, BUILD)
        con.execute(PLAN, {"people": people})
        con.execute(DECISIONS)
        con.execute(
            "insert into campaigns by name"
            " select distinct campaign, 0 as visited_within_days from delivery_decisions"
        )
        rows = con.execute(
            "select occurrence_id, split_part(occurrence_id, '/', 2), 1, line_user_id,"
            " patient_ids, 3, 'visit', 'v1', 'a' from delivery_plan order by all"
        ).fetchall()
    return [PlanRow(*row) for row in rows]


@contextmanager
def simulator(folder: Path, rows: Sequence[PlanRow]) -> Iterator[str]:
    """Run the simulator, with everybody for a friend, in a process of its own."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    spawn = multiprocessing.get_context("spawn")
    process = spawn.Process(target=run_forever, args=(port, folder, NOW))
    process.start()
    try:
        for _ in range(200):
            try:
                HTTPConnection("127.0.0.1", port, timeout=1).connect()
                break
            except OSError:
                time.sleep(0.1)
        url = f"http://127.0.0.1:{port}"
        introduce(url, CLINIC, sorted({row.line_user_id for row in rows}), [])
        yield url
    finally:
        process.terminate()
        process.join()


def send(engine: Engine, published: Path, rows: Sequence[PlanRow], url: str) -> DeliveryReport:
    """Send the published night to whoever it names."""
    reachable = {
        (row.line_user_id, patient, row.purpose)
        for row in rows
        for patient in row.patient_ids.split(",")
    }
    line = LineClient(url, "simulator:bench")
    return deliver(engine, CLINIC, published, reachable, MESSAGES, line, lambda: NOW)


def post_again(engine: Engine, url: str) -> None:
    """Send the frozen bytes once more, without their keys, over one plain connection."""
    with reading(engine) as con:
        bodies: Sequence[bytes] = con.execute(select(batch.c.body)).scalars().all()
    connection = HTTPConnection(url.removeprefix("http://"))
    headers = {"Authorization": "Bearer simulator:bench", "Content-Type": "application/json"}
    for body in bodies:
        connection.request("POST", "/v2/bot/message/multicast", body, headers)
        connection.getresponse().read()


@click.command()
@click.option("--people", default=30_000, show_default=True)
def main(people: int) -> None:
    """Plan, send, do both again with nothing left to do, and send the bytes plainly."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        published = folder / "published.duckdb"
        rows = publish(published, people)
        engine = open_ledger(f"sqlite:///{folder / 'ledger.db'}")
        with simulator(folder / "line", rows) as url:
            reports = []
            ours = 0.0
            for again in ("", ", nothing left to do"):
                ours += cost_here(f"plan{again}", lambda: plan_night(engine, rows, BUILD, NOW))
                ours += cost_here(
                    f"send{again}", lambda: reports.append(send(engine, published, rows, url))
                )
            cost_here("floor: the bytes, plain HTTP", lambda: post_again(engine, url))
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    print(f"{'simulator, with its imports':32} {used.ru_utime + used.ru_stime:6.2f} s CPU")
    accepted = reports[-1].ledger.accepted
    print(f"{accepted:,} of {people:,} accepted; plan and send, twice: {ours:.1f} s CPU")


if __name__ == "__main__":
    main()
