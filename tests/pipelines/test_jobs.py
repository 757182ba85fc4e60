"""Schedule and sensor ask for a run when they should, and only then."""

import datetime as dt

import dagster as dg

from pipelines.jobs import describe_files, every_morning, on_ledger_change
from pipelines.resources import Run


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


def test_files_of_a_folder_are_seen_by_name_size_and_time(tmp_path):
    (tmp_path / "a.csv").write_text("1")
    before = describe_files(tmp_path)
    (tmp_path / "a.csv").write_text("22")
    assert describe_files(tmp_path) != before
