"""The service under a fuzzer that knows its description and also breaks it (schemathesis).

Bodies and headers that fit the description and ones that do not, over real HTTP: nothing is an
error of ours, nothing that is not signed is kept, and nobody is told more than a status.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from functools import partial
from pathlib import Path
from typing import Any

import chat
import pytest
import requests
import schemathesis
import yaml
from hypothesis import HealthCheck, settings
from schemathesis.checks import not_a_server_error
from schemathesis.config import SchemathesisConfig
from schemathesis.specs.openapi.checks import status_code_conformance
from sqlalchemy import Engine, func, select
from test_linking import publish
from webhook_service import Answers, on_a_port

from dagster_project.conversation.app import Ways, build_app
from dagster_project.conversation.chart import Judge
from dagster_project.conversation.script import script_of
from dagster_project.ledger.chat_tables import line_event, link_code
from dagster_project.ledger.conversation import account, accounts
from dagster_project.ledger.store import open_ledger
from dagster_project.settings import ROOT

HERE = Path(__file__).parent
SECRET, LOGIN_SECRET = "of-this-clinic", "of-its-login"
SCRIPT, _ = script_of(ROOT / "dagster_project" / "sample")
CHECKS = [not_a_server_error, status_code_conformance]
FUZZ = settings(deadline=None, suppress_health_check=list(HealthCheck))


def description() -> Any:
    raw = yaml.safe_load((HERE / "webhook_openapi.yaml").read_text(encoding="utf-8"))
    config = SchemathesisConfig.from_dict({"generation": {"mode": "all"}})
    return schemathesis.openapi.from_dict(raw, config=config)


DESCRIPTION = description()


@dataclass
class Service:
    engine: Engine
    url: str

    def kept(self) -> tuple[int, int]:
        """Return how many events and codes are in the ledger."""
        with self.engine.connect() as con:
            counts = [select(func.count()).select_from(each) for each in (line_event, link_code)]
            events, codes = (int(con.execute(each).scalar_one()) for each in counts)
        return events, codes

    def send(self, case: Any, secret: str | None) -> requests.Response:
        """Send a case as it is, or signed as LINE and the clinic's login would have done."""
        prepared = requests.Request(**case.as_transport_kwargs(base_url=self.url)).prepare()
        if secret:
            body = prepared.body or b""
            raw = body.encode() if isinstance(body, str) else body
            prepared.headers["x-line-signature"] = chat.signature(raw, secret)
            prepared.headers["authorization"] = f"Bearer {LOGIN_SECRET}"
        with requests.Session() as session:
            session.trust_env = False
            return session.send(prepared, timeout=10, allow_redirects=False)


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    folder = tmp_path_factory.mktemp("fuzz")
    engine = open_ledger(f"sqlite:///{folder}/ledger.db")
    published = folder / "warehouse.duckdb"
    publish(published)
    known = partial(account, engine, "good", script=SCRIPT)
    ways = Ways(
        judges={"good": Judge(published, SCRIPT.words, known)},
        login_urls={"good": "https://login.example/line"},
        login_secrets={"good": LOGIN_SECRET},
        dialogs={"good": "https://access.line.example/accountLink"},
        scripts={"good": lambda: SCRIPT},
    )
    app = build_app(engine, {"good": SECRET}, {"good": Answers()}, lambda: chat.START, ways)
    with on_a_port(app, log_level="critical") as port:
        yield Service(engine, f"http://127.0.0.1:{port}")


def is_told_nothing(response: requests.Response) -> bool:
    """Return whether there is no word of the inside in an answer, whatever its status."""
    words = ("Traceback", "sqlalchemy", "dagster_project", "Error", ".py")
    return not any(word in response.text + str(response.headers) for word in words)


@DESCRIPTION.parametrize()
@settings(FUZZ, max_examples=60)
def test_whatever_is_sent_unsigned_is_refused_and_leaves_nothing(
    case: Any, service: Service
) -> None:
    before = service.kept()
    response = service.send(case, None)
    case.validate_response(response, checks=CHECKS)
    assert 400 <= response.status_code < 500
    assert is_told_nothing(response)
    assert service.kept() == before


@DESCRIPTION.parametrize()
@settings(FUZZ, max_examples=300)
def test_whatever_is_signed_is_no_error_of_ours_and_the_night_can_read_it(
    case: Any, service: Service
) -> None:
    response = service.send(case, SECRET)
    case.validate_response(response, checks=CHECKS)
    assert is_told_nothing(response)
    accounts(service.engine, "good", date.max, SCRIPT)
