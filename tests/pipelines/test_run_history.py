"""Dagster's history is written fast, and is the history that Dagster itself would have written."""

import dagster as dg
import pytest
from dagster._core.storage.event_log import SqliteEventLogStorage

from pipelines.execution import prepare_dagster_home
from pipelines.run_history import RunHistory


@dg.asset
def ledger() -> dg.MaterializeResult:
    return dg.MaterializeResult(metadata={"dagster/row_count": 3})


@pytest.fixture
def history(tmp_path, monkeypatch):
    """Two runs on record, and the folder that holds them."""
    home = prepare_dagster_home(tmp_path)
    monkeypatch.setenv("DAGSTER_HOME", str(home))
    with dg.DagsterInstance.from_config(str(home)) as instance:
        assert isinstance(instance.event_log_storage, RunHistory)
        runs = [dg.materialize([ledger], instance=instance).run_id for _ in range(2)]
    return home / "history" / "runs", runs


def test_the_storage_that_comes_with_dagster_reads_every_event(history):
    folder, runs = history
    plain = SqliteEventLogStorage(str(folder))
    for run in runs:
        kinds = [
            log.dagster_event.event_type_value for log in plain.get_logs_for_run(run) if log.dagster_event
        ]
        assert kinds[0] == "ASSET_MATERIALIZATION_PLANNED"
        assert kinds[-1] == dg.DagsterEventType.RUN_SUCCESS.value
    (record,) = plain.get_asset_records([dg.AssetKey("ledger")])
    assert record.asset_entry.last_materialization_record.event_log_entry.run_id == runs[-1]


def test_more_runs_than_files_held_open_are_all_kept(tmp_path):
    storage = RunHistory(str(tmp_path))
    instance = dg.DagsterInstance.ephemeral()
    runs = [dg.materialize([ledger], instance=instance).run_id for _ in range(12)]
    for run in runs:
        for entry in instance.all_logs(run):
            storage.store_event(entry)
    assert all(storage.get_logs_for_run(run) for run in runs)
    assert len(storage._engines) <= 8
    storage.dispose()
    assert not storage._engines
