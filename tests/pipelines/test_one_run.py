"""A snapshot is made of the tables of one run whose ledger passed its checks, however its assets were materialised."""

import datetime as dt

import dagster as dg
import polars as pl
import pytest

from pipelines import checks
from pipelines.assets.publication import candidate_snapshot, published_snapshot
from pipelines.resources import Run
from segmentation.domain.core_tables import QUALITY, RUN
from segmentation.domain.errors import GateBlockedError

SOME = ("core_run", "core_quality", "pred_segment", "audit_verdict", "out_recommendations")


@pytest.fixture
def run(tmp_path, monkeypatch):
    """The warehouse after a run, of whose tables a few stand for all."""
    monkeypatch.setattr(checks, "CHECKED_TABLES", {name: checks.CHECKED_TABLES[name] for name in SOME})
    made = Run(ledger=str(tmp_path), data_root=str(tmp_path / "root"))
    store_all(made, 1)
    return made


def store_all(run, day, but=""):
    facts = {"as_of_date": dt.date(2026, 3, day), "mapping_name": "m", "data_hash": f"{day}"}
    run.store(RUN, RUN.conform(pl.DataFrame([facts | {"rows_in": 1, "rows_later": 0}])))
    for table in checks.CHECKED_TABLES.values():
        if table.name not in (RUN.name, but):
            run.store(table, table.empty())


@pytest.mark.parametrize("name", ["audit_verdict", "out_recommendations", "pred_segment"])
def test_a_table_of_the_day_before_makes_no_snapshot(run, name):
    checks.require_one_run(run)
    store_all(run, 2, but=name)
    with pytest.raises(GateBlockedError, match=name):
        checks.require_one_run(run)


@pytest.mark.parametrize("asset", [candidate_snapshot, published_snapshot])
def test_a_ledger_that_failed_its_checks_makes_no_snapshot(run, asset, tmp_path):
    failed = [("lists", "C1", 0, 0, 0, "fail", "Lists differ")]
    run.store(QUALITY, pl.DataFrame(failed, schema=QUALITY.polars_schema, orient="row"))
    (tmp_path / "invoice.csv").touch()
    with pytest.raises(GateBlockedError, match="Lists differ"):
        dg.materialize([asset], resources={"run": run}, instance=dg.DagsterInstance.ephemeral())
