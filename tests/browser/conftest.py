"""A real dashboard in a real browser: server and browser are started and ended by the test."""

import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest

PROJECT = Path(__file__).parents[2]
CHROMIUM_NAMES = ("chromium", "chromium-browser", "google-chrome")
CHROMIUM_FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
START_SECONDS = 90
WAIT_MILLISECONDS = 60_000


@pytest.fixture(scope="session")
def browser():
    """A headless Chromium of the system."""
    program = next(filter(None, map(shutil.which, CHROMIUM_NAMES)), None)
    if program is None:
        pytest.skip("Chromium is not installed (make test installs it where it may)")
    playwright = pytest.importorskip("playwright.sync_api")
    with playwright.sync_playwright() as tool:
        launched = tool.chromium.launch(executable_path=program, args=CHROMIUM_FLAGS)
        yield launched
        launched.close()


@pytest.fixture
def serve(tmp_path):
    """Serve the dashboard for a data root and return its address."""
    servers = []

    def start(data_root: Path) -> str:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        log = (tmp_path / "server.log").open("w")
        servers.append(
            subprocess.Popen(
                [
                    sys.executable, "-m", "streamlit", "run", str(PROJECT / "dashboards" / "app.py"),
                    "--server.port", str(port), "--", "--data-root", str(data_root),
                ],
                cwd=tmp_path,
                env={**os.environ, "PYTHONPATH": f"{PROJECT}{os.pathsep}{PROJECT / 'src'}"},
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        )  # fmt: skip
        address = f"http://127.0.0.1:{port}"
        wait_for(address, servers[-1], tmp_path / "server.log")
        return address

    yield start
    for server in servers:
        server.terminate()
        try:
            server.wait(15)
        except subprocess.TimeoutExpired:
            server.kill()
            server.wait(15)


def wait_for(address: str, server: subprocess.Popen, log: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        if server.poll() is not None:
            break
        try:
            with urllib.request.urlopen(f"{address}/_stcore/health", timeout=2):
                return
        except OSError:
            time.sleep(0.2)
    pytest.fail(f"the dashboard did not start:\n{log.read_text()}")


@pytest.fixture
def visit(browser):
    """Open an address in a fresh session; every request that leaves the machine is remembered."""
    contexts = []

    def open_(address: str):
        context = browser.new_context(
            viewport={"width": 1440, "height": 1000}, locale="en-GB", timezone_id="Europe/Brussels"
        )
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(WAIT_MILLISECONDS)
        page.away = []
        page.on("request", lambda request: remember_away(page, request.url))
        page.goto(address)
        return page

    yield open_
    for context in contexts:
        context.close()


def remember_away(page, url: str) -> None:
    if not url.startswith(("http://127.0.0.1:", "data:", "blob:", "ws://127.0.0.1:")):
        page.away.append(url)
