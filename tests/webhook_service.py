"""The webhook service on a port of this machine, and a LINE that listens to what it answers."""

import http.client
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import chat
import uvicorn
from sqlalchemy import Engine, func, select
from starlette.applications import Starlette

from dagster_project.conversation.app import Ways, build_app
from dagster_project.conversation.script import Script
from dagster_project.ledger.chat_tables import line_event
from dagster_project.ledger.store import open_ledger

SECRET = "of-this-clinic"  # noqa: S105


@dataclass
class Answers:
    """A LINE that only listens to what is answered."""

    given: list[tuple[str, list[dict[str, Any]]]] = field(default_factory=list)
    arrived: threading.Event = field(default_factory=threading.Event)

    def reply(self, reply_token: str, messages: Sequence[dict[str, Any]]) -> None:
        self.given.append((reply_token, list(messages)))
        self.arrived.set()

    def link_token(self, line_user_id: str) -> str | None:  # noqa: ARG002 - nobody logs in
        return None


@dataclass
class Service:
    """The service on a port of this machine, and LINE's hand to call it with."""

    engine: Engine
    answers: Answers
    port: int

    def post(
        self, raw: bytes, signature: str | None = None, clinic: str = "good", path: str = ""
    ) -> int:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        try:
            headers = {"x-line-signature": signature or chat.signature(raw, SECRET)}
            connection.request("POST", path or f"/webhook/{clinic}", raw, headers)
            response = connection.getresponse()
            assert response.read() == b"", "nothing is told to whoever calls"
            return response.status
        finally:
            connection.close()

    def say(self, *events: dict[str, Any]) -> int:
        return self.post(chat.body(events))

    def answered(self, event: dict[str, Any]) -> list[dict[str, Any]]:
        """Send an event that can be answered, and return the messages of the answer."""
        self.answers.arrived.clear()
        assert self.say({**event, "replyToken": event["webhookEventId"]}) == 200
        assert self.answers.arrived.wait(5)
        token, messages = self.answers.given[-1]
        assert token == event["webhookEventId"]
        return messages

    def kept(self) -> int:
        with self.engine.connect() as con:
            return int(con.execute(select(func.count()).select_from(line_event)).scalar_one())


@contextmanager
def serving(
    ledger_url: str,
    script: Script | None = None,
    ways: Ways | None = None,
    clock: Callable[[], datetime] = lambda: chat.START,
) -> Iterator[Service]:
    """Serve clinic `good` in a thread until left."""
    engine, answers = open_ledger(ledger_url), Answers()
    ways = ways or Ways(scripts={"good": lambda: script} if script else {})
    app = build_app(engine, {"good": SECRET}, {"good": answers}, clock, ways)
    with on_a_port(app) as port:
        yield Service(engine, answers, port)


@contextmanager
def on_a_port(app: Starlette, log_level: str = "warning") -> Iterator[int]:
    """Serve an app in a thread, on a free port of this machine, until left."""
    config = uvicorn.Config(app, port=0, access_log=False, log_level=log_level)
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        thread.join(0.01)
    yield int(server.servers[0].sockets[0].getsockname()[1])
    server.should_exit = True
    thread.join(5)
