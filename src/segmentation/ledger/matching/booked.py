"""Money that the books seem to have already: the payment of a bank statement, entered by hand or by an import.

Belongs here: finding the booked payment that a statement's may repeat. Does not belong here: what follows
(by_payer).
"""

import polars as pl

from segmentation.domain.schema import Frames
from segmentation.ledger.matching.rules import BOOKED_DAYS


def find_booked(events: pl.DataFrame, payments: pl.DataFrame, ledger: Frames) -> pl.DataFrame:
    """Return the events with ``booked_for``: customers whose books have the same money already.

    Parameters
    ----------
    events : ``event``, ``payment_id``, ``day``, ``currency``.
    payments : payments to match: ``payment_id``, ``amount``, ``value_date``.
    ledger : ``core_payment``, ``core_allocation``, ``core_invoice``.

    Returns
    -------
    The same rows; ``booked_for`` lists the customers of whom a payment that their source allocated has the
    same amount and currency and nearly the same value date, was known on the day and had not been taken back.
    """
    day = pl.col("observed_at").dt.date()
    received = ledger["core_payment"].filter(pl.col("amount") > 0)
    taken_back = (
        ledger["core_payment"]
        .filter(pl.col("reversal_of").is_not_null())
        .group_by(pl.col("reversal_of").alias("booked_id"))
        .agg(day.min().alias("taken_back_day"))
    )
    booked = (
        ledger["core_allocation"]
        .filter(pl.col("amount") > 0)
        .select(pl.col("payment_id").alias("booked_id"), "invoice_id", day.alias("allocation_day"))
        .drop_nulls("booked_id")
        .join(ledger["core_invoice"].select("invoice_id", "customer_id"), on="invoice_id")
        .join(
            received.select(
                pl.col("payment_id").alias("booked_id"),
                "currency",
                "amount",
                pl.col("value_date").alias("booked_value_date"),
                day.alias("booked_day"),
            ),
            on="booked_id",
        )
        .join(taken_back, on="booked_id", how="left")
    )
    if not booked.height:
        return events.with_columns(pl.lit(None, dtype=pl.List(pl.String)).alias("booked_for"))
    found = (
        events.select("event", "payment_id", "day", "currency")
        .join(payments.select("payment_id", "amount", "value_date"), on="payment_id")
        .with_columns(pl.col("amount").cast(booked.schema["amount"]))
        .join(booked, on=["currency", "amount"])
        .filter(
            pl.col("booked_id") != pl.col("payment_id"),
            pl.max_horizontal("booked_day", "allocation_day") <= pl.col("day"),
            pl.col("taken_back_day").is_null() | (pl.col("taken_back_day") > pl.col("day")),
            (pl.col("value_date") - pl.col("booked_value_date")).dt.total_days().abs() <= BOOKED_DAYS,
        )
        .group_by("event")
        .agg(pl.col("customer_id").unique().sort().alias("booked_for"))
    )
    return events.join(found, on="event", how="left", maintain_order="left")
