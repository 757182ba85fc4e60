"""The book as the measures need it: per instalment what was issued, open, opening and due.

Belongs here: joining balances with the movements behind them. Does not belong here: measures
(portfolio), balances themselves (ledger).
"""

from datetime import date

import polars as pl

from segmentation.domain.schema import AMOUNT_PRECISION, AMOUNT_SCALE, Frames
from segmentation.domain.vocabulary import CoveredBy, PromiseStatus

_AMOUNT = pl.Decimal(AMOUNT_PRECISION + 18, AMOUNT_SCALE)
"""Wide enough for sums over a whole book, and for amounts times days."""

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
        pl.col("amount").cast(_AMOUNT),
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
        (-(pl.col("amount").cast(pl.Float64) * share)).round(AMOUNT_SCALE).cast(_AMOUNT).alias("amount"),
    )
    return pl.concat([direct, taken_back])


def judge_promises(frames: Frames, start: date, as_of: date) -> pl.DataFrame:
    """Return every promise that came due in the period: customer_id, currency, is_kept.

    Parameters
    ----------
    frames : uses ``core_promise_to_pay``, ``core_instalment_balance``, ``core_allocation`` and
        ``core_payment``.
    start : first day of the period.
    as_of : day after the last day of the period.

    Notes
    -----
    The status that the source recorded counts. Where it recorded none, a promise is kept when by the
    promised day the invoice was covered, or at least the promised amount came in since it was made.
    """
    invoice = (
        frames["core_instalment_balance"]
        .group_by("invoice_id")
        .agg(
            pl.col("customer_id").min(),
            pl.col("currency").min(),
            pl.when(~pl.col("is_open").any()).then(pl.col("covered_date").max()).alias("covered_date"),
        )
    )
    due = (
        frames["core_promise_to_pay"]
        .filter(pl.col("promised_date").is_between(pl.lit(start), pl.lit(as_of), closed="left"))
        .select("promise_id", "invoice_id", "made_at", "promised_date", "status", promised="amount")
        .join(invoice, on="invoice_id")
    )
    received = (
        due.select("promise_id", "invoice_id", "made_at", "promised_date")
        .join(list_movements(frames), on="invoice_id")
        .filter(pl.col("moved_on").is_between(pl.col("made_at"), pl.col("promised_date")))
        .group_by("promise_id")
        .agg(pl.col("amount").sum().alias("received_amount"))
    )
    is_settled = pl.col("status").is_in(
        [PromiseStatus.KEPT.value, PromiseStatus.BROKEN.value, PromiseStatus.PARTIAL.value]
    )
    came_in = (pl.col("covered_date") <= pl.col("promised_date")).fill_null(value=False) | (
        pl.col("received_amount") >= pl.col("promised").cast(_AMOUNT)
    ).fill_null(value=False)
    return due.join(received, on="promise_id", how="left").select(
        "customer_id",
        "currency",
        pl.when(is_settled.fill_null(value=False))
        .then(pl.col("status") == PromiseStatus.KEPT.value)
        .otherwise(came_in)
        .alias("is_kept"),
    )


def _opening_shares(balance: pl.DataFrame, movements: pl.DataFrame, start: date) -> pl.DataFrame:
    """Return invoice_id and what was open of it on the first day of the period."""
    earlier = movements.filter(pl.col("moved_on") < start).group_by("invoice_id").agg(pl.col("amount").sum())
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
