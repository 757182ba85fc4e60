"""How the database of decisions is reached: addresses and connections, in SQLite or PostgreSQL.

Belongs here: everything that differs between databases when connecting. Does not belong here: the
table (decision_schema), reading and writing decisions (decisions).
"""

import sqlite3
import time
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from segmentation.domain.errors import UsageError

_BUSY_SECONDS = 30
_RETRY_SECONDS = 0.05


def read_location(url_or_path: str | Path) -> sa.URL:
    """Return the address of a database: a path means an SQLite file, PostgreSQL gets its driver; files are absolute."""
    text = str(url_or_path)
    is_path = isinstance(url_or_path, Path) or "://" not in text
    url = sa.URL.create("sqlite", database=text) if is_path else sa.make_url(text)
    if url.drivername in {"postgres", "postgresql"}:
        return url.set(drivername="postgresql+psycopg")
    path = url.database
    if url.get_backend_name() == "sqlite" and path and (is_path or not path.startswith((":", "file:"))):
        return url.set(database=str(Path(path).absolute()))
    return url


def locate_store(url_or_path: str) -> str:
    """Return the URL of a store as it reads from any folder, password included: what another process is told."""
    return read_location(url_or_path).render_as_string(hide_password=False)


def name_store(url_or_path: str | Path) -> str:
    """Return what a store is recognised by, from any folder: its URL without password and options."""
    return read_location(url_or_path).set(password=None, query={}).render_as_string()


def require_file(url_or_path: str | Path) -> None:
    """Refuse a store that is to be in a file which is not there: opened, it would be a new one that says nothing.

    Raises
    ------
    UsageError
        When there is no such file.
    """
    url = read_location(url_or_path)
    path = Path(url.database or "")
    if url.get_backend_name() == "sqlite" and path.is_absolute() and not path.exists():
        raise UsageError(
            "There is no decisions store here",
            where=str(path),
            remedy="Correct the path. A new store is made by `segmentation dashboard --decisions …` as soon as its page is "
            "opened; until then leave it out, which means the file in the data root.",
        )


def create_engine(url: sa.URL) -> sa.Engine:
    """Return an engine whose writers wait for each other; the folder of an SQLite file is created."""
    if url.get_backend_name() != "sqlite":
        return sa.create_engine(url, pool_pre_ping=True)
    if url.database:
        Path(url.database).parent.mkdir(parents=True, exist_ok=True)
    engine = sa.create_engine(url, connect_args={"timeout": _BUSY_SECONDS})

    @sa.event.listens_for(engine, "connect")
    def _configure(connection: Any, _record: object) -> None:
        # The driver's own transactions start too late to hold off a second writer.
        connection.isolation_level = None
        _write_ahead(connection)
        for pragma in ("synchronous = FULL", "trusted_schema = OFF"):
            connection.execute(f"PRAGMA {pragma}")

    @sa.event.listens_for(engine, "begin")
    def _begin(connection: sa.Connection) -> None:
        reads = connection.get_execution_options().get("reads_only", False)
        connection.exec_driver_sql("BEGIN" if reads else "BEGIN IMMEDIATE")

    return engine


def await_turn(connection: sa.Connection, name: str) -> None:
    """Let one writer at a time past here with this name, until its transaction ends; in SQLite there is only one."""
    if connection.dialect.name == "postgresql":
        connection.execute(sa.select(sa.func.pg_advisory_xact_lock(sa.func.hashtext(name))))


def _write_ahead(connection: sqlite3.Connection) -> None:
    """Turn write-ahead logging on; here SQLite itself does not wait for others, whatever its timeout."""
    deadline = time.monotonic() + _BUSY_SECONDS
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError:
            if time.monotonic() > deadline:
                raise
            time.sleep(_RETRY_SECONDS)
        else:
            return
