"""When the pipeline runs: one job, once a day, and whenever the ledger folder changes."""

import datetime as dt
import hashlib
from pathlib import Path
from zoneinfo import ZoneInfo

import dagster as dg

from pipelines.resources import DECISIONS_VARIABLE, Run
from segmentation.domain.errors import InputRefusedError

JOB_NAME = "publish_worklist"
UNSETTLED = "seen once: "
TIME_ZONE = "Europe/Brussels"

publish_worklist = dg.define_asset_job(
    JOB_NAME,
    selection=dg.AssetSelection.all(),
    description="From the ledger's files to a published snapshot.",
    executor_def=dg.in_process_executor,
)


@dg.schedule(
    job=publish_worklist,
    cron_schedule="0 5 * * *",
    execution_timezone=TIME_ZONE,
    description="Every morning at five, with that day as the as-of day.",
)
def every_morning(context: dg.ScheduleEvaluationContext, run: Run) -> dg.RunRequest:
    """Request a run as of the scheduled day."""
    day = context.scheduled_execution_time.date()
    return dg.RunRequest(run_key=day.isoformat(), run_config=configure_run(run, day))


@dg.sensor(
    job=publish_worklist,
    minimum_interval_seconds=60,
    description="When a file of the ledger folder is new, gone or changed; with today as the as-of day.",
)
def on_ledger_change(context: dg.SensorEvaluationContext, run: Run) -> dg.SensorResult | dg.SkipReason:
    """Request a run as of today when names, sizes or times of the ledger's files changed, and then stood still.

    The day is today's, as that of the morning run: the day after the newest fact may lie before the snapshot in
    force, and would replace it by an older one.
    A file that is still being written changes between two looks; the run is asked for when two looks in
    a row see the same. Its key says when that was first seen, so that files which were restored with their
    times are run again.
    """
    state = describe_files(Path(run.ledger))
    if state is None:
        return dg.SkipReason(f"There is no ledger at {run.ledger}.")
    if state == context.cursor:
        return dg.SkipReason("The ledger has not changed.")
    if not context.cursor or not context.cursor.endswith(state):
        seen = f"{UNSETTLED}{dt.datetime.now(dt.UTC).isoformat()} {state}"
        return dg.SensorResult(skip_reason="The ledger is changing.", cursor=seen)
    day = run.requested_as_of or dt.datetime.now(ZoneInfo(TIME_ZONE)).date()
    request = dg.RunRequest(run_key=context.cursor, run_config=configure_run(run, day))
    return dg.SensorResult(run_requests=[request], cursor=state)


def configure_run(run: Run, as_of: dt.date) -> dict[str, object]:
    """Return the configuration of a run that differs from ``run`` in its as-of day only.

    Dagster keeps and shows it: a decisions store, which may have a password, is told by the variable that names it.
    """
    store = {"env": DECISIONS_VARIABLE} if run.decisions_url else ""
    given = run.model_dump() | {"as_of": as_of.isoformat(), "decisions_url": store}
    return {"resources": {"run": {"config": given}}}


def describe_files(ledger: Path) -> str | None:
    """Return a fingerprint of the delivery's files by path, size and time; None when there is no delivery."""
    from segmentation.ledger.delivery_files import list_delivery_files

    try:
        files = list_delivery_files(ledger)
    except InputRefusedError:
        return None
    digest = hashlib.sha256()
    for name, path in files.items():
        status = path.stat()
        digest.update(f"{name}:{status.st_size}:{status.st_mtime_ns};".encode())
    return digest.hexdigest()
