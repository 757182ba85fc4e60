"""Schedule and sensor ask for a run when they should, and only then."""

import datetime as dt
import shutil

import dagster as dg

from pipelines.definitions import run_from_environment
from pipelines.jobs import describe_files, every_morning, on_ledger_change
from pipelines.resources import DECISIONS_VARIABLE, Run


def test_the_schedule_asks_for_its_own_day():
    morning = dt.datetime(2026, 10, 31, 4, tzinfo=dt.UTC)
    with dg.build_schedule_context(
        scheduled_execution_time=morning, resources={"run": Run(ledger="exports", mapping="b2b_ledger")}
    ) as context:
        request = every_morning(context)
    config = request.run_config["resources"]["run"]["config"]
    assert (config["as_of"], config["ledger"], config["mapping"]) == ("2026-10-31", "exports", "b2b_ledger")


def look(run, cursor=None):
    with dg.build_sensor_context(cursor=cursor, resources={"run": run}) as context:
        return on_ledger_change(context)


def test_the_sensor_asks_once_per_change_that_stood_still(tmp_path):
    ledger = tmp_path / "ledger"
    run = Run(ledger=str(ledger), data_root=str(tmp_path))
    assert isinstance(look(run), dg.SkipReason)
    ledger.mkdir()
    (ledger / "invoice.csv").write_text("a\n")
    seen = look(run)
    assert not seen.run_requests
    first = look(run, seen.cursor)
    assert len(first.run_requests) == 1
    day = first.run_requests[0].run_config["resources"]["run"]["config"]["as_of"]
    assert abs(dt.date.fromisoformat(day) - dt.datetime.now(dt.UTC).date()) <= dt.timedelta(days=1)
    assert isinstance(look(run, first.cursor), dg.SkipReason)
    (ledger / "payment.csv").write_text("b\n")
    growing = look(run, first.cursor)
    assert not growing.run_requests
    changed = look(run, growing.cursor)
    assert changed.run_requests[0].run_key != first.run_requests[0].run_key


def test_a_ledger_that_was_restored_with_its_times_is_run_again(tmp_path):
    ledger, backup = tmp_path / "ledger", tmp_path / "backup.csv"
    run = Run(ledger=str(ledger), data_root=str(tmp_path))
    ledger.mkdir()
    (ledger / "invoice.csv").write_text("right\n")
    shutil.copy2(ledger / "invoice.csv", backup)
    keys, cursor = [], None
    for change in (None, lambda: (ledger / "invoice.csv").write_text("wrong"), None):
        if change:
            change()
        else:
            shutil.copy2(backup, ledger / "invoice.csv")
        asked = look(run, look(run, cursor).cursor)
        keys.append(asked.run_requests[0].run_key)
        cursor = asked.cursor
    assert len(set(keys)) == 3


URL = "postgresql://anna:s3cret@127.0.0.1:1/decisions"


@dg.asset
def is_told(run: Run) -> bool:
    return run.decisions_location == URL


def test_a_request_reads_the_decisions_store_and_does_not_tell_its_password(tmp_path, monkeypatch):
    monkeypatch.setenv(DECISIONS_VARIABLE, URL)
    (tmp_path / "invoice.csv").write_text("invoice_id\n")
    places = {"SEGMENTATION_LEDGER": str(tmp_path / "invoice.csv"), "SEGMENTATION_DATA_ROOT": str(tmp_path)}
    run = run_from_environment({**places, DECISIONS_VARIABLE: URL})
    with dg.build_schedule_context(
        scheduled_execution_time=dt.datetime(2026, 10, 31, 4, tzinfo=dt.UTC), resources={"run": run}
    ) as context:
        asked = every_morning(context).run_config
    assert "s3cret" not in str(asked)
    instance = dg.DagsterInstance.ephemeral()
    seen = dg.materialize([is_told], resources={"run": run}, run_config=asked, instance=instance)
    assert seen.output_for_node("is_told")


def test_files_of_a_folder_are_seen_by_name_size_and_time(tmp_path):
    (tmp_path / "a.csv").write_text("1")
    before = describe_files(tmp_path)
    (tmp_path / "a.csv").write_text("22")
    assert describe_files(tmp_path) != before
