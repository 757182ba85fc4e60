"""Money that the books seem to have already: payments of a bank statement, entered by hand or by an import.

Belongs here: finding the booked payments that a statement's may repeat. Does not belong here: what follows
(by_payer).
"""

import polars as pl

from segmentation.domain.schema import Frames
from segmentation.ledger.matching.money import EXACT
from segmentation.ledger.matching.rules import BOOKED_DAYS

_DAY = pl.col("observed_at").dt.date()
_ACCOUNT_DAY = ["customer_id", "currency", "booked_value_date"]
_ORDER_DAY = ["payer", "currency", "value_date", "payment_day"]


def find_booked(events: pl.DataFrame, payments: pl.DataFrame, ledger: Frames) -> pl.DataFrame:
    """Return the events with ``booked_for``: customers whose books have the same money already.

    Parameters
    ----------
    events : ``event``, ``payment_id``, ``day``, ``currency``.
    payments : payments to match: ``payment_id``, ``amount``, ``currency``, ``value_date``, ``payment_day``.
    ledger : ``core_payment``, ``core_allocation``, ``core_invoice``.

    Returns
    -------
    The same rows; ``booked_for`` lists the customers whose books have a sum of the same amount and currency
    and nearly the same value date, known on the day and not taken back: one payment that its source allocated,
    or all of the customer's of one value date, where the books have one per invoice and the bank one for all.
    The amount of the statement is that of the payment, or of all that one payer sent on one value date and one
    statement brought, where the bank has several lines for what the books have as one.

    Notes
    -----
    Only whole days are added up: among parts of many payments some always add up by chance.
    """
    booked = _list_booked(ledger)
    if not booked.height:
        return events.with_columns(pl.lit(None, dtype=pl.List(pl.String)).alias("booked_for"))
    sums = pl.concat([booked.drop("booked_id"), _add_up_days(booked)])
    sent = payments.select("payment_id", pl.col("amount").cast(EXACT), "value_date")
    amounts = pl.concat([sent, _add_up_lines(payments, ledger["core_payment"])])
    found = (
        events.select("event", "payment_id", "day", "currency")
        .join(amounts, on="payment_id")
        .join(sums, on=["currency", "amount"])
        .filter(
            pl.col("from_day") <= pl.col("day"),
            pl.col("until_day").is_null() | (pl.col("until_day") > pl.col("day")),
            (pl.col("value_date") - pl.col("booked_value_date")).dt.total_days().abs() <= BOOKED_DAYS,
        )
        .group_by("event")
        .agg(pl.col("customer_id").unique().sort().alias("booked_for"))
    )
    return events.join(found, on="event", how="left", maintain_order="left")


def _list_booked(ledger: Frames) -> pl.DataFrame:
    """Return the payments that their source allocated, per customer of the invoices, and from when to when.

    ``booked_id``, ``customer_id``, ``currency``, ``amount``, ``booked_value_date``, ``from_day``, ``until_day``.
    """
    received = ledger["core_payment"].filter(pl.col("amount") > 0)
    taken_back = (
        ledger["core_payment"]
        .filter(pl.col("reversal_of").is_not_null())
        .group_by(pl.col("reversal_of").alias("booked_id"))
        .agg(_DAY.min().alias("until_day"))
    )
    return (
        ledger["core_allocation"]
        .filter(pl.col("amount") > 0)
        .select(pl.col("payment_id").alias("booked_id"), "invoice_id", _DAY.alias("allocation_day"))
        .drop_nulls("booked_id")
        .join(ledger["core_invoice"].select("invoice_id", "customer_id"), on="invoice_id")
        .group_by("booked_id", "customer_id")
        .agg(pl.col("allocation_day").min())
        .join(
            received.select(
                pl.col("payment_id").alias("booked_id"),
                "currency",
                pl.col("amount").cast(EXACT),
                pl.col("value_date").alias("booked_value_date"),
                _DAY.alias("booked_day"),
            ),
            on="booked_id",
        )
        .join(taken_back, on="booked_id", how="left")
        .select(
            "booked_id",
            *_ACCOUNT_DAY,
            "amount",
            pl.max_horizontal("booked_day", "allocation_day").alias("from_day"),
            "until_day",
        )
    )


def _add_up_days(booked: pl.DataFrame) -> pl.DataFrame:
    """Return what the books had of a customer for a value date, from when to when: several payments in one sum."""
    several = booked.filter(pl.len().over(_ACCOUNT_DAY) > 1)
    came = several.select(*_ACCOUNT_DAY, pl.col("from_day").alias("day"), "amount")
    went = several.drop_nulls("until_day").select(
        *_ACCOUNT_DAY, pl.max_horizontal("from_day", "until_day").alias("day"), -pl.col("amount")
    )
    return (
        pl.concat([came, went])
        .group_by(*_ACCOUNT_DAY, "day")
        .agg(pl.col("amount").sum())
        .sort(*_ACCOUNT_DAY, "day")
        .select(
            *_ACCOUNT_DAY,
            pl.col("amount").cum_sum().over(_ACCOUNT_DAY).cast(EXACT),
            pl.col("day").alias("from_day"),
            pl.col("day").shift(-1).over(_ACCOUNT_DAY).alias("until_day"),
        )
        .select(booked.drop("booked_id").columns)
    )


def _add_up_lines(payments: pl.DataFrame, all_payments: pl.DataFrame) -> pl.DataFrame:
    """Return per payment what its payer sent in all on its value date, where that was more than one payment."""
    payers = all_payments.select(
        "payment_id", pl.coalesce("payer_account", "payer_name").str.strip_chars().alias("payer")
    )
    return (
        payments.join(payers, on="payment_id")
        .filter(pl.col("payer") != "")
        .filter(pl.len().over(_ORDER_DAY) > 1)
        .select("payment_id", pl.col("amount").cast(EXACT).sum().over(_ORDER_DAY), "value_date")
    )
