"""Features: what was known about each instalment and customer at one moment."""

import dagster as dg

from pipelines.resources import Run, asset_spec
from segmentation.domain.core_tables import LEDGER_TABLES
from segmentation.features.definitions import FEATURE_TABLES

GROUP = "features"
ISSUE = FEATURE_TABLES["feat_instalment_at_issue"]
OPEN = FEATURE_TABLES["feat_open_instalment"]
CUSTOMER = FEATURE_TABLES["feat_customer"]
INPUTS = [*LEDGER_TABLES]


@dg.multi_asset(specs=[asset_spec(ISSUE, GROUP, INPUTS)])
def feat_instalment_at_issue(run: Run) -> dg.MaterializeResult[None]:
    """Features of every instalment at its issue: what models learn from."""
    from segmentation.features.computation import compute_issue_features

    return run.store(ISSUE, compute_issue_features(run.load(LEDGER_TABLES.values())))


@dg.multi_asset(specs=[asset_spec(OPEN, GROUP, INPUTS)])
def feat_open_instalment(run: Run) -> dg.MaterializeResult[None]:
    """Features of every open instalment on the as-of day: what is scored."""
    from segmentation.features.computation import compute_open_features

    return run.store(OPEN, compute_open_features(run.load(LEDGER_TABLES.values()), run.load_as_of()))


@dg.multi_asset(specs=[asset_spec(CUSTOMER, GROUP, INPUTS)])
def feat_customer(run: Run) -> dg.MaterializeResult[None]:
    """Features of every customer on the as-of day."""
    from segmentation.features.computation import compute_customer_features

    return run.store(CUSTOMER, compute_customer_features(run.load(LEDGER_TABLES.values()), run.load_as_of()))
