"""Segments: incidental or structural, with uncertainty, and the likely cause."""

from collections.abc import Iterator

import dagster as dg

from pipelines.plots import plot_counts
from pipelines.resources import Run, asset_spec
from segmentation.domain.core_tables import CAUSE_FINDING, LEDGER_TABLES
from segmentation.domain.room_tables import ROOM_TABLES, SEGMENT

GROUP = "segments"
DEFINITION, MODEL, COMPARISON = (
    ROOM_TABLES[f"pred_segment_{name}"] for name in ("definition", "model", "comparison")
)


@dg.multi_asset(
    specs=[
        asset_spec(SEGMENT, GROUP, [*LEDGER_TABLES, CAUSE_FINDING.name]),
        asset_spec(DEFINITION, GROUP),
        asset_spec(MODEL, GROUP, [*LEDGER_TABLES]),
        asset_spec(COMPARISON, GROUP, [*LEDGER_TABLES]),
    ],
    can_subset=False,
)
def pred_segment(run: Run) -> Iterator[dg.MaterializeResult[None]]:
    """Segment and cause of every customer, steadied by the segment of the last earlier snapshot; what they mean."""
    from segmentation.publish.reader import open_previous
    from segmentation.segments.segment_definitions import define_segments
    from segmentation.segments.segment_model import describe_model, restore_model
    from segmentation.segments.segmentation import segment_book

    as_of = run.load_as_of()
    previous = open_previous(run.root, as_of)
    has_model = previous is not None and "out_segment_model" in previous.manifest.tables
    book = segment_book(
        run.load(LEDGER_TABLES.values()),
        as_of,
        run.settings.segments,
        previous.read_table("out_customer_segments") if previous else None,
        findings=run.load([CAUSE_FINDING])[CAUSE_FINDING.name],
        previous_model=restore_model(previous.read_table("out_segment_model"))
        if previous and has_model
        else None,
    )
    plot = plot_counts(book.customers, "segment", "customers")
    yield run.store(SEGMENT, book.customers, {"plot": plot})
    yield run.store(DEFINITION, define_segments(run.settings.segments))
    yield run.store(MODEL, describe_model(book.model))
    yield run.store(COMPARISON, book.comparison)
