"""What reduced an invoice, and when.

Belongs here: allocations and reversals as dated amounts per invoice. Does not belong here: balances per
instalment (ledger).
"""

import polars as pl

from segmentation.domain.schema import AMOUNT_PRECISION, AMOUNT_SCALE, Frames

SUM_OF_AMOUNTS = pl.Decimal(AMOUNT_PRECISION + 18, AMOUNT_SCALE)
"""Wide enough for sums over a whole book, and for amounts times days."""


def list_movements(frames: Frames) -> pl.DataFrame:
    """Return what reduced an invoice (or, negative, took that back): invoice_id, moved_on, amount.

    Parameters
    ----------
    frames : uses ``core_allocation`` and ``core_payment``.

    Notes
    -----
    A payment counts on its value date, a credit note or write-off on the day of its allocation. A
    reversal that is not allocated itself takes back the allocations of its payment, in proportion,
    on its own value date.
    """
    allocation, payment = frames["core_allocation"], frames["core_payment"]
    value_dates = payment.select("payment_id", "value_date")
    direct = allocation.join(value_dates, on="payment_id", how="left").select(
        "invoice_id",
        pl.coalesce("value_date", "allocated_at").alias("moved_on"),
        pl.col("amount").cast(SUM_OF_AMOUNTS),
    )
    reversals = (
        payment.filter(pl.col("reversal_of").is_not_null())
        .join(allocation.select("payment_id"), on="payment_id", how="anti")
        .select(
            pl.col("reversal_of").alias("payment_id"),
            pl.col("value_date").alias("moved_on"),
            pl.col("amount").abs().cast(pl.Float64).alias("reversed_amount"),
        )
        .join(payment.select("payment_id", pl.col("amount").alias("paid_amount")), on="payment_id")
    )
    share = (pl.col("reversed_amount") / pl.col("paid_amount").cast(pl.Float64)).clip(0.0, 1.0)
    taken_back = allocation.join(reversals, on="payment_id").select(
        "invoice_id",
        "moved_on",
        (-(pl.col("amount").cast(pl.Float64) * share))
        .round(AMOUNT_SCALE)
        .cast(SUM_OF_AMOUNTS)
        .alias("amount"),
    )
    return pl.concat([direct, taken_back])
