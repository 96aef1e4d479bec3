"""Dagster's webserver and daemon with the LINE simulator, on one state folder."""

import os
import signal
import subprocess
import sys
from datetime import time
from pathlib import Path

from rich.console import Console

from dagster_project.runner import open_instance
from dagster_project.settings import Settings, pretending

SIMULATOR_PORT = 8787
WEBHOOK_PORT = 8788
LATE_ENOUGH = time(11)  # when any clinic's window is open: a sample's day is tried at this hour


def serve(settings: Settings, port: int, console: Console) -> None:
    """Run until interrupted. The simulator is started only when it is the one in use."""
    open_instance(settings).dispose()  # fails runs that a kill left behind: they would block
    environment = {**os.environ, "DAGSTER_HOME": str(settings.dagster_home())}
    if moment := pretending(settings, LATE_ENOUGH).at:
        environment["TAGLINE_AT"] = moment.isoformat()
        console.print(
            f"業務日 {settings.as_of()} の {moment:%H:%M} として動きます (シミュレーター)"
        )
    tools = Path(sys.executable).parent
    commands = [[str(tools / "dagster"), "dev", "-w", "workspace.yaml", "-p", str(port)]]
    if settings.line == "simulator" and not settings.simulator_url:
        environment["TAGLINE_SIMULATOR_URL"] = f"http://127.0.0.1:{SIMULATOR_PORT}"
        commands += [[str(tools / "tagline"), "simulator", "--port", str(SIMULATOR_PORT)]]
        commands += [[str(tools / "tagline"), "webhook", "--port", str(WEBHOOK_PORT)]]
        console.print(f"LINE simulator: http://127.0.0.1:{SIMULATOR_PORT}/")
    console.print(f"Dagster: http://127.0.0.1:{port}/")
    # A plain kill ends the servers too, as Ctrl-C does.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    servers = [subprocess.Popen(each, env=environment) for each in commands]  # noqa: S603 - ours
    try:
        servers[0].wait()
    except KeyboardInterrupt:
        pass  # the terminal has told the servers as well
    finally:
        for server in servers:
            server.terminate()
        for server in servers:
            server.wait()
