"""Schedule and sensor ask for a run when they should, and only then."""

import datetime as dt

import dagster as dg

from pipelines.jobs import describe_files, every_morning, on_ledger_change
from pipelines.resources import Run


def test_the_schedule_asks_for_its_own_day():
    context = dg.build_schedule_context(scheduled_execution_time=dt.datetime(2026, 10, 31, 4, tzinfo=dt.UTC))
    request = every_morning(context, run=Run(ledger="exports", mapping="b2b_ledger"))
    config = request.run_config["resources"]["run"]["config"]
    assert (config["as_of"], config["ledger"], config["mapping"]) == ("2026-10-31", "exports", "b2b_ledger")


def test_the_sensor_asks_once_per_change(tmp_path):
    ledger = tmp_path / "ledger"
    run = Run(ledger=str(ledger), data_root=str(tmp_path))
    assert isinstance(on_ledger_change(dg.build_sensor_context(), run=run), dg.SkipReason)
    ledger.mkdir()
    (ledger / "invoice.csv").write_text("a\n")
    seen = on_ledger_change(dg.build_sensor_context(), run=run)
    assert not seen.run_requests
    first = on_ledger_change(dg.build_sensor_context(cursor=seen.cursor), run=run)
    assert len(first.run_requests) == 1
    again = on_ledger_change(dg.build_sensor_context(cursor=first.cursor), run=run)
    assert isinstance(again, dg.SkipReason)
    (ledger / "payment.csv").write_text("b\n")
    growing = on_ledger_change(dg.build_sensor_context(cursor=first.cursor), run=run)
    assert not growing.run_requests
    changed = on_ledger_change(dg.build_sensor_context(cursor=growing.cursor), run=run)
    assert changed.run_requests[0].run_key != first.run_requests[0].run_key


def test_files_of_a_folder_are_seen_by_name_size_and_time(tmp_path):
    (tmp_path / "a.csv").write_text("1")
    before = describe_files(tmp_path)
    (tmp_path / "a.csv").write_text("22")
    assert describe_files(tmp_path) != before
