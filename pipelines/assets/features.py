"""Features: what was known about each instalment and customer at one moment."""

from collections.abc import Iterator

import dagster as dg

from pipelines.resources import Run, asset_spec
from segmentation.domain.core_tables import LEDGER_TABLES
from segmentation.features.definitions import FEATURE_TABLES

GROUP = "features"
ISSUE = FEATURE_TABLES["feat_instalment_at_issue"]
OPEN = FEATURE_TABLES["feat_open_instalment"]
CUSTOMER = FEATURE_TABLES["feat_customer"]


@dg.multi_asset(specs=[asset_spec(table, GROUP, LEDGER_TABLES) for table in FEATURE_TABLES.values()])
def known_features(run: Run) -> Iterator[dg.MaterializeResult[None]]:
    """Features of every instalment at its issue (to learn from), and of the book and every customer today."""
    from segmentation.features.computation import compute_feature_tables

    frames = compute_feature_tables(run.load(LEDGER_TABLES.values()), run.load_as_of())
    for table in FEATURE_TABLES.values():
        yield run.store(table, frames[table.name])
