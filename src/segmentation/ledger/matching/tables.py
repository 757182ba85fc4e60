"""The tables that matching makes: allocations by rule, and every payment with its candidates.

Belongs here: columns, moments and words of ``core_allocation`` lines and ``core_payment_match``. Does not
belong here: what is matched (decision, rounds).
"""

import polars as pl

from segmentation.domain.core_tables import ALLOCATION, PAYMENT_MATCH
from segmentation.domain.vocabulary import MatchStatus
from segmentation.ledger.matching.money import ZERO
from segmentation.ledger.matching.rules import CONFIDENCE


def write_lines(
    matched: pl.DataFrame, named: pl.DataFrame, invoices: pl.DataFrame, payments: pl.DataFrame
) -> pl.DataFrame:
    """Return the matches as allocations, and the taking back of those that the source overruled."""
    moments = invoices.select("invoice_id", "invoice_day", "invoice_observed_at")
    # the moment from which the match could be made: payment and invoices known
    named_by = (
        matched.select("event", "payment_id", "day")
        .unique()
        .join(named.filter(~pl.col("is_weak")), on="payment_id")
        .join(moments, on="invoice_id")
        .filter(pl.col("invoice_day") <= pl.col("day"))
        .group_by("event")
        .agg(pl.col("invoice_observed_at").max().alias("named_observed_at"))
    )
    lines = (
        matched.join(moments, on="invoice_id")
        .join(payments.drop("currency", "amount"), on="payment_id")
        .join(named_by, on="event", how="left")
        .with_columns(
            pl.max_horizontal(
                "payment_observed_at",
                pl.col("invoice_observed_at").max().over("event"),
                "named_observed_at",
            ).alias("observed_at"),
            pl.col("day").alias("allocated_at"),
            pl.concat_str([pl.lit("match"), "payment_id", "invoice_id"], separator=":").alias(
                "allocation_id"
            ),
            pl.col("rule").alias("match_rule"),
            _confidence("rule").alias("match_confidence"),
        )
    )
    overruled = lines.filter(pl.col("allocated_at_source").is_not_null()).with_columns(
        (-pl.col("amount")).alias("amount"),
        pl.col("allocated_at_source").alias("observed_at"),
        pl.col("allocated_at_source").dt.date().alias("allocated_at"),
        (pl.col("allocation_id") + pl.lit(":taken back")).alias("allocation_id"),
    )
    return ALLOCATION.conform(pl.concat([lines, overruled]))


def _confidence(column: str) -> pl.Expr:
    return pl.col(column).replace_strict(
        {rule.value: confidence for rule, confidence in CONFIDENCE.items()}, return_dtype=pl.Float64
    )


def write_matches(
    payments: pl.DataFrame, events: pl.DataFrame, candidates: pl.DataFrame, refused: pl.DataFrame
) -> pl.DataFrame:
    """Return ``core_payment_match``: of each payment the match, else what was found last."""
    last = candidates.filter(pl.col("event") == pl.col("event").max().over("payment_id"))
    note = pl.format(" The reference {} fails its check digits and was not used.", "refused_reference")
    gone = events.filter(pl.col("is_first"), pl.col("available") <= ZERO).select(
        "payment_id", pl.lit(value=True).alias("is_gone")
    )
    nothing = (
        pl.when("is_gone")
        .then(pl.lit("It was taken back."))
        .when("says")
        .then(pl.lit("Nothing in it names an invoice or a known payer."))
        .otherwise(pl.lit("It says neither what it is for nor who paid."))
    )
    rows = (
        payments.filter(pl.col("allocated_at_source").is_null())
        .drop("amount")
        .join(last.drop("currency", "given_customer_id"), on="payment_id", how="left")
        .join(refused, on="payment_id", how="left")
        .join(gone, on="payment_id", how="left")
        .with_columns(
            pl.col("customer_id").fill_null(pl.col("given_customer_id")),
            pl.col("amount").fill_null(ZERO),
            pl.col("status").fill_null(MatchStatus.UNMATCHED.value),
            pl.col("day").fill_null(pl.col("payment_day")).alias("decided_date"),
            _confidence("rule").alias("confidence"),
            (pl.coalesce("reason", nothing) + pl.coalesce(note, pl.lit(""))).alias("reason"),
        )
        .sort("payment_id", "customer_id", "invoice_id", nulls_last=True)
    )
    return PAYMENT_MATCH.conform(
        rows.with_columns(
            (pl.int_range(pl.len()).over("payment_id") + 1).alias("candidate_number"),
            pl.col("event").count().over("payment_id").alias("candidate_count"),
        )
    )
