"""Whether one core takes 200 webhooks a second: the service, beside an app that only says 200.

Each runs as a real uvicorn process pinned to one core, on a ledger with WAL and FULL; the load
comes from another process. Prints requests a second, the times, and what reading the chat costs.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime
from http.client import HTTPConnection
from pathlib import Path
from statistics import quantiles
from threading import Thread
from typing import Any

import chat
import uvicorn
from sqlalchemy import insert
from starlette.types import Receive, Scope, Send

from dagster_project.conversation.app import build_app
from dagster_project.conversation.script import script_of
from dagster_project.ledger.chat_tables import line_event
from dagster_project.ledger.conversation import account, accounts
from dagster_project.ledger.store import open_ledger
from dagster_project.settings import ROOT

SECRET = "of-the-bench"  # noqa: S105
CONNECTIONS = 32
OK = 200


class Silent:
    """A LINE that takes every answer at once."""

    def reply(self, reply_token: str, messages: Sequence[dict[str, Any]]) -> None:
        """Do nothing."""

    def link_token(self, line_user_id: str) -> str | None:
        """Return none: nobody logs in here."""


async def bare(scope: Scope, receive: Receive, send: Send) -> None:
    """Read a request and say 200: what HTTP alone costs."""
    while scope["type"] == "http" and (await receive()).get("more_body"):
        pass
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b""})


def serve(ledger: str, port: int) -> None:
    """Serve on the last core this process may use, until ended."""
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    app: Any = bare
    if ledger:
        engine = open_ledger(f"sqlite:///{ledger}")
        app = build_app(engine, {"good": SECRET}, {"good": Silent()}, lambda: datetime.now(UTC))
    uvicorn.run(app, port=port, access_log=False, log_level="warning", lifespan="off")


@contextmanager
def serving(ledger: Path | None, port: int) -> Iterator[None]:
    """Run `serve` in a process of its own."""
    command = [sys.executable, "-m", "bench.webhook", "--port", str(port)]
    with subprocess.Popen([*command, "--ledger", str(ledger or "")]) as process:
        try:
            for _ in range(200):
                try:
                    HTTPConnection("127.0.0.1", port, timeout=1).connect()
                    break
                except OSError:
                    time.sleep(0.1)
            yield
        finally:
            process.terminate()


@dataclass(frozen=True)
class Load:
    """What a stretch of requests took."""

    per_second: float
    p50_ms: float
    p99_ms: float
    worst_ms: float
    refused: int


def signed_by(requests: int, accounts: int) -> list[tuple[bytes, dict[str, str]]]:
    """Return signed webhooks of one event each."""
    raws = [
        chat.body([chat.text("予約の件です", f"U{n % accounts:032x}", n, replyToken=str(n))])
        for n in range(requests)
    ]
    return [(raw, {"x-line-signature": chat.signature(raw, SECRET)}) for raw in raws]


def load(port: int, signed: list[tuple[bytes, dict[str, str]]]) -> Load:
    """Send them over a few connections, each as fast as it is answered."""
    took: list[float] = []
    refused: list[int] = []

    def send(mine: list[tuple[bytes, dict[str, str]]]) -> None:
        connection = HTTPConnection("127.0.0.1", port, timeout=30)
        for raw, headers in mine:
            began = time.perf_counter()
            connection.request("POST", "/webhook/good", raw, headers)
            response = connection.getresponse()
            response.read()
            took.append(time.perf_counter() - began)
            refused.extend([response.status] if response.status != OK else [])

    threads = [Thread(target=send, args=(signed[n::CONNECTIONS],)) for n in range(CONNECTIONS)]
    began = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    wall = time.perf_counter() - began
    cut = quantiles(took, n=100)
    return Load(len(signed) / wall, cut[49] * 1000, cut[98] * 1000, max(took) * 1000, len(refused))


def fill(ledger: Path, people: int, events: int) -> None:
    """Put events of many accounts into a ledger, as a year of a clinic's chat would."""
    kinds = ("follow", "message", "message", "postback", "message")
    tapped = ("consent:v1:all:yes", "answer:intake:v1:department:internal")
    with open_ledger(f"sqlite:///{ledger}").begin() as con:
        for first in range(0, events, 20_000):
            rows = [
                {
                    "clinic_id": "good",
                    "event_id": f"OLD{n:020d}",
                    "at_ms": 1_700_000_000_000 + n * 1000,
                    "kind": kinds[n // people % len(kinds)],
                    "line_user_id": f"U{n % people:032x}",
                    "said": tapped[n % 2] if n // people % 5 == 3 else "予約の件です",
                    "code_digest": None,
                    "received_at": "",
                }
                for n in range(first, min(first + 20_000, events))
            ]
            con.execute(insert(line_event), rows)


def read_costs(ledger: Path) -> None:
    """Print what folding one account costs, and all of them, as each night and each send does."""
    engine = open_ledger(f"sqlite:///{ledger}")
    script, _ = script_of(ROOT / "dagster_project" / "sample")
    began = time.perf_counter()
    for n in range(100):
        account(engine, "good", f"U{n:032x}", script)
    one = (time.perf_counter() - began) / 100
    began = time.process_time()
    found = accounts(engine, "good", date(2030, 1, 1), script)
    everyone = time.process_time() - began
    print(f"one account {one * 1000:.1f} ms; all {len(found):,} accounts {everyone:.2f} CPU s")


def show(name: str, found: Load) -> None:
    """Print what a load took."""
    print(
        f"{name:15} {found.per_second:6.0f}/s  p50 {found.p50_ms:5.0f} ms"
        f"  p99 {found.p99_ms:5.0f} ms  worst {found.worst_ms:5.0f} ms"
        f"  not acknowledged {found.refused}"
    )


def main() -> None:
    """Measure bare, an empty ledger, and a full one."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, help="serve, instead of measuring")
    parser.add_argument("--ledger", default="")
    parser.add_argument("--requests", type=int, default=4000)
    asked = parser.parse_args()
    if asked.port:
        serve(asked.ledger, asked.port)
        return
    # The load keeps to the other core.
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    with tempfile.TemporaryDirectory() as folder:
        empty, full = Path(folder) / "empty.db", Path(folder) / "full.db"
        fill(full, people=20_000, events=200_000)
        cases = [("bare", None), ("empty ledger", empty), ("200,000 events", full)]
        for port, (name, ledger) in enumerate(cases, 8861):
            with serving(ledger, port):
                load(port, signed_by(50, 50))
                signed = signed_by(asked.requests, 20_000)
                show(name, load(port, signed))
                if ledger == full:
                    show("delivered again", load(port, signed))
        read_costs(full)


if __name__ == "__main__":
    main()
