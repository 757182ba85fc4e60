"""The definitions load, every table is one asset, and what blocks publication blocks it."""

import dagster as dg
import pytest

from pipelines.checks import CHECK_NAME
from pipelines.definitions import ROOMS, build_defs, run_from_environment
from pipelines.jobs import JOB_NAME, configure_run
from pipelines.resources import Run
from segmentation.domain.core_tables import LEDGER_TABLES, RAW_TABLES
from segmentation.domain.published_tables import PUBLISHED_TABLES
from segmentation.domain.room_tables import ROOM_TABLES
from segmentation.features.definitions import FEATURE_TABLES


@pytest.fixture(scope="module")
def defs(tmp_path_factory):
    return build_defs({"run": Run(ledger="ledger.csv", data_root=str(tmp_path_factory.mktemp("root")))})


def test_every_table_is_an_asset_of_the_same_name(defs):
    tables = {*RAW_TABLES, *LEDGER_TABLES, *FEATURE_TABLES, *ROOM_TABLES, *PUBLISHED_TABLES}
    assets = {key.to_user_string() for key in defs.resolve_asset_graph().get_all_asset_keys()}
    assert tables <= assets
    assert assets - tables == {
        "core_run",
        "core_decision",
        "core_cause_finding",
        "core_delivery_check",
        "candidate_snapshot",
        "published_snapshot",
    }


def test_every_asset_shows_its_columns_from_the_table_definition(defs):
    graph = defs.resolve_asset_graph()
    spec = graph.get(dg.AssetKey("out_recommendations"))
    columns = spec.metadata["dagster/column_schema"].columns
    assert [column.name for column in columns] == PUBLISHED_TABLES["out_recommendations"].column_names


def test_every_room_has_a_group(defs):
    graph = defs.resolve_asset_graph()
    groups = {graph.get(key).group_name for key in graph.get_all_asset_keys()}
    assert groups == {room.GROUP for room in ROOMS}


def test_checks_before_publication_are_blocking(defs):
    checks = defs.resolve_asset_graph().asset_check_keys
    names = {(key.asset_key.to_user_string(), key.name) for key in checks}
    assert ("candidate_snapshot", "bias_gate_permits_publication") in names
    assert {("out_recommendations", CHECK_NAME), ("core_invoice", CHECK_NAME)} <= names
    for key in checks:
        assert defs.resolve_asset_graph().get(key).blocking, key


def test_the_snapshot_depends_on_the_verdict_of_the_audit(defs):
    graph = defs.resolve_asset_graph()
    ancestors = graph.get_ancestor_asset_keys(dg.AssetKey("published_snapshot"))
    assert dg.AssetKey("audit_verdict") in ancestors


def test_job_runs_in_one_process_with_the_as_of_day_of_the_schedule(defs):
    import datetime as dt

    job = defs.resolve_job_def(JOB_NAME)
    assert job.executor_def.name == "in_process"
    assert dg.validate_run_config(job, configure_run(Run(ledger="ledger.csv"), dt.date(2026, 10, 31)))


def test_environment_becomes_the_run():
    run = run_from_environment({"SEGMENTATION_LEDGER": "exports", "SEGMENTATION_AS_OF": "2026-10-31"})
    assert (run.ledger, run.mapping, run.as_of, run.data_root) == (
        "exports",
        "canonical",
        "2026-10-31",
        "data",
    )
