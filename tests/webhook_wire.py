"""The webhook service on a port of this machine, for tests that call it as LINE does."""

import socket
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import chat
from sqlalchemy import Engine
from webhook_service import on_a_port

from dagster_project.conversation.app import build_app


class Listener:
    """A LINE that only listens to what is answered."""

    def __init__(self) -> None:
        self.given: list[tuple[str, list[dict[str, Any]]]] = []

    def reply(self, reply_token: str, messages: Sequence[dict[str, Any]]) -> None:
        self.given.append((reply_token, list(messages)))

    def link_token(self, line_user_id: str) -> str | None:  # noqa: ARG002 - nobody logs in
        return None


@contextmanager
def serving(
    engine: Engine, secrets: Mapping[str, str], listener: Listener
) -> Iterator[Callable[..., int]]:
    """Yield a way to post a body to a clinic's URL, which returns the status."""
    app = build_app(engine, secrets, dict.fromkeys(secrets, listener), lambda: chat.START)
    with on_a_port(app, log_level="critical") as port:

        def post(raw: bytes, clinic: str = "good", secret: str | None = None) -> int:
            signature = chat.signature(raw, secret or secrets[clinic])
            return status(wire(port, clinic, raw, {"x-line-signature": signature.encode()}))

        post.port = port  # type: ignore[attr-defined]
        yield post


def wire(
    port: int, clinic: str, sent: bytes, headers: Mapping[str, bytes], length: int | None = None
) -> bytes:
    """Return all that comes back for a request of any bytes, with a Content-Length that may lie."""
    fields = {"host": b"x", "connection": b"close"} | dict(headers)
    fields["content-length"] = str(len(sent) if length is None else length).encode()
    head = b"".join(b"%s: %s\r\n" % (name.encode(), value) for name, value in fields.items())
    back = b""
    with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
        try:
            connection.sendall(b"POST /webhook/%s HTTP/1.1\r\n" % clinic.encode() + head + b"\r\n")
            connection.sendall(sent)
        except (BrokenPipeError, ConnectionResetError):
            pass
        try:
            while part := connection.recv(65536):
                back += part
        except ConnectionResetError:
            pass
    return back


def status(response: bytes) -> int:
    return int(response.split(b" ", 2)[1])
