"""One run from the command line: the very assets that Dagster shows, without a daemon.

Belongs here: the lock, Dagster's home, execution in this process, and the translation of what
stopped a run into an error for a person.
"""

import contextlib
import fcntl
import os
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import dagster as dg
from dagster import DagsterEventType

from pipelines.definitions import build_defs
from pipelines.jobs import JOB_NAME
from pipelines.resources import Run
from pipelines.run_facts import fingerprint_inputs
from segmentation.domain.errors import GateBlockedError, UsageError

if TYPE_CHECKING:
    from segmentation.publish.reader import Snapshot

QUIET = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}
"""Dagster logs to its own store, which its UI shows; the terminal shows progress and errors."""

DAGSTER_SETTINGS = "telemetry:\n  enabled: false\n"


@dataclass(frozen=True)
class Outcome:
    """How a run ended: the snapshot in force, and whether this run made it."""

    snapshot: "Snapshot"
    is_unchanged: bool


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
            return Outcome(current, is_unchanged=True)
        _execute(run)
        published = open_current(run.root)
    if published is None:
        raise RuntimeError("the job succeeded without a snapshot")
    return Outcome(published, is_unchanged=current is not None and current.id == published.id)


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
    with dg.DagsterInstance.from_config(str(home)) as instance:
        try:
            job.execute_in_process(instance=instance, run_id=run_id, run_config=QUIET, raise_on_error=True)
        except dg.DagsterExecutionInterruptedError as error:
            raise KeyboardInterrupt from error
        except dg.DagsterError as error:
            failed = find_failed_checks(instance, run_id)
            if not failed:
                raise
            raise GateBlockedError(
                "Publication was blocked: " + "; ".join(failed),
                where=str(run.root),
                remedy="The last published snapshot stays current. Mend the cause and run again.",
            ) from error


def find_failed_checks(instance: dg.DagsterInstance, run_id: str) -> list[str]:
    """Return the failed checks of a run in words: table, check, finding."""
    records = instance.all_logs(run_id, of_type=DagsterEventType.ASSET_CHECK_EVALUATION)
    evaluations = [record.get_dagster_event().asset_check_evaluation_data for record in records]
    return [
        f"{evaluation.asset_key.to_user_string()} {evaluation.check_name.replace('_', ' ')}: {evaluation.description}"
        for evaluation in evaluations
        if not evaluation.passed
    ]
