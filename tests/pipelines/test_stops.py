"""What stops a run is told in words, however deep Dagster wrapped it; a defect keeps its traceback."""

import sqlite3

import dagster as dg
import pytest
from sqlalchemy.exc import OperationalError

from pipelines import execution
from pipelines.resources import Run
from segmentation.domain.errors import InputRefusedError, UsageError
from tests.snapshot_factory import publish_example

FULL = OperationalError("INSERT", {}, sqlite3.OperationalError("database or disk is full"))


def wrap(error):
    outer = dg.DagsterError()
    outer.__cause__ = error
    return outer


@pytest.fixture
def run(tmp_path, monkeypatch):
    """A run whose job only fails, after it published when ``published`` says so."""

    def run_(error, *, published=False):
        def fail(run, run_id):
            if published:
                publish_example(run.root, run=run_id)
            raise wrap(error)

        monkeypatch.setattr(execution, "_run_job", fail)
        execution._execute(Run(ledger="ledger", data_root=str(tmp_path)))

    return run_


def test_a_refusal_is_found_behind_what_dagster_made_of_it(run):
    with pytest.raises(InputRefusedError, match="no rows"):
        run(wrap(InputRefusedError("no rows", remedy="Export again.")))


@pytest.mark.parametrize("error", [FULL, OSError(28, "No space left on device")])
def test_a_full_disk_is_a_plain_message(run, error):
    with pytest.raises(UsageError, match=r"full|No space left"):
        run(error)


def test_a_history_that_cannot_be_written_fails_no_run_that_published(run, caplog):
    run(FULL, published=True)
    assert "disk is full" in caplog.text


def test_a_defect_is_not_explained_away(run):
    with pytest.raises(dg.DagsterError):
        run(TypeError("a defect"))
