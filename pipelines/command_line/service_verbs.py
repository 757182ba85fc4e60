"""Verbs that serve: dashboard and dagster."""

import os
import signal
import socket
import subprocess
import sys
from datetime import date
from pathlib import Path
from typing import Annotated

import typer

from pipelines.command_line.options import (
    DEFAULT_DATA_ROOT,
    AsOfOption,
    DataRootOption,
    DecisionsOption,
    MappingOption,
    NewDecisionsOption,
    PortOption,
    SettingsOption,
    TodayOption,
)
from pipelines.command_line.screen import open_screen
from segmentation.domain.errors import UsageError

PORTS_TRIED = 20


def register(app: typer.Typer) -> None:
    """Add the verbs of this module to the command."""
    for verb in (dashboard, dagster):
        app.command()(verb)


def dashboard(
    data_root: DataRootOption = DEFAULT_DATA_ROOT,
    decisions: NewDecisionsOption = "",
    port: PortOption = 8501,
    today: TodayOption = "",
) -> None:
    """Serve the dashboard on this machine, from published snapshots only."""
    from pipelines.days import parse_day

    serve_dashboard(data_root, decisions, port, parse_day(today, "--today") if today else None)


def dagster(
    ledger: Annotated[
        Path | None, typer.Option("--ledger", help="File or folder. Default: the sample ledger.")
    ] = None,
    mapping: MappingOption = "canonical",
    as_of: AsOfOption = "",
    data_root: DataRootOption = DEFAULT_DATA_ROOT,
    settings: SettingsOption = None,
    decisions: DecisionsOption = "",
    port: PortOption = 3000,
) -> None:
    """Open Dagster's UI with the lineage of every table, the schedule and the sensor."""
    from pipelines.execution import prepare_dagster_home

    environment = {
        "SEGMENTATION_MAPPING": mapping,
        "SEGMENTATION_AS_OF": as_of,
        "SEGMENTATION_DATA_ROOT": str(data_root.absolute()),
        "SEGMENTATION_SETTINGS": str(settings.absolute()) if settings else "",
        "SEGMENTATION_DECISIONS": decisions,
        "DAGSTER_HOME": str(prepare_dagster_home(data_root)),
    }
    if ledger:
        environment["SEGMENTATION_LEDGER"] = str(ledger.absolute())
    free = find_free_port(port)
    open_screen().print(f"Dagster: http://127.0.0.1:{free}  (Ctrl+C ends it)")
    _serve(["dagster", "dev", "-m", "pipelines.definitions", "-h", "127.0.0.1", "-p", str(free)], environment)


def serve_dashboard(data_root: Path, decisions: str, port: int, today: date | None = None) -> None:
    """Serve the dashboard until it is interrupted, and name its address first; ``today`` is where its clock stands."""
    import dashboards

    if dashboards.__file__ is None:
        raise UsageError("The dashboard is not installed", remedy="Install the project with pip install -e .")
    folder = Path(dashboards.__file__).parent
    free = find_free_port(port)
    open_screen().print(f"Dashboard: http://127.0.0.1:{free}  (Ctrl+C ends it)")
    words = [
        "streamlit",
        "run",
        str(folder / "app.py"),
        "--server.address=127.0.0.1",
        f"--server.port={free}",
    ]
    words += ["--server.headless=true", "--browser.gatherUsageStats=false"]
    words += ["--", "--data-root", str(data_root.absolute())]
    if today is not None:
        words += ["--today", today.isoformat()]
    _serve(words, {"SEGMENTATION_DECISIONS": decisions}, folder)  # words are seen by whoever lists processes


def find_free_port(first: int) -> int:
    """Return the first port from ``first`` on that nothing listens on; UsageError after twenty."""
    for port in range(first, first + PORTS_TRIED):
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise UsageError(
        f"Ports {first} to {first + PORTS_TRIED - 1} are all in use",
        where="--port",
        remedy="Choose another port.",
    )


def _serve(words: list[str], environment: dict[str, str], folder: Path | None = None) -> None:
    process = subprocess.Popen(  # noqa: S603  our own command line
        [sys.executable, "-m", *words], env={**os.environ, **environment}, cwd=folder
    )
    # Whoever ends this command ends what it serves: a terminal by SIGINT, a service manager by SIGTERM.
    signal.signal(signal.SIGTERM, lambda *_: process.terminate())
    try:
        code = process.wait()
    except KeyboardInterrupt:
        code = 0
    finally:
        process.terminate()
        process.wait(timeout=20)
    raise typer.Exit(max(code, 0))
