"""Dagster's webserver and daemon with the LINE simulator, on one state folder."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

from rich.console import Console

from dagster_project.settings import Settings

SIMULATOR_PORT = 8787


def serve(settings: Settings, port: int, console: Console) -> None:
    """Run until interrupted. The simulator is started only when it is the one in use."""
    home = settings.dagster_home()
    home.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(Path(__file__).with_name("dagster.yaml"), home / "dagster.yaml")
    environment = {**os.environ, "DAGSTER_HOME": str(home)}
    tools = Path(sys.executable).parent
    servers = []
    if settings.line == "simulator" and not settings.simulator_url:
        environment["TAGLINE_SIMULATOR_URL"] = f"http://127.0.0.1:{SIMULATOR_PORT}"
        command = [str(tools / "tagline"), "simulator", "--port", str(SIMULATOR_PORT)]
        servers.append(subprocess.Popen(command, env=environment))  # noqa: S603 - our own command
        console.print(f"LINE simulator: http://127.0.0.1:{SIMULATOR_PORT}/")
    console.print(f"Dagster: http://127.0.0.1:{port}/")
    command = [str(tools / "dagster"), "dev", "-w", "workspace.yaml", "-p", str(port)]
    try:
        subprocess.run(command, env=environment, check=False)  # noqa: S603
    finally:
        for server in servers:
            server.terminate()
