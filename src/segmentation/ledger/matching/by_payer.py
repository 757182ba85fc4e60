"""Payments that name nothing: decided by payer and amount.

Belongs here: readings of an amount among what a payer owes. Does not belong here: whom a payment may be
from (payers), payments that name invoices (by_name).
"""

import polars as pl

from segmentation.domain.vocabulary import MatchRule, MatchStatus
from segmentation.ledger.matching.candidates import leave_open


def decide_payers(events: pl.DataFrame, payers: pl.DataFrame, holdings: pl.DataFrame) -> pl.DataFrame:
    """Decide by payer and amount: the only reading of the amount counts, or none."""
    possible = payers.join(events.select("event"), on="event", how="semi")
    several = possible.filter(pl.len().over("event") > 1).select(
        "event",
        "customer_id",
        pl.lit(None, dtype=pl.String).alias("invoice_id"),
        pl.lit(MatchRule.PAYER.value).alias("rule"),
        pl.lit("Several customers may have paid it.").alias("reason"),
    )
    single = possible.filter(pl.len().over("event") == 1)
    is_booked = pl.col("customer_id").is_in(pl.col("booked_for")).fill_null(value=False)
    single = single.join(events.select("event", "booked_for"), on="event", maintain_order="left")
    booked = single.filter(is_booked).select(
        "event",
        "customer_id",
        pl.lit(None, dtype=pl.String).alias("invoice_id"),
        pl.lit(MatchRule.PAYER.value).alias("rule"),
        pl.lit(
            "The books have a payment of this amount and day of this payer: it may be the same money."
        ).alias("reason"),
    )
    single = single.filter(~is_booked).drop("booked_for")
    owed = holdings.join(single, on=["event", "customer_id"], how="semi").with_columns(
        (pl.col("due_date") < pl.col("day")).alias("is_overdue")
    )
    total = pl.col("open_amount").sum().over("event")
    overdue = pl.col("open_amount").filter("is_overdue").sum().over("event")
    overdue_count = pl.col("is_overdue").sum().over("event")
    is_exact = pl.col("open_amount") == pl.col("available")
    owed = owed.with_columns(
        is_exact.alias("is_exact"),
        ((total == pl.col("available")) & (pl.len().over("event") > 1)).alias("is_total"),
        (
            (overdue == pl.col("available")) & (overdue_count > 1) & (overdue_count < pl.len().over("event"))
        ).alias("is_overdue_total"),
    ).with_columns(
        (
            pl.col("is_exact").sum().over("event").cast(pl.Int64)
            + pl.col("is_total").cast(pl.Int64)
            + pl.col("is_overdue_total").cast(pl.Int64)
        ).alias("reading_count"),
        (pl.col("is_exact") | pl.col("is_total") | (pl.col("is_overdue_total") & pl.col("is_overdue"))).alias(
            "is_meant"
        ),
    )
    meant = owed.filter("is_meant").sort("event", "invoice_id")
    matched = meant.filter(pl.col("reading_count") == 1).select(
        "event",
        "customer_id",
        "invoice_id",
        pl.col("open_amount").alias("amount"),
        pl.when("is_exact")
        .then(pl.lit(MatchRule.PAYER_AND_AMOUNT.value))
        .otherwise(pl.lit(MatchRule.PAYER_AND_TOTAL.value))
        .alias("rule"),
        pl.lit(MatchStatus.MATCHED.value).alias("status"),
        pl.when("is_exact")
        .then(pl.lit("The payer is known and owed exactly this amount on one invoice."))
        .when("is_total")
        .then(pl.lit("The payer is known and owed exactly this amount in all."))
        .otherwise(pl.lit("The payer is known and exactly this amount was overdue in all."))
        .alias("reason"),
    )
    unclear = meant.filter(pl.col("reading_count") > 1).select(
        "event",
        "customer_id",
        "invoice_id",
        pl.lit(MatchRule.PAYER_AND_AMOUNT.value).alias("rule"),
        pl.lit("The payer is known, and the amount fits several of the open invoices.").alias("reason"),
    )
    nothing = single.join(meant.select("event").unique(), on="event", how="anti").select(
        "event",
        "customer_id",
        pl.lit(None, dtype=pl.String).alias("invoice_id"),
        pl.lit(MatchRule.PAYER.value).alias("rule"),
        pl.lit("The payer is known, but the amount fits no open invoice.").alias("reason"),
    )
    return pl.concat([matched, leave_open(pl.concat([several, booked, unclear, nothing]))])
