"""What was open of an invoice on a day, from what was known on that day.

Belongs here: the days between which each allocation counts. Does not belong here: balances per instalment
(ledger.balances), which know everything up to the as-of day.

Only days matter: what was learned on one day is known together, as in as-of days.
"""

import polars as pl

from segmentation.domain.schema import Frames
from segmentation.ledger.matching.money import EXACT, ZERO

COUNTED = pl.Schema(
    {
        "invoice_id": pl.String(),
        "from_day": pl.Date(),
        "until_day": pl.Date(),
        "counted": EXACT,
        "event": pl.UInt32(),
    }
)
"""An amount that counts as set against an invoice from a day until before another (null: for good); the
event whose decision it is (null: the source's own)."""


def list_counted(ledger: Frames, undone: pl.DataFrame) -> pl.DataFrame:
    """Return what the source itself set against invoices, with the days between which it counts.

    Parameters
    ----------
    ledger : ``core_payment``, ``core_allocation``.
    undone : as ``list_undone`` returns it; what was allocated of a payment counts until then. A reversal of a part takes nothing back before its own allocations say so: the rest of the invoice then
        counts as covered, and no other payment is matched to it.

    Notes
    -----
    An allocation counts from its own day, even if the payment that it names becomes known later: until then
    nobody could know that it would.
    """
    payments = ledger["core_payment"].select(
        "payment_id",
        pl.coalesce("reversal_of", "payment_id").alias("origin_id"),
    )
    lines = ledger["core_allocation"].join(payments, on="payment_id", how="left")
    return lines.join(undone, on="origin_id", how="left").select(
        "invoice_id",
        pl.col("observed_at").dt.date().alias("from_day"),
        pl.col("undone_day").alias("until_day"),
        pl.col("amount").cast(EXACT).alias("counted"),
        pl.lit(None, dtype=pl.UInt32).alias("event"),
    )


def list_undone(payments: pl.DataFrame) -> pl.DataFrame:
    """Return the payments that were taken back in full: ``origin_id``, ``undone_day``."""
    origins = payments.filter(pl.col("reversal_of").is_null(), pl.col("amount") > 0).select(
        pl.col("payment_id").alias("origin_id"), pl.col("observed_at").dt.date().alias("first_day")
    )
    return (
        payments.select(
            pl.coalesce("reversal_of", "payment_id").alias("origin_id"),
            pl.col("observed_at").dt.date().alias("day"),
            pl.col("amount").cast(EXACT),
        )
        .filter(pl.len().over("origin_id") > 1)
        .group_by("origin_id", "day")
        .agg(pl.col("amount").sum())
        .sort("origin_id", "day")
        .with_columns(pl.col("amount").cum_sum().over("origin_id").alias("net"))
        .join(origins, on="origin_id")
        .filter(pl.col("day") >= pl.col("first_day"), pl.col("net") <= ZERO)
        .group_by("origin_id")
        .agg(pl.col("day").min().alias("undone_day"))
    )


def sum_counted(counted: pl.DataFrame) -> pl.DataFrame:
    """Return ``invoice_id`` and what counts as set against it in the end: ``counted``."""
    lasting = counted.filter(pl.col("until_day").is_null())
    return lasting.group_by("invoice_id").agg(pl.col("counted").sum())


def add_open_amounts(pairs: pl.DataFrame, counted: pl.DataFrame) -> pl.DataFrame:
    """Return pairs of an event and an invoice with ``open_amount``, as known then.

    Parameters
    ----------
    pairs : ``event``, ``invoice_id``, ``day``, ``invoice_amount``, and whatever else.
    counted : ``COUNTED``; of what was decided here, the decisions on earlier events count.
    """
    wanted = pairs.select("event", "invoice_id", "day").unique()
    taken = (
        counted.rename({"event": "by_event"})
        .join(wanted, on="invoice_id")
        .filter(
            pl.col("by_event").is_null() | (pl.col("by_event") < pl.col("event")),
            pl.col("from_day") <= pl.col("day"),
            pl.col("until_day").is_null() | (pl.col("until_day") > pl.col("day")),
        )
        .group_by("event", "invoice_id")
        .agg(pl.col("counted").sum())
    )
    return (
        pairs.join(taken, on=["event", "invoice_id"], how="left")
        .with_columns((pl.col("invoice_amount") - pl.col("counted").fill_null(ZERO)).alias("open_amount"))
        .drop("counted")
    )
