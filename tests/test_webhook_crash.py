"""kill -9 of the real service under load: what it acknowledged is in the ledger, once."""

import os
import random
import signal
import socket
import subprocess
import sys
import threading
import time
from http.client import HTTPConnection, HTTPException
from itertools import count
from pathlib import Path

import chat
import pytest
from clinic_builder import user
from sqlalchemy import select

from dagster_project.ledger.chat_tables import line_event
from dagster_project.ledger.store import open_ledger
from dagster_project.ledger.tables import audit

SECRET = "of-this-clinic"  # noqa: S105
SENDERS = 6
SERVICE = f"""
import sys, chat, uvicorn
from dagster_project.conversation.app import build_app
from dagster_project.ledger.store import open_ledger
engine = open_ledger(sys.argv[1])
app = build_app(engine, {{"good": {SECRET!r}}}, {{}}, lambda: chat.START)
uvicorn.run(app, port=int(sys.argv[2]), access_log=False, log_level="critical")
"""


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def started(ledger: str, port: int) -> subprocess.Popen[bytes]:
    paths = os.pathsep.join([str(Path(__file__).parent), str(Path(__file__).parents[1])])
    process = subprocess.Popen(
        [sys.executable, "-c", SERVICE, ledger, str(port)], env={**os.environ, "PYTHONPATH": paths}
    )
    for _ in range(600):
        try:
            HTTPConnection("127.0.0.1", port, timeout=1).connect()
        except OSError:
            time.sleep(0.05)
        else:
            return process
    process.kill()
    raise TimeoutError


def until_killed(port: int, said: str, acknowledged: set[str], numbers: "count[int]") -> None:
    """Send as LINE does, two events at a time, until nobody answers."""
    try:
        connection = HTTPConnection("127.0.0.1", port, timeout=5)
        while True:
            events = [chat.text(said, user(next(numbers) % 50), 0) for _ in range(2)]
            raw = chat.body(events)
            headers = {"x-line-signature": chat.signature(raw, SECRET)}
            connection.request("POST", "/webhook/good", raw, headers)
            response = connection.getresponse()
            response.read()
            if response.status == 200:
                acknowledged.update(str(each["webhookEventId"]) for each in events)
    except (OSError, HTTPException):
        return


def trial(folder: Path, seed: int, kills: int) -> None:
    chance = random.Random(seed)  # noqa: S311
    ledger, acknowledged, numbers = f"sqlite:///{folder}/ledger.db", set(), count()
    for _ in range(kills):
        port = free_port()
        process = started(ledger, port)
        senders = [
            threading.Thread(
                target=until_killed, args=(port, "胸が痛い", acknowledged, numbers), daemon=True
            )
            for _ in range(SENDERS)
        ]
        before = len(acknowledged)
        for each in senders:
            each.start()
        while len(acknowledged) == before:
            time.sleep(0.001)
        time.sleep(chance.uniform(0, 0.3))
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        for each in senders:
            each.join(10)
    with open_ledger(ledger).connect() as con:
        kept = list(con.execute(select(line_event.c.event_id)).scalars())
        told = list(con.execute(select(audit.c.detail)).scalars())
    assert len(kept) == len(set(kept))
    assert acknowledged <= set(kept), "an event was acknowledged and is lost"
    assert sorted(told) == sorted(kept), "an emergency is reported with its event, once"


def test_what_was_acknowledged_survives_a_kill(tmp_path: Path) -> None:
    trial(tmp_path, seed=1, kills=3)


@pytest.mark.crash
@pytest.mark.parametrize("seed", range(2, 8))
def test_what_was_acknowledged_survives_many_kills(tmp_path: Path, seed: int) -> None:
    trial(tmp_path, seed, kills=8)
