"""Segments: incidental or structural, with uncertainty, and the likely cause."""

import dagster as dg

from pipelines.plots import plot_counts
from pipelines.resources import Run, asset_spec
from segmentation.domain.core_tables import CAUSE_FINDING, LEDGER_TABLES
from segmentation.domain.room_tables import SEGMENT

GROUP = "segments"


@dg.multi_asset(specs=[asset_spec(SEGMENT, GROUP, [*LEDGER_TABLES, CAUSE_FINDING.name])])
def pred_segment(run: Run) -> dg.MaterializeResult[None]:
    """Segment and cause of every customer, steadied by the segment of the last earlier snapshot."""
    from segmentation.publish.reader import open_previous
    from segmentation.segments.segmentation import segment_customers

    as_of = run.load_as_of()
    previous = open_previous(run.root, as_of)
    segment = segment_customers(
        run.load(LEDGER_TABLES.values()),
        as_of,
        run.settings.segments,
        previous.read_table("out_customer_segments") if previous else None,
        findings=run.load([CAUSE_FINDING])[CAUSE_FINDING.name],
    )
    return run.store(SEGMENT, segment, {"plot": plot_counts(segment, "segment", "customers")})
