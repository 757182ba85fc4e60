"""What is known about each customer's punctuality: late and on time, counted and discounted by age.

Belongs here: which instalments count, as what, and with which weight. Does not belong here:
what the counts say about the customer (propensity), or about the cause (signals).
"""

from datetime import date

import polars as pl

from segmentation.domain.settings import SegmentSettings
from segmentation.domain.vocabulary import CoveredBy

WEIGHT_UNIT = 1 << 20
"""Weights are summed as whole multiples of 2⁻²⁰, so that no order of rows can change a sum."""

LATE = "is_late"
EXCLUDED = "is_excluded"


def classify_instalments(balance: pl.DataFrame, as_of: date, settings: SegmentSettings) -> pl.DataFrame:
    """Return the instalments whose lateness is known, each marked late or not, excluded or not.

    Parameters
    ----------
    balance : ``core_instalment_balance`` as known on the as-of day.
    as_of : start of this day ends what is known.
    settings : ``grace_days`` still count as on time.

    Returns
    -------
    The rows of ``balance`` that say something about paying, with ``is_late``, ``is_excluded``
    (lateness was the supplier's doing) and ``age_days`` (days since the due date, at least nil).

    Notes
    -----
    An instalment is known to be late as soon as it is overdue beyond grace, paid or not; history of
    settled instalments alone would flatter slow payers. It is known to be on time when a payment
    covered it within grace. An open one that is not overdue says nothing yet, and one that a credit
    note or write-off covered says nothing about paying.
    """
    is_payer_decided = pl.col("is_open") | (pl.col("covered_by") == CoveredBy.PAYMENT.value)
    is_overdue = pl.col("days_late") > settings.grace_days
    return balance.filter(
        (pl.col("amount") > 0)
        & pl.col("days_late").is_not_null()
        & is_payer_decided.fill_null(False)
        & (is_overdue | ~pl.col("is_open"))
    ).with_columns(
        is_overdue.alias(LATE),
        pl.col("is_supplier_caused").alias(EXCLUDED),
        (pl.lit(as_of) - pl.col("due_date")).dt.total_days().clip(lower_bound=0).alias("age_days"),
    )


def count_lateness(known: pl.DataFrame, settings: SegmentSettings) -> pl.DataFrame:
    """Return per customer how many instalments are known, how many were late, and their weights.

    Parameters
    ----------
    known : result of ``classify_instalments``.
    settings : ``half_life_days`` is the age at which an instalment counts for half.

    Returns
    -------
    One row per customer with known or excluded instalments: ``settled_count``, ``late_count``,
    ``excluded_count``; ``late_weight``, ``prompt_weight`` (sums of weights) and
    ``late_weight_squares``, ``prompt_weight_squares`` (sums of squared weights);
    ``late_span_days`` (days between the first and the last late due date, null when none was late);
    ``typical_days_late`` (median over paid instalments, null without any); ``severity_days``.

    Notes
    -----
    Weight of an instalment = 2^(−age ÷ half-life), age in days since its due date.

    severity_days = Σ_c n_c ÷ n · (Σ amount · max(days late, 0) ÷ Σ amount), the inner sums over the n_c instalments
    in currency c: the mean delay, each instalment weighted by its amount relative to the customer's own mean amount
    in its currency. It is above the plain mean where the larger invoices are paid later, and the unit of a currency
    does not matter.
    """
    counts = ~pl.col(EXCLUDED)
    late = counts & pl.col(LATE)
    prompt = counts & ~pl.col(LATE)
    weight = (2.0 ** (-pl.col("age_days") / settings.half_life_days)).alias("weight")
    weighted = known.with_columns(weight).with_columns(
        (pl.col("weight") * WEIGHT_UNIT).round().cast(pl.Int64),
        (pl.col("weight").pow(2) * WEIGHT_UNIT).round().cast(pl.Int64).alias("weight_square"),
    )
    late_due = pl.col("due_date").filter(late)
    sums = weighted.group_by("customer_id").agg(
        counts.sum().cast(pl.Int64).alias("settled_count"),
        late.sum().cast(pl.Int64).alias("late_count"),
        pl.col(EXCLUDED).sum().cast(pl.Int64).alias("excluded_count"),
        pl.col("weight").filter(late).sum().alias("late_weight"),
        pl.col("weight").filter(prompt).sum().alias("prompt_weight"),
        pl.col("weight_square").filter(late).sum().alias("late_weight_squares"),
        pl.col("weight_square").filter(prompt).sum().alias("prompt_weight_squares"),
        (late_due.max() - late_due.min()).dt.total_days().alias("late_span_days"),
        pl.col("days_late").filter(counts & ~pl.col("is_open")).median().alias("typical_days_late"),
    )
    scaled = ("late_weight", "prompt_weight", "late_weight_squares", "prompt_weight_squares")
    return (
        sums.with_columns(pl.col(name) / WEIGHT_UNIT for name in scaled)
        .join(_measure_severity(known), "customer_id", "left")
        .sort("customer_id")
    )


def _measure_severity(known: pl.DataFrame) -> pl.DataFrame:
    """Return ``severity_days`` per customer, from sums of whole numbers, which no order of rows can change."""
    amount, delay = pl.col("amount").to_physical(), pl.col("days_late").clip(lower_bound=0)
    by_currency = (
        known.filter(~pl.col(EXCLUDED))
        .group_by("customer_id", "currency")
        .agg(
            pl.len().alias("count"),
            (amount * delay).sum().cast(pl.Float64).alias("delayed_amount"),
            amount.sum().cast(pl.Float64).alias("amount"),
        )
    )
    return (
        by_currency.sort("customer_id", "currency")
        .group_by("customer_id", maintain_order=True)
        .agg(
            (
                (pl.col("delayed_amount") / pl.col("amount") * pl.col("count")).sum() / pl.col("count").sum()
            ).alias("severity_days")
        )
    )
