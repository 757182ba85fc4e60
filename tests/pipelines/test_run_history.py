"""Dagster's history is written fast, and is the history that Dagster itself would have written."""

import os
import sqlite3
import stat
import zlib

import dagster as dg
import pytest
from dagster._core.storage.event_log import SqliteEventLogStorage

from pipelines.execution import prepare_dagster_home, without_password
from pipelines.resources import DECISIONS_VARIABLE, Run
from pipelines.run_history import RunHistory, forget_old_runs


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


def test_old_runs_are_forgotten_with_their_files(history):
    folder, runs = history
    home = folder.parents[1]
    with dg.DagsterInstance.from_config(str(home)) as instance:
        forget_old_runs(instance, keep=1)
        assert [run.run_id for run in instance.get_runs()] == runs[1:]
        assert instance.all_logs(runs[1])
    assert [path for path in home.rglob("*") if runs[0] in path.name] == []
    assert list((home / "storage").glob(runs[1]))


URL = "postgresql://anna:s3cret@127.0.0.1:1/decisions"


@dg.asset
def is_told(run: Run) -> bool:
    return run.decisions_location == URL


def test_the_password_of_the_decisions_store_is_used_and_never_written(tmp_path, monkeypatch):
    (tmp_path / "invoice.csv").write_text("invoice_id\n")
    asked = Run(ledger=str(tmp_path / "invoice.csv"), data_root=str(tmp_path / "root"), decisions_url=URL)
    home = prepare_dagster_home(asked.root)
    monkeypatch.setenv("DAGSTER_HOME", str(home))
    monkeypatch.delenv(DECISIONS_VARIABLE, raising=False)
    with without_password(asked) as run, dg.DagsterInstance.from_config(str(home)) as instance:
        seen = dg.materialize([is_told], resources={"run": run}, instance=instance)
        assert seen.output_for_node("is_told")
    assert DECISIONS_VARIABLE not in os.environ
    with sqlite3.connect(home / "history" / "runs.db") as runs:
        bodies = [zlib.decompress(body) for (body,) in runs.execute("select snapshot_body from snapshots")]
    assert any(b"decisions_url" in body for body in bodies)
    written = [*bodies, *(path.read_bytes() for path in home.rglob("*") if path.is_file())]
    assert not any(b"s3cret" in content for content in written)
    assert stat.S_IMODE(home.stat().st_mode) == 0o700


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
