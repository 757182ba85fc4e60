"""Who moved from one segment to another since the previous snapshot, and why.

Belongs here: comparison with the previous snapshot, and the count of all moves. Does not belong here: applying
the previous model to what is known now (segments).
"""

import polars as pl

from segmentation.domain.published_tables import CUSTOMER_SEGMENTS, SEGMENT_MIGRATIONS
from segmentation.domain.vocabulary import ChangeReason


def compare_segments(segment: pl.DataFrame, previous: pl.DataFrame | None) -> pl.DataFrame:
    """Return the segment of every customer beside the previous one, as ``out_customer_segments``.

    Parameters
    ----------
    segment : ``pred_segment``.
    previous : ``out_customer_segments`` of the previous snapshot; None for the first one.

    Notes
    -----
    Three segments are compared: the previous one, what the previous model says on what is known now
    (``segment_by_previous_model``), and the new one. Who would have moved under the previous model too changed
    because of *behaviour*: payments, and the passing of time. Who would have stayed changed because of the
    *model*: its version, its settings, or the prior, which is fitted to the whole book.

    Where the previous model cannot be applied (another version, or the first snapshot that keeps it) it is
    *behaviour* when the count of settled, late or excluded instalments differs, else *model*. *None* when the
    segment is the same or the customer is new.
    """
    counts = ("settled_count", "late_count", "excluded_count")
    earlier = CUSTOMER_SEGMENTS.empty() if previous is None else previous
    joined = segment.join(
        earlier.select(
            "customer_id",
            pl.col("segment").alias("previous_segment"),
            *(pl.col(name).alias(f"previous_{name}") for name in counts),
        ),
        on="customer_id",
        how="left",
    )
    is_counted_otherwise = pl.any_horizontal(pl.col(name) != pl.col(f"previous_{name}") for name in counts)
    would_move = pl.col("segment_by_previous_model") != pl.col("previous_segment")
    is_unchanged = pl.col("previous_segment").is_null() | (pl.col("segment") == pl.col("previous_segment"))
    return CUSTOMER_SEGMENTS.conform(
        joined.with_columns(
            pl.when(is_unchanged)
            .then(pl.lit(ChangeReason.NONE.value))
            .when(would_move.fill_null(is_counted_otherwise))
            .then(pl.lit(ChangeReason.BEHAVIOUR.value))
            .otherwise(pl.lit(ChangeReason.MODEL.value))
            .alias("changed_because")
        )
    )


def count_migrations(customer_segments: pl.DataFrame) -> pl.DataFrame:
    """Return how many customers went from which segment to which, and why (``out_segment_migrations``).

    Parameters
    ----------
    customer_segments : ``out_customer_segments``; customers who are new are left out.
    """
    way = [pl.col("previous_segment").alias("from_segment"), pl.col("segment").alias("to_segment")]
    return SEGMENT_MIGRATIONS.conform(
        customer_segments.drop_nulls("previous_segment")
        .group_by(*way, "changed_because")
        .agg(pl.len().alias("customer_count"))
        .sort("from_segment", "to_segment", "changed_because")
    )
