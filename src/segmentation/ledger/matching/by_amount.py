"""Money of which nobody knows whose it is: customers who owe exactly its amount.

Belongs here: whom such money holds back. Does not belong here: payments that name an invoice or a payer
(by_name, by_payer).
"""

from datetime import timedelta

import polars as pl

from segmentation.domain.vocabulary import MatchRule
from segmentation.ledger.matching.candidates import leave_open
from segmentation.ledger.matching.money import ZERO
from segmentation.ledger.matching.open_amounts import sum_counted
from segmentation.ledger.matching.rules import LATER_DAYS, MOST_OWING


def list_owing(events: pl.DataFrame, invoices: pl.DataFrame, counted: pl.DataFrame) -> pl.DataFrame:
    """Return the candidates of payments that name nothing: who owes exactly the amount on one invoice.

    Parameters
    ----------
    events : ``event``, ``day``, ``ends_on`` (taken back or allocated by the source after all), ``currency``,
        ``available`` of payments without any candidate.
    invoices : as in ``candidates.Evidence``.
    counted : ``open_amounts.COUNTED``, the decisions on all payments included, as known on the as-of day.

    Returns
    -------
    ``candidates.CANDIDATE``: the invoices that were known at most ``LATER_DAYS`` after the money came and are
    still open, by exactly its amount and in its currency. Nothing is set against them; none where more than ``MOST_OWING`` customers
    owe the amount.

    Notes
    -----
    An equal amount is no evidence of who paid, but it is reason enough to look before a reminder goes out.
    Money that many may have paid would hold back everybody who has the same contract, mostly people who
    have not paid, for as long as one payer writes no reference: it holds nobody. Whom it holds is told from
    what is open today, so that a customer whose invoice is settled otherwise is free.
    """
    amount = ["invoice_currency", "open_amount"]
    owner = pl.struct(pl.col("invoice_day").min().over(*amount, "customer_id"), "customer_id")
    opened = (
        invoices.join(sum_counted(counted), on="invoice_id", how="left")
        .with_columns((pl.col("invoice_amount") - pl.col("counted").fill_null(ZERO)).alias("open_amount"))
        .filter(pl.col("open_amount") > ZERO)
        .with_columns(owner.alias("owner"))
        # the first owners are enough to see that there are too many
        .filter(pl.col("owner").rank("dense").over(amount) <= MOST_OWING + 1)
    )
    owing = (
        events.select("event", "day", "ends_on", "currency", "available")
        .join(opened, left_on=["currency", "available"], right_on=amount)
        .filter(
            pl.col("invoice_day") <= pl.col("day") + timedelta(days=LATER_DAYS),
            pl.col("ends_on").is_null() | (pl.col("invoice_day") < pl.col("ends_on")),
            pl.col("customer_id").n_unique().over("event") <= MOST_OWING,
        )
    )
    return leave_open(
        owing.sort("event", "customer_id", "invoice_id").select(
            "event",
            "customer_id",
            "invoice_id",
            pl.lit(MatchRule.AMOUNT.value).alias("rule"),
            pl.lit("Nothing says who paid it; this customer owes exactly the amount.").alias("reason"),
        )
    )
