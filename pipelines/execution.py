"""One run from the command line: the very assets that Dagster shows, without a daemon.

Belongs here: whether there is anything to do, Dagster's home, execution in this process, and the translation of what
stopped a run into an error for a person.
"""

import datetime as dt
import json
import logging
import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import dagster as dg
import polars as pl
from dagster import DagsterEventType
from sqlalchemy.exc import OperationalError

from pipelines.definitions import build_defs
from pipelines.jobs import JOB_NAME
from pipelines.resources import DECISIONS_VARIABLE, Run
from pipelines.run_facts import fingerprint_inputs, read_known_decisions, read_known_findings
from segmentation.domain.core_tables import QUALITY
from segmentation.domain.errors import GateBlockedError, IntegrityError, SegmentationError, UsageError
from segmentation.domain.hashing import hash_frame, hash_text

if TYPE_CHECKING:
    from segmentation.publish.reader import Snapshot

_LOG = logging.getLogger(__name__)

QUIET = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}
"""Dagster logs to its own store, which its UI shows; the terminal shows progress and errors."""

# Threads of a model that wait by spinning take the processor from each other: on a busy machine two of them
# need three times the processor time of waiting quietly, for the same result.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

STATE_FILE = "last_run.json"

DAGSTER_SETTINGS = """\
telemetry:
  enabled: false
concurrency:
  runs:
    max_concurrent_runs: 1
event_log_storage:
  module: pipelines.run_history
  class: RunHistory
  config:
    base_dir: {env: DAGSTER_HOME}
"""


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
    prepare_data_root(run.root, Path(run.ledger))
    current = open_intact(run.root)
    # Taken before anything is read: what is delivered during the run belongs to the next one.
    inputs = fingerprint_inputs(run)
    if current and read_state(run.root) == describe_state(run, inputs, current):
        return Outcome(current, is_unchanged=True, quality=QUALITY.empty())
    _execute(run)
    published = open_current(run.root)
    if published is None:
        raise RuntimeError("the job succeeded without a snapshot")
    with suppress(OSError):  # the run is published: without this record the next one repeats it
        write_state(run.root, describe_state(run, inputs, published))
    quality = run.load([QUALITY])[QUALITY.name]
    return Outcome(published, current is not None and current.id == published.id, quality)


def open_intact(data_root: Path) -> "Snapshot | None":
    """Return the snapshot in force when it is as it was published; None when it is not, or there is none.

    A damaged snapshot is no reason not to run: publishing afresh is what mends it.
    """
    from segmentation.publish.reader import open_current
    from segmentation.publish.verification import verify_snapshot

    try:
        current = open_current(data_root)
        if current:
            verify_snapshot(current, with_definitions=False)
    except IntegrityError:
        return None
    return current


def describe_state(run: Run, inputs: str, snapshot: "Snapshot") -> dict[str, str]:
    """Return what a snapshot was made from: the inputs of its run and the decisions known to it."""
    return {
        "inputs": inputs,
        "decisions": hash_decisions(run, snapshot.as_of),
        "snapshot_id": snapshot.id,
    }


def hash_decisions(run: Run, as_of: dt.date) -> str:
    """Return a hash of the decisions and findings that a run as of a day knows."""
    return hash_text(
        hash_frame(read_known_decisions(run.decisions_location, as_of)),
        hash_frame(read_known_findings(run.decisions_location, as_of)),
    )


def read_state(data_root: Path) -> dict[str, str] | None:
    """Return what the last run was made from and what it published; None when no run is on record."""
    try:
        state: dict[str, str] = json.loads((data_root / STATE_FILE).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return state


def write_state(data_root: Path, state: dict[str, str]) -> None:
    """Put on record what a run was made from, whole or not at all."""
    aside = data_root / f".{STATE_FILE}"
    aside.write_text(json.dumps(state), encoding="utf-8")
    aside.replace(data_root / STATE_FILE)


def prepare_data_root(data_root: Path, ledger: Path) -> None:
    """Make the data root; UsageError when it lies in the ledger folder, or nothing can be written there."""
    if data_root.resolve().is_relative_to(ledger.resolve()):
        raise UsageError(
            "The data root lies inside the ledger folder, so that results would be read as a delivery",
            where=str(data_root),
            remedy="Choose a folder elsewhere with --data-root.",
        )
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


def prepare_dagster_home(data_root: Path) -> Path:
    """Return Dagster's home under the data root, made with telemetry switched off."""
    home = data_root.absolute() / "dagster"
    home.mkdir(parents=True, exist_ok=True)
    home.chmod(0o700)  # its logs may say what a ledger says
    settings = home / "dagster.yaml"
    if not settings.exists():
        settings.write_text(DAGSTER_SETTINGS)
    return home


def _execute(run: Run) -> None:
    run_id = str(uuid.uuid4())
    try:
        _run_job(run, run_id)
    except Exception as error:
        explained = explain_stop(error, run.root)
        if explained is None:
            raise
        if not _is_published(run.root, run_id):
            raise explained from explained.__cause__
        # In force, verified and whole: what failed since is housekeeping, or Dagster's history of the run.
        _LOG.warning("The snapshot was published all the same. %s", explained)


def _run_job(run: Run, run_id: str) -> None:
    home = prepare_dagster_home(run.root)
    os.environ["DAGSTER_HOME"] = str(home)
    with without_password(run) as told, dg.DagsterInstance.from_config(str(home)) as instance:
        job = build_defs({"run": told}).resolve_job_def(JOB_NAME)
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
                remedy="The last published snapshot stays current. Mend the cause and run again; when balances disagree, "
                "correct the source, export again and try it with `segmentation check` first.",
            ) from error


def _is_published(data_root: Path, run_id: str) -> bool:
    from segmentation.publish.reader import open_current

    current = open_current(data_root)
    return current is not None and current.manifest.run_id == run_id


def explain_stop(error: BaseException, data_root: Path) -> SegmentationError | None:
    """Return the error for a person behind what stopped a run, however Dagster wrapped it; None when there is none.

    A disk or a database file that refuses, that of Dagster's history among them, can be mended: a ``UsageError``.
    """
    found, refusal = error, None
    seen: list[BaseException] = []
    while found not in seen:
        if isinstance(found, SegmentationError):
            return found
        if isinstance(found, OSError | OperationalError):
            refusal = refusal or found
        seen.append(found)
        found = found.__cause__ or found.__context__ or found
    if refusal is None:
        return None
    explained = UsageError(
        f"The run could not go on: {str(refusal).splitlines()[0]}",
        where=str(data_root),
        remedy="What was published is whole. See whether the disk is full and can be written to, then run again.",
    )
    explained.__cause__ = error
    return explained


@contextmanager
def without_password(run: Run) -> Iterator[Run]:
    """Give the same run for Dagster, which keeps what it is told: the decisions store by the name of a variable."""
    if not run.decisions_url:
        yield run
        return
    before = os.environ.get(DECISIONS_VARIABLE)
    os.environ[DECISIONS_VARIABLE] = run.decisions_url
    try:
        yield Run(**run.model_dump(exclude={"decisions_url"}), decisions_url=dg.EnvVar(DECISIONS_VARIABLE))
    finally:
        if before is None:
            del os.environ[DECISIONS_VARIABLE]
        else:
            os.environ[DECISIONS_VARIABLE] = before


def find_failed_checks(instance: dg.DagsterInstance, run_id: str) -> list[str]:
    """Return what the failed checks of a run found, in words."""
    records = instance.all_logs(run_id, of_type=DagsterEventType.ASSET_CHECK_EVALUATION)
    evaluations = [record.get_dagster_event().asset_check_evaluation_data for record in records]
    return [str(evaluation.description) for evaluation in evaluations if not evaluation.passed]
