"""Where Dagster's history of runs is kept: its own SQLite files, held open while they are in use.

Belongs here: connections to those files, and how many runs are kept. Does not belong here: what is written into them (Dagster), or anything that
is published.
"""

import sqlite3
from collections import OrderedDict
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import dagster
import sqlalchemy
from dagster._core.storage.event_log import SqliteEventLogStorage
from dagster._serdes import ConfigurableClassData

BUSY_SECONDS = 60
"""How long a writer waits for another process that writes into the same file."""

_OPEN_FILES = 8


class RunHistory(SqliteEventLogStorage):
    """Dagster's SQLite event log, for runs that make hundreds of small events.

    The storage that comes with Dagster opens a file anew for every event and waits for the disk after each: that took
    half the time of a short run. Here files stay open, the last few of them, and are written without waiting. What a
    power cut could lose is the history that Dagster's UI shows, nothing published. Files and folder are the same, so
    that either storage reads what the other wrote.
    """

    def __init__(self, base_dir: str, inst_data: ConfigurableClassData | None = None) -> None:
        self._engines: OrderedDict[str, sqlalchemy.Engine] = OrderedDict()
        super().__init__(base_dir, inst_data)

    @classmethod
    def from_config_value(
        cls, inst_data: ConfigurableClassData | None, config_value: Mapping[str, Any]
    ) -> "RunHistory":
        """Return the storage that ``dagster.yaml`` asks for; its ``base_dir`` is Dagster's home."""
        return cls(str(Path(config_value["base_dir"]) / "history" / "runs"), inst_data)

    def delete_events(self, run_id: str) -> None:
        """Remove the events of a run and the file that held them."""
        super().delete_events(run_id)
        with self._db_lock:
            if engine := self._engines.pop(run_id, None):
                engine.dispose()
            for ending in ("", "-wal", "-shm"):
                Path(f"{self.path_for_shard(run_id)}{ending}").unlink(missing_ok=True)
            self._initialized_dbs.discard(run_id)

    def wipe(self) -> None:
        """Remove the whole history."""
        self._close()
        super().wipe()

    def dispose(self) -> None:
        """Close all files."""
        self._close()
        super().dispose()

    def _close(self) -> None:
        with self._db_lock:
            while self._engines:
                self._engines.popitem()[1].dispose()

    @contextmanager
    def _connect(self, shard: str) -> Iterator[sqlalchemy.Connection]:
        with self._db_lock, self._open(shard).begin() as connection:
            yield connection

    def _open(self, shard: str) -> sqlalchemy.Engine:
        """Engine of one file: of the whole history, or of one run."""
        engine = self._engines.pop(shard, None)
        if engine is None:
            url = self.conn_string_for_shard(shard)
            engine = sqlalchemy.create_engine(url, connect_args={"timeout": BUSY_SECONDS})
            sqlalchemy.event.listen(engine, "connect", _write_without_waiting)
            self._initdb(engine)
        self._engines[shard] = engine
        if len(self._engines) > _OPEN_FILES:
            self._engines.popitem(last=False)[1].dispose()
        return engine


def forget_old_runs(instance: dagster.DagsterInstance, keep: int) -> None:
    """Remove from the history all runs but the newest ``keep`` and those that have not ended."""
    for run in instance.get_runs()[keep:]:
        if run.is_finished:
            instance.delete_run(run.run_id)
            instance.compute_log_manager.delete_logs(prefix=[run.run_id])


def _write_without_waiting(connection: sqlite3.Connection, _record: object) -> None:
    connection.execute("PRAGMA synchronous = OFF")
