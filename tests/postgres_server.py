"""A throw-away PostgreSQL server for tests, on a free port of this machine only.

Use the fixture ``postgres_url`` by importing it into a conftest or test module. A server that is given
by ``SEGMENTATION_TEST_POSTGRES_URL`` is used instead; without both, the tests are skipped and say why.
"""

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

URL_VARIABLE = "SEGMENTATION_TEST_POSTGRES_URL"
_USERS = ("postgres", "nobody")


def find_binaries() -> Path | None:
    """Return the folder of the newest PostgreSQL server on this machine; None when there is none."""
    on_path = shutil.which("initdb")
    folders = [path.parent for path in Path("/usr/lib/postgresql").glob("*/bin/initdb")]
    newest = max(folders, key=lambda folder: float(folder.parent.name), default=None)
    return newest or (Path(on_path).resolve().parent if on_path else None)


def _find_user() -> str | None:
    """Return a user that may run the server: it refuses to run as root."""
    if os.geteuid() != 0:
        return pwd.getpwuid(os.geteuid()).pw_name
    known = {entry.pw_name for entry in pwd.getpwall()}
    return next((name for name in _USERS if name in known), None)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@pytest.fixture(scope="session")
def postgres_url() -> Iterator[str]:
    """URL of an empty PostgreSQL database."""
    pytest.importorskip("psycopg", reason="the PostgreSQL driver is not installed (extra 'postgres')")
    given = os.environ.get(URL_VARIABLE)
    if given:
        yield given
        return
    binaries, user = find_binaries(), _find_user()
    if binaries is None:
        pytest.skip("no PostgreSQL server is installed on this machine")
    if user is None:
        pytest.skip("PostgreSQL refuses to run as root, and there is no other user for it")
    folder = Path(tempfile.mkdtemp(prefix="segmentation-postgres-"))
    account = {"user": user} if os.geteuid() == 0 else {}
    if account:
        shutil.chown(folder, user)

    def run(program: str, *arguments: str) -> None:
        command = [str(binaries / program), "-D", str(folder / "data"), *arguments]
        done = subprocess.run(
            command, check=False, capture_output=True, text=True, cwd=folder, timeout=120, **account
        )
        if done.returncode:
            log = folder / "log"
            raise RuntimeError(f"{program}: {done.stderr}{log.read_text() if log.exists() else ''}")

    try:
        run("initdb", "--auth=trust", "--username=tester", "--encoding=UTF8", "--no-sync")
        port = _free_port()
        options = f"-p {port} -c listen_addresses=127.0.0.1 -c unix_socket_directories={folder} -c fsync=off"
        run("pg_ctl", "start", "--wait", "--silent", f"--log={folder / 'log'}", f"--options={options}")
        try:
            yield f"postgresql://tester@127.0.0.1:{port}/postgres"
        finally:
            run("pg_ctl", "stop", "--mode=immediate", "--silent")
    finally:
        shutil.rmtree(folder, ignore_errors=True)
