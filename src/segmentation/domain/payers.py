"""Who paid, or had money taken back: the customer that each payment is about.

Belongs here: the payer of payments that name none, from what was allocated of them. Does not belong here:
which invoices a payment is for (ledger.matching), whose a payment may be that was allocated to nothing.
"""

import polars as pl

from segmentation.domain.movements import SUM_OF_AMOUNTS
from segmentation.domain.reversals import list_looks, name_origins
from segmentation.domain.schema import Frames

_OBSERVED = pl.col("observed_at").dt.date()


def name_payers(ledger: Frames) -> pl.DataFrame:
    """Return ``core_payment`` with the customer of payments that name none, as ``list_payers`` tells it now.

    Parameters
    ----------
    ledger : as for ``list_payers``; everything in it is taken as known.
    """
    payments = ledger["core_payment"]
    if not payments.get_column("customer_id").has_nulls():
        return payments
    payers = list_payers(ledger).filter(pl.col("until_date").is_null())
    return (
        payments.drop("customer_id")
        .join(payers.select("payment_id", "customer_id"), on="payment_id", how="left", maintain_order="left")
        .select(payments.columns)
    )


def list_payers(ledger: Frames) -> pl.DataFrame:
    """Return whose each payment and reversal was known to be, from when to when.

    Parameters
    ----------
    ledger : ``core_payment``, ``core_allocation`` and ``core_invoice``.

    Returns
    -------
    ``payment_id``, ``customer_id``, ``from_date`` (day on which both the payment and its payer were known), ``until_date``
    (day from which somebody else, or nobody, was known to be the payer; null while it stands): no two rows of a
    payment overlap, and none is empty.

    Notes
    -----
    The payer is the customer that the payment names; else the customer of the invoices that it is
    allocated to; else, of a reversal, the payer of the payment that it takes back in the end. Where the
    invoices are of several customers (or of none that the ledger has), the payer is ambiguous and there is no row:
    ``customer_id`` stays null, and nothing is told of anybody. When all of an allocation is taken back and
    nothing put in its place, the payer stays who it was.
    """
    payments = ledger["core_payment"]
    is_named = pl.col("customer_id").is_not_null()
    named = payments.filter(is_named).select(
        "payment_id",
        "customer_id",
        _OBSERVED.alias("from_date"),
        pl.lit(None, pl.Date).alias("until_date"),
    )
    nameless = payments.filter(~is_named).select("payment_id", _OBSERVED.alias("payment_date"))
    if not nameless.height:
        return named
    debtors = _list_debtors(nameless, ledger)
    told = debtors.group_by("payment_id").agg(pl.col("from_date").min().alias("told_date"))
    through = (
        name_origins(payments)
        .join(nameless, on="payment_id")
        .join(
            pl.concat([named, _tell_spans(debtors)]).rename({"payment_id": "reversed_id"}), on="reversed_id"
        )
        .join(told, on="payment_id", how="left")
        .with_columns(pl.max_horizontal("from_date", "payment_date").alias("from_date"))
        .filter((pl.min_horizontal("until_date", "told_date") > pl.col("from_date")).fill_null(value=True))
    )
    return pl.concat([named, _tell_spans(pl.concat([debtors, through.select(debtors.columns)]))]).filter(
        is_named
    )


def _tell_spans(states: pl.DataFrame) -> pl.DataFrame:
    """Return who the payer was (null: ambiguous) from when to when, from who it was known to be from each day on."""
    changed = pl.any_horizontal(
        pl.col(name).ne_missing(pl.col(name).shift()) for name in ("payment_id", "customer_id")
    )
    return (
        states.sort("payment_id", "from_date")
        .filter(changed)
        .with_columns(pl.col("from_date").shift(-1).over("payment_id").alias("until_date"))
    )


def _list_debtors(nameless: pl.DataFrame, ledger: Frames) -> pl.DataFrame:
    """Return of whom the invoices were that each payment was allocated to, from each day on; null for several."""
    invoices = ledger["core_invoice"].select("invoice_id", "customer_id", _OBSERVED.alias("invoice_date"))
    lines = (
        ledger["core_allocation"]
        .join(nameless, on="payment_id")
        .join(invoices, on="invoice_id", how="left")
        .select(
            "payment_id",
            "customer_id",
            pl.col("amount").cast(SUM_OF_AMOUNTS),
            pl.max_horizontal(_OBSERVED, "invoice_date", "payment_date").alias("known_date"),
        )
    )
    look = ["payment_id", "look_date"]
    return (
        list_looks(lines, "payment_id")
        .select(look)
        .join(lines, on="payment_id")
        .filter(pl.col("known_date") <= pl.col("look_date"))
        .group_by(*look, "customer_id")
        .agg(pl.col("amount").sum())
        .filter(pl.col("amount") != 0)
        .group_by(look)
        .agg(pl.when(pl.len() == 1).then(pl.col("customer_id").first()).alias("customer_id"))
        .select("payment_id", "customer_id", pl.col("look_date").alias("from_date"))
    )
