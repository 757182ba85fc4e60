"""Periods during which something is in force, merged where they overlap or touch.

Belongs here: from which day on a set of periods no longer covers the as-of day.
"""

from collections.abc import Sequence
from datetime import date, timedelta

import polars as pl

FOREVER = date(9999, 12, 30)


def in_force(frame: pl.DataFrame, key: Sequence[str], as_of: date) -> pl.DataFrame:
    """Return the keys whose periods cover the as-of day, with the first day on which they no longer do.

    Parameters
    ----------
    frame : key columns, ``valid_from`` and ``valid_until`` (both included; null until means until
        further notice).
    key : columns that tell apart what is in force.

    Returns
    -------
    Key columns, ``valid_from`` and ``lifts_on`` (null when no end is known).

    Notes
    -----
    A period that ends on the 10th and one that starts on the 11th are one: what lifts on the 11th
    only to close again the same day never lifted.
    """
    end = pl.col("valid_until").fill_null(FOREVER)
    ordered = frame.with_columns(end.alias("_end")).filter(pl.col("_end") >= pl.col("valid_from"))
    ordered = ordered.sort(*key, "valid_from", "_end", nulls_last=True)
    reach = pl.col("_end").cum_max().shift(1).over(key)
    starts = (pl.col("valid_from") > reach + timedelta(days=1)).fill_null(True)
    return (
        ordered.with_columns(starts.alias("_starts"))
        .with_columns(pl.col("_starts").cum_sum().over(key).alias("_island"))
        .group_by(*key, "_island")
        .agg(pl.col("valid_from").min(), pl.col("_end").max())
        .filter(pl.col("valid_from") <= as_of, pl.col("_end") >= as_of)
        .select(
            *key,
            "valid_from",
            pl.when(pl.col("_end") < FOREVER)
            .then(pl.col("_end").dt.offset_by("1d"))
            .otherwise(None)
            .alias("lifts_on"),
        )
    )
