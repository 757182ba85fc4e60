"""The book as the measures need it: per instalment what was issued, open, opening and due.

Belongs here: joining balances with the movements behind them. Does not belong here: measures
(portfolio), balances themselves (ledger).
"""

from datetime import date

import polars as pl

from segmentation.domain.movements import SUM_OF_AMOUNTS, list_movements
from segmentation.domain.promises import judge_promises
from segmentation.domain.schema import Frames
from segmentation.domain.vocabulary import CoveredBy, PromiseStatus

_AMOUNT = SUM_OF_AMOUNTS
_NIL = pl.lit(0).cast(_AMOUNT)


def read_book(frames: Frames, start: date, as_of: date) -> pl.DataFrame:
    """Return every instalment with what the measures of the book sum up.

    Parameters
    ----------
    frames : uses ``core_instalment_balance``, ``core_allocation`` and ``core_payment``.
    start : first day of the period.
    as_of : day after the last day of the period.

    Returns
    -------
    customer_id, currency, days_late, and in the row's currency open_amount (never negative),
    issued_amount (issued in the period), opening_amount (open on its first day), due_amount (fell due
    in the period and was paid or is open, lateness not the supplier's doing).
    """
    balance = frames["core_instalment_balance"].sort("invoice_id", "instalment_number")
    amount = pl.col("amount").cast(_AMOUNT)
    in_period = pl.col("due_date").is_between(pl.lit(start), pl.lit(as_of), closed="left")
    is_payers = (pl.col("is_open") | (pl.col("covered_by") == CoveredBy.PAYMENT.value)).fill_null(value=False)
    return (
        balance.join(_opening_shares(balance, list_movements(frames), start), on="invoice_id", how="left")
        .with_columns(
            pl.when("is_open").then(pl.col("open_amount").cast(_AMOUNT)).otherwise(_NIL).alias("open_amount"),
            pl.when(pl.col("issue_date").is_between(pl.lit(start), pl.lit(as_of), closed="left"))
            .then(amount)
            .otherwise(_NIL)
            .alias("issued_amount"),
            # The opening amount is known per invoice; its first instalment carries it.
            pl.when(pl.col("invoice_id").is_first_distinct())
            .then(pl.col("opening_amount"))
            .otherwise(_NIL)
            .fill_null(_NIL)
            .alias("opening_amount"),
            pl.when(in_period & is_payers & ~pl.col("is_supplier_caused"))
            .then(amount)
            .otherwise(_NIL)
            .alias("due_amount"),
        )
        .select(
            "customer_id",
            "currency",
            pl.col("days_late").fill_null(0),
            "open_amount",
            "issued_amount",
            "opening_amount",
            "due_amount",
        )
    )


def list_ended_promises(frames: Frames, start: date, as_of: date) -> pl.DataFrame:
    """Return every promise whose last day was in the period: customer_id, currency, is_kept.

    Parameters
    ----------
    frames : uses ``core_promise_to_pay``, ``core_instalment_balance``, ``core_allocation`` and
        ``core_payment``.
    start : first day of the period.
    as_of : day after the last day of the period.

    Notes
    -----
    What keeps a promise, and its last day: ``segmentation.domain.promises``.
    """
    invoice = (
        frames["core_instalment_balance"]
        .group_by("invoice_id")
        .agg(pl.col("customer_id").min(), pl.col("currency").min())
    )
    return (
        judge_promises(frames, as_of)
        .filter(pl.col("last_day").is_between(pl.lit(start), pl.lit(as_of), closed="left"))
        .join(invoice, on="invoice_id")
        .select("customer_id", "currency", (pl.col("state") == PromiseStatus.KEPT.value).alias("is_kept"))
    )


def _opening_shares(balance: pl.DataFrame, movements: pl.DataFrame, start: date) -> pl.DataFrame:
    """Return invoice_id and what was open of it on the first day of the period."""
    earlier = (
        movements.filter(pl.col("effective_date") < start).group_by("invoice_id").agg(pl.col("amount").sum())
    )
    issued = (
        balance.filter(pl.col("issue_date") < start)
        .group_by("invoice_id")
        .agg(
            pl.col("amount").cast(_AMOUNT).sum().alias("total"),
            (pl.col("covered_date") < start).fill_null(value=False).all().alias("is_covered"),
        )
    )
    left = pl.col("total") - pl.col("amount").fill_null(_NIL)
    return issued.join(earlier, on="invoice_id", how="left").select(
        "invoice_id",
        pl.when(pl.col("is_covered") | (left < 0)).then(_NIL).otherwise(left).alias("opening_amount"),
    )
