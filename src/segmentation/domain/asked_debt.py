"""The invoices that a message asks for, and whether what it says of them still stands.

Belongs here: writing them as one column, holding them against what is open now, be it of a snapshot or of a ledger.
Does not belong here: choosing the invoices (treatment), reading what is open.
"""

from datetime import date

import polars as pl

from segmentation.domain.row_lookup import is_known
from segmentation.domain.step_terms import STEP_TERMS, Debt

_FIELDS = {name: pl.String() for name in ("invoice_id", "due_date", "open_amount")}
_DEBT_OF = {action.value: terms.debt.value for action, terms in STEP_TERMS.items()}
_NOTHING_LEFT = {
    Debt.OVERDUE.value: "Nothing of this customer is overdue any more.",
    Debt.COMING.value: "Nothing of this customer is still to fall due.",
    Debt.ANY.value: "Nothing of this customer is open any more.",
}


def write_asked(due_date: str, open_amount: str) -> pl.Expr:
    """Return invoices as a JSON list: an aggregate over column ``invoice_id`` and the two that are named."""
    columns = zip(_FIELDS, ("invoice_id", due_date, open_amount), strict=True)
    fields = pl.struct(pl.col(column).cast(pl.String).alias(name) for name, column in columns)
    return pl.format("[{}]", fields.struct.json_encode().str.join(","))


def find_lapsed(steps: pl.DataFrame, invoices: pl.DataFrame, closed: pl.Series, day: date) -> pl.DataFrame:
    """Return the steps whose debt no longer stands as it did when they were recommended.

    Parameters
    ----------
    steps : recommendation_id, customer_id, action, as_of_date and ``asked_invoices`` (of ``write_asked``; null where
        the step names none, say because a person chose it).
    invoices : invoices that are open now: invoice_id, customer_id, due_date (of the first open instalment) and
        open_amount, one row each.
    closed : identifiers of invoices that a gate closes now.
    day : day on which the steps would be carried out; what is due before it is overdue.

    Returns
    -------
    recommendation_id, customer_id, invoice_id (null: all of them) and ``detail``, why the step no longer holds, in
    words; null where a gate closes the invoice. Every invoice that a step names must be open, with the same amount and
    due date, and behind no gate; where it names none, one invoice must be left that the step may be about.
    """
    told = pl.concat([_hold_named(steps, invoices, closed, day), _hold_unnamed(steps, invoices, closed, day)])
    return told.sort("recommendation_id", "invoice_id", nulls_last=True)


def _hold_named(steps: pl.DataFrame, invoices: pl.DataFrame, closed: pl.Series, day: date) -> pl.DataFrame:
    named = (
        steps.drop_nulls("asked_invoices")
        .select("recommendation_id", "customer_id", "as_of_date", "asked_invoices")
        .with_columns(pl.col("asked_invoices").str.json_decode(pl.List(pl.Struct(_FIELDS))))
        .explode("asked_invoices")
        .unnest("asked_invoices")
        .with_columns(pl.col("due_date").str.to_date(), pl.col("open_amount").cast(pl.Decimal(18, 3)))
        .join(invoices.drop("customer_id"), on="invoice_id", how="left", suffix="_now")
    )
    is_too_late = (pl.col("due_date") >= pl.col("as_of_date")) & (pl.col("due_date") < day)
    detail = (
        pl.when(pl.col("open_amount_now").is_null())
        .then(pl.format("Invoice {} is no longer open.", "invoice_id"))
        .when(pl.col("open_amount") != pl.col("open_amount_now"))
        .then(pl.format("The amount that is open on invoice {} has changed.", "invoice_id"))
        .when(pl.col("due_date") != pl.col("due_date_now"))
        .then(pl.format("The due date of invoice {} has changed.", "invoice_id"))
        .when(is_too_late)
        .then(pl.format("Invoice {} has fallen due: it is too late for a notice before.", "invoice_id"))
    )
    return named.with_columns(detail.alias("detail")).filter(
        pl.col("detail").is_not_null() | is_known(named["invoice_id"], closed)
    )[["recommendation_id", "customer_id", "invoice_id", "detail"]]


def _hold_unnamed(steps: pl.DataFrame, invoices: pl.DataFrame, closed: pl.Series, day: date) -> pl.DataFrame:
    debt, key = pl.col("debt"), "recommendation_id"
    is_due = pl.col("due_date") < day
    fits = (is_due & (debt != Debt.COMING)) | (~is_due & (debt != Debt.OVERDUE))
    about = (
        steps.with_columns(pl.col("action").replace_strict(_DEBT_OF, return_dtype=pl.String).alias("debt"))
        .filter(pl.col("asked_invoices").is_null(), debt != Debt.NONE)
        .select(key, "customer_id", "debt")
        .join(
            invoices.select(
                "customer_id",
                "invoice_id",
                "due_date",
                (~is_known(invoices["invoice_id"], closed)).alias("is_free"),
            ),
            on="customer_id",
            how="left",
        )
        .with_columns(fits.fill_null(value=False).alias("fits"))
    )
    lacking = (
        about.filter(~pl.col("fits").any().over(key))
        .unique(key)
        .with_columns(
            pl.lit(None, dtype=pl.String).alias("invoice_id"),
            debt.replace_strict(_NOTHING_LEFT, return_dtype=pl.String).alias("detail"),
        )
    )
    gated = about.filter("fits").filter(~pl.col("is_free").any().over(key))
    columns = [key, "customer_id", "invoice_id"]
    return pl.concat(
        [
            lacking.select(*columns, "detail"),
            gated.select(*columns, pl.lit(None, dtype=pl.String).alias("detail")),
        ]
    )
