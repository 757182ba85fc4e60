"""One run from the command line: the very assets that Dagster shows, without a daemon.

Belongs here: the lock, Dagster's home, execution in this process, and the translation of what
stopped a run into an error for a person.
"""

import contextlib
import fcntl
import os
import sqlite3
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import dagster as dg
import polars as pl
from dagster import DagsterEventType

from pipelines.definitions import build_defs
from pipelines.jobs import JOB_NAME
from pipelines.resources import Run
from pipelines.run_facts import fingerprint_inputs
from segmentation.domain.core_tables import QUALITY
from segmentation.domain.errors import GateBlockedError, UsageError

if TYPE_CHECKING:
    from segmentation.publish.reader import Snapshot

QUIET = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}
"""Dagster logs to its own store, which its UI shows; the terminal shows progress and errors."""

# Threads of a model that wait by spinning take the processor from each other: on a busy machine two of them
# need three times the processor time of waiting quietly, for the same result.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

DAGSTER_SETTINGS = "telemetry:\n  enabled: false\n"


@dataclass(frozen=True)
class Outcome:
    """How a run ended: the snapshot in force, whether this run made it, and ``core_quality`` by file."""

    snapshot: "Snapshot"
    is_unchanged: bool
    quality: pl.DataFrame


def run_pipeline(run: Run) -> Outcome:
    """Return the published snapshot of this ledger, made now unless nothing changed since.

    Raises
    ------
    UsageError
        Unusable mapping, settings or data root; another run in progress.
    InputRefusedError
        A file that cannot be trusted.
    GateBlockedError
        A blocking check failed; the last snapshot stays current.
    IntegrityError
        What was written is not what was meant.
    """
    from segmentation.publish.reader import open_current

    _ = run.settings, run.source_mapping, run.requested_as_of  # refuse a wrong word before any work
    prepare_data_root(run.root)
    with lock_data_root(run.root):
        current = open_current(run.root)
        if current and current.manifest.run_id == fingerprint_inputs(run):
            return Outcome(current, is_unchanged=True, quality=QUALITY.empty())
        _execute(run)
        published = open_current(run.root)
        if published is None:
            raise RuntimeError("the job succeeded without a snapshot")
        quality = run.load([QUALITY])[QUALITY.name]
    return Outcome(published, current is not None and current.id == published.id, quality)


def prepare_data_root(data_root: Path) -> None:
    """Make the data root; UsageError when nothing can be written there."""
    try:
        data_root.mkdir(parents=True, exist_ok=True)
        probe = data_root / f".write-{uuid.uuid4().hex}"
        probe.touch()
        probe.unlink()
    except OSError as error:
        raise UsageError(
            f"Nothing can be written to the data root: {error.strerror}",
            where=str(data_root),
            remedy="Choose another folder with --data-root, or make this one writable.",
        ) from error


@contextlib.contextmanager
def lock_data_root(data_root: Path) -> Iterator[None]:
    """Hold the data root for one run at a time; UsageError when another run holds it."""
    with (data_root / "run.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise UsageError(
                "Another run is using this data root",
                where=str(data_root),
                remedy="Wait until it has ended, or choose another folder with --data-root.",
            ) from error
        yield


def prepare_dagster_home(data_root: Path) -> Path:
    """Return Dagster's home under the data root, made with telemetry switched off."""
    home = data_root.absolute() / "dagster"
    home.mkdir(parents=True, exist_ok=True)
    settings = home / "dagster.yaml"
    if not settings.exists():
        settings.write_text(DAGSTER_SETTINGS)
    return home


def _execute(run: Run) -> None:
    home = prepare_dagster_home(run.root)
    os.environ["DAGSTER_HOME"] = str(home)
    run_id = str(uuid.uuid4())
    job = build_defs({"run": run}).resolve_job_def(JOB_NAME)
    with hasten_history(home), dg.DagsterInstance.from_config(str(home)) as instance:
        try:
            job.execute_in_process(instance=instance, run_id=run_id, run_config=QUIET, raise_on_error=True)
        except dg.DagsterExecutionInterruptedError as error:
            raise KeyboardInterrupt from error
        except dg.DagsterError as error:
            failed = find_failed_checks(instance, run_id)
            if not failed:
                raise
            raise GateBlockedError(
                "Publication was blocked. " + " ".join(failed),
                remedy="The last published snapshot stays current. Mend the cause and run again.",
            ) from error


@contextlib.contextmanager
def hasten_history(home: Path) -> Iterator[None]:
    """Let Dagster's SQLite files under ``home`` be written without waiting for the disk at every event.

    A run makes hundreds of events, each in a transaction of its own; waiting for the disk took two thirds
    of a short run. What a power cut could lose is the history that Dagster's UI shows, nothing published.
    """
    import sqlalchemy

    def relax(connection: Any, _record: object) -> None:
        if not isinstance(connection, sqlite3.Connection):
            return
        files = [file for _, _, file in connection.execute("PRAGMA database_list")]
        if any(file and Path(file).is_relative_to(home) for file in files):
            connection.execute("PRAGMA synchronous = OFF")

    sqlalchemy.event.listen(sqlalchemy.Engine, "connect", relax)
    try:
        yield
    finally:
        sqlalchemy.event.remove(sqlalchemy.Engine, "connect", relax)


def find_failed_checks(instance: dg.DagsterInstance, run_id: str) -> list[str]:
    """Return what the failed checks of a run found, in words."""
    records = instance.all_logs(run_id, of_type=DagsterEventType.ASSET_CHECK_EVALUATION)
    evaluations = [record.get_dagster_event().asset_check_evaluation_data for record in records]
    return [str(evaluation.description) for evaluation in evaluations if not evaluation.passed]
