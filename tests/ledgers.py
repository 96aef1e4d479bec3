"""A PostgreSQL for the tests: the one they are given, or one they start where it is installed."""

import os
import shutil
import subprocess
import tempfile
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest

UNPRIVILEGED = "nobody"  # PostgreSQL refuses to run as root


def _binary(name: str) -> Path | None:
    found = shutil.which(name)
    candidates = (
        [Path(found)] if found else sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"))
    )
    return candidates[-1] if candidates else None


@contextmanager
def postgres_server() -> Iterator[str]:
    """Yield the URL of a PostgreSQL server, or skip with the reason.

    The one of TAGLINE_TEST_POSTGRES_URL; else a throw-away one on a socket in a
    temporary folder, where the server's programs are on this machine.
    """
    if url := os.environ.get("TAGLINE_TEST_POSTGRES_URL"):
        yield url
        return
    initdb, postgres = _binary("initdb"), _binary("postgres")
    if initdb is None or postgres is None:
        pytest.skip("no PostgreSQL: set TAGLINE_TEST_POSTGRES_URL or install its server")
    folder = Path(tempfile.mkdtemp(prefix="tagline-pg-"))
    run_as = {}
    if os.geteuid() == 0:
        run_as = {"user": UNPRIVILEGED}
        shutil.chown(folder, UNPRIVILEGED)
    data = folder / "data"
    subprocess.run(
        [initdb, "-D", data, "-U", "tagline", "-A", "trust", "-N", "-E", "UTF8", "--no-locale"],
        check=True, capture_output=True, cwd=folder, **run_as,
    )  # fmt: skip
    log = (folder / "log").open("wb")
    server = subprocess.Popen(
        [postgres, "-D", data, "-k", folder, "-h", "", "-F"],
        stdout=log, stderr=log, cwd=folder, **run_as,
    )  # fmt: skip
    try:
        url = f"postgresql://tagline@/postgres?host={folder}"
        _wait_for(url, server)
        yield url
    finally:
        server.terminate()
        server.wait(timeout=30)
        log.close()
        shutil.rmtree(folder, ignore_errors=True)


def _wait_for(url: str, server: "subprocess.Popen[bytes]") -> None:
    for _ in range(200):
        try:
            psycopg.connect(url).close()
        except psycopg.OperationalError:
            assert server.poll() is None, "the PostgreSQL server ended by itself"
            time.sleep(0.05)
        else:
            return
    raise TimeoutError("the PostgreSQL server did not start")


@contextmanager
def database_on(server: str) -> Iterator[str]:
    """Yield the URL of a new database, and drop it afterwards."""
    name = f"tagline_{uuid.uuid4().hex[:12]}"
    with psycopg.connect(server, autocommit=True) as con:
        con.execute(f"create database {name}")  # type: ignore[arg-type]
        head, _, query = server.partition("?")
        yield f"{head.rpartition('/')[0]}/{name}" + (f"?{query}" if query else "")
        con.execute(f"drop database {name} with (force)")  # type: ignore[arg-type]
