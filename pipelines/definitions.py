"""What Dagster loads: all assets, checks, the job, its schedule and its sensor."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import dagster as dg

from pipelines.assets import fairness, features, ledger, publication, risk, segments, treatment
from pipelines.checks import build_schema_checks
from pipelines.jobs import every_morning, on_ledger_change, publish_worklist
from pipelines.resources import DECISIONS_VARIABLE, Run

ROOMS = [ledger, features, risk, segments, treatment, fairness, publication]
SAMPLE_LEDGER = Path(__file__).parents[1] / "data" / "sample"


def build_defs(overrides: Mapping[str, Any] | None = None) -> dg.Definitions:
    """Return the definitions, with resources replaced by ``overrides``.

    Parameters
    ----------
    overrides : resources by name. Without them, ``run`` takes what it is about from the environment:
        SEGMENTATION_LEDGER, SEGMENTATION_MAPPING, SEGMENTATION_DATA_ROOT, SEGMENTATION_AS_OF,
        SEGMENTATION_SETTINGS and SEGMENTATION_DECISIONS, and the sample ledger where they are unset.
    """
    resources = {"run": run_from_environment(os.environ), **(overrides or {})}
    assets = [asset for asset in dg.load_assets_from_modules(ROOMS) if isinstance(asset, dg.AssetsDefinition)]
    return dg.Definitions(
        assets=assets,
        asset_checks=[*dg.load_asset_checks_from_modules(ROOMS), *build_schema_checks(assets)],
        jobs=[publish_worklist],
        schedules=[every_morning],
        sensors=[on_ledger_change],
        resources=resources,
        executor=dg.in_process_executor,
    )


def run_from_environment(environment: Mapping[str, str]) -> Run:
    """Return the run that the environment describes; the sample ledger where it says nothing."""
    return Run(
        ledger=environment.get("SEGMENTATION_LEDGER", str(SAMPLE_LEDGER)),
        mapping=environment.get("SEGMENTATION_MAPPING", "canonical"),
        data_root=environment.get("SEGMENTATION_DATA_ROOT", "data"),
        as_of=environment.get("SEGMENTATION_AS_OF", ""),
        settings_file=environment.get("SEGMENTATION_SETTINGS", ""),
        decisions_url=dg.EnvVar(DECISIONS_VARIABLE) if environment.get(DECISIONS_VARIABLE) else "",
    )


defs = build_defs()
