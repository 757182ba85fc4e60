"""Money taken back of which it is not clear from which payment: whose it may be.

Belongs here: candidates of such returns, for ``core_payment_match``. Does not belong here: linking
(returned), matching of payments (decision).
"""

import polars as pl

from segmentation.domain.core_tables import PAYMENT_MATCH
from segmentation.domain.schema import Frames
from segmentation.domain.vocabulary import MatchRule, MatchStatus
from segmentation.ledger.matching.named import find_named_invoices
from segmentation.ledger.matching.payers import find_payers, list_known_payers, list_signs

_OWNER = pl.Schema({"return_id": pl.String(), "customer_id": pl.String(), "invoice_id": pl.String()})


def describe_unclear_returns(returns: pl.DataFrame, pairs: pl.DataFrame, ledger: Frames) -> pl.DataFrame:
    """Return the rows of ``core_payment_match`` for returns that were not linked.

    Parameters
    ----------
    returns : rows of ``core_payment`` that were not linked.
    pairs : ``return_id``, ``payment_id``, as ``link_returns`` returns them.
    ledger : the canonical tables as known on the as-of day, payments matched.

    Returns
    -------
    Per return every customer it may be about, with the invoices that may be open again: those of the
    payments that it may take back, those it names, and whoever is known by its account or name. Nothing is
    set against anything: ``amount`` is nil.
    """
    owners = _list_owners(returns, pairs, ledger)
    count = pl.col("customer_id").count().over("payment_id")
    rows = (
        returns.select("payment_id", "currency", pl.col("observed_at").dt.date().alias("decided_date"))
        .join(owners.rename({"return_id": "payment_id"}), on="payment_id", how="left")
        .sort("payment_id", "customer_id", "invoice_id", nulls_last=True)
        .with_columns(
            (pl.int_range(pl.len()).over("payment_id") + 1).alias("candidate_number"),
            count.alias("candidate_count"),
            pl.lit(0).alias("amount"),
            pl.when(pl.col("customer_id").is_not_null()).then(pl.lit(MatchRule.PAYER.value)).alias("rule"),
            pl.lit(None, dtype=pl.Float64).alias("confidence"),
            pl.when(count > 1)
            .then(pl.lit(MatchStatus.AMBIGUOUS.value))
            .otherwise(pl.lit(MatchStatus.UNMATCHED.value))
            .alias("status"),
            pl.when(count > 0)
            .then(
                pl.lit(
                    "It takes back money, but not clearly of one payment: one of these invoices may be open again."
                )
            )
            .otherwise(pl.lit("It takes back money, and nothing in it resembles a payment or a known payer."))
            .alias("reason"),
        )
    )
    return PAYMENT_MATCH.conform(rows)


def _list_owners(returns: pl.DataFrame, pairs: pl.DataFrame, ledger: Frames) -> pl.DataFrame:
    owned_by = ledger["core_invoice"].select("invoice_id", "customer_id")
    set_against = (
        pairs.join(ledger["core_allocation"], on="payment_id")
        .group_by("return_id", "invoice_id")
        .agg(pl.col("amount").sum())
        .filter(pl.col("amount") > 0)
        .join(owned_by, on="invoice_id")
    )
    given = pairs.join(ledger["core_payment"].select("payment_id", "customer_id"), on="payment_id")
    guessed = pairs.join(ledger[PAYMENT_MATCH.name].select("payment_id", "customer_id"), on="payment_id")
    named, _ = find_named_invoices(returns, ledger)
    events = returns.with_row_index("event").select(
        "event",
        "payment_id",
        pl.col("observed_at").dt.date().alias("day"),
        pl.col("customer_id").alias("given_customer_id"),
    )
    payers = find_payers(events, list_signs(returns), list_known_payers(ledger)).join(events, on="event")
    owners = pl.concat(
        [
            frame.select(pl.col(column).alias("return_id"), "customer_id", invoice.alias("invoice_id"))
            for frame, column, invoice in (
                (set_against, "return_id", pl.col("invoice_id")),
                (named.join(owned_by, on="invoice_id"), "payment_id", pl.col("invoice_id")),
                (given, "return_id", pl.lit(None, dtype=pl.String)),
                (guessed, "return_id", pl.lit(None, dtype=pl.String)),
                (payers, "payment_id", pl.lit(None, dtype=pl.String)),
            )
        ]
    )
    # a customer alone says nothing more where invoices of it are named
    has_invoice = pl.col("invoice_id").is_not_null().any().over("return_id", "customer_id")
    return (
        owners.drop_nulls("customer_id")
        .cast(_OWNER)
        .unique()
        .filter(pl.col("invoice_id").is_not_null() | ~has_invoice)
    )
